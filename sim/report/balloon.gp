# The size of a recorded balloon over time, and where the time of its messages
# goes. Rows: time ns, pages, host ns, guest ns.
load plots."/style.gp"
set terminal svg size 500,440 dynamic enhanced font "sans-serif,14" background "white"
rows = dir."/balloon.tsv"
stats rows skip 1 using (($3+$4)/1e6) nooutput
set multiplot
set lmargin at screen 0.17
set rmargin at screen 0.97
set xrange [*:*] noextend
set tmargin at screen 0.97
set bmargin at screen 0.60
set ylabel "GiB in the balloon"
set yrange [0:]
set format x ""
plot rows skip 1 using ($1/1e9):($2*4096/2**30) with lines linetype 1 notitle
set format x "%g"
set tmargin at screen 0.52
set bmargin at screen 0.23
set xlabel "time, s"
set ylabel "ms a message"
# About four lines, at a round number each.
rough = STATS_max > 0 ? STATS_max / 4 : 1
power = 10 ** floor(log10(rough))
step = rough / power < 2 ? power * 2 : rough / power < 5 ? power * 5 : power * 10
set ytics step
set key at screen 0.55, screen 0.045 center horizontal
plot rows skip 1 using ($1/1e9):(($3+$4)/1e6) with impulses linetype 6 title "guest", \
     rows skip 1 using ($1/1e9):($3/1e6) with impulses linetype 1 title "host"
unset multiplot
