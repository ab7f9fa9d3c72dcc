# Where the time of a simulated interrupt goes, on average.
load plots."/style.gp"
set output dir."/stages.svg"
set title "Where the time of an interrupt goes (simulated, mean)"
set style data histograms
set style fill solid 0.9 noborder
set boxwidth 0.7
set ylabel "µs"
set xtics rotate by 0
unset key
set yrange [0:]
plot dir."/stages.tsv" skip 1 using ($2/1e3):xtic(1) linetype 1
