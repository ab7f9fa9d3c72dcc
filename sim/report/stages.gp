# Where the time of a simulated interrupt goes, on average: stage after stage,
# each beginning where the one before it ends.
load plots."/style.gp"
rows = dir."/stages.tsv"
set title "Where the time goes (simulated, mean)"
set xlabel "time since the input was raised, µs"
unset key
stats rows skip 1 using (($2+$3)/1e3) nooutput
set yrange [STATS_records - 0.4:-0.6]
set xrange [0:STATS_max * 1.14]
unset grid
set grid xtics linetype 1 linecolor "#dddddd" linewidth 1
set style fill solid 1 noborder
plot rows skip 1 using ($3/1e3):0:($3/1e3):(($2+$3)/1e3):($0-0.36):($0+0.36):(stage($0)):ytic(1) with boxxyerror linecolor rgb variable, \
     rows skip 1 using (($2+$3)/1e3):0:(sprintf("%.2f", $2/1e3)) with labels left offset 0.6,0 textcolor "#333333"
