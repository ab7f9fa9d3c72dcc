# Stages of a simulated interrupt, one after the other, a bar a run.
load plots."/style.gp"
set title "Where the time goes (simulated, mean)"
set xlabel "time since the input was raised, µs"
set yrange [runs + 0.6:0.4]
set xrange [0:*]
set ytics () noenhanced
do for [i=1:runs] { set ytics add (strlen(name[i]) > 20 ? name[i][1:19]."…" : name[i] i) }
set lmargin at screen 0.34
set rmargin at screen 0.96
unset grid
set grid xtics linetype 1 linecolor "#dddddd" linewidth 1
set style fill solid 1 noborder
set key below horizontal maxrows 2 samplen 0.6 width -1.5
set bmargin 7.5
steps = "router pin busy kick wake entry dispatch clear"
plot for [i=1:runs] dir[i]."/stages.tsv" skip 1 using ($3/1e3):(i):($3/1e3):(($2+$3)/1e3):(i-0.36):(i+0.36):(stage($0)) with boxxyerror linecolor rgb variable notitle, \
     for [s=1:words(steps)] keyentry with boxes fillcolor rgb stage(s - 1) title word(steps, s)
