# The size of a recorded balloon over time, and where the time of its messages
# goes. Rows: time ns, pages, host ns, guest ns.
load plots."/style.gp"
set multiplot layout 2,1
set lmargin 10
set xrange [*:*] noextend
set key bottom right
set ylabel "GiB in the balloon"
set yrange [0:]
set format x ""
plot dir."/balloon.tsv" skip 1 using ($1/1e9):($2*4096/2**30) with lines linetype 1 notitle
set format x "%g"
set xlabel "s"
set ylabel "ms a message"
set key top left
plot dir."/balloon.tsv" skip 1 using ($1/1e9):(($3+$4)/1e6) with impulses linetype 6 title "guest", \
     dir."/balloon.tsv" skip 1 using ($1/1e9):($3/1e6) with impulses linetype 1 title "host"
unset multiplot
