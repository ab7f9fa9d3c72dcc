# Every interrupt of the run: when it was raised, and how long it waited.
load plots."/style.gp"
set output dir."/timeline.svg"
set logscale y
set title "Latency of each interrupt over the run (recorded)"
set xlabel "time, s"
set ylabel "latency, µs"
plot dir."/timeline.tsv" skip 1 using ($1/1e9):($4/1e3) with points pointtype 7 pointsize 0.25 linecolor "#0072b2" title "interrupt", \
     dir."/timeline-ipi.tsv" skip 1 using ($1/1e9):($4/1e3) with points pointtype 7 pointsize 0.25 linecolor "#e69f00" title "IPI"
