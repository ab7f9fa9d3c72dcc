# Where the time of an operation goes: a bar a mechanism, stage upon stage.
# Rows: name, then ms of each stage; the first row names the stages.
load plots."/style.gp"
set style data histograms
set style histogram rowstacked
set style fill solid 0.9 border linecolor "white"
set boxwidth 0.6
set ylabel "ms"
set yrange [0:]
set key outside right top Left reverse invert
unset grid
set grid ytics linetype 1 linecolor "#dddddd" linewidth 1
set linetype 9 linecolor "#882255"
set linetype 10 linecolor "#44aa99"
set linetype 11 linecolor "#999933"
set linetype 12 linecolor "#332288"
stats dir."/balloon-stages.tsv" skip 1 using 2 nooutput
set xrange [-0.6:STATS_records - 0.4]
columns = int(system("head -n 1 '".dir."/balloon-stages.tsv' | wc -w"))
plot for [i=2:columns] dir."/balloon-stages.tsv" using i:xtic(1) \
    title columnheader(i) linetype (i - 1)
