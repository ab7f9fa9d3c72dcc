# How many interrupts of each vector each vCPU took.
load plots."/style.gp"
set output dir."/map.svg"
unset key
unset grid
set title "Interrupts taken, by vector and vCPU"
set xlabel "vector"
set ylabel "vCPU"
set cblabel "interrupts"
set logscale cb
set ytics 1
set palette defined (0 "#deebf7", 0.5 "#4292c6", 1 "#08306b")
stats dir."/map.tsv" skip 1 using 2 nooutput
set yrange [-0.5:STATS_max + 0.5]
if (STATS_max > 16) set ytics 8
plot dir."/map.tsv" skip 1 using 1:2:3 with points pointtype 5 pointsize 1.1 palette
