# Where the time of an operation goes: a bar a mechanism, stage after stage.
# Rows: name, then ms of each stage; the first row names the stages.
load plots."/style.gp"
rows = dir."/balloon-stages.tsv"
set datafile separator "\t"
columns = int(system("head -n 1 '".rows."' | wc -w"))
stats rows skip 1 using 2 nooutput
bars = STATS_records
# The stages that any bar has; the others are not in the key.
there = ""
do for [i=2:columns] {
    stats rows skip 1 using i nooutput
    if (STATS_max > 0) { there = there." ".i }
}
sheet = 230 + 36 * bars
set terminal svg size 500,sheet dynamic enhanced font "sans-serif,14" background "white"
set title "Where the time of the operation goes"
set xlabel "ms"
set yrange [bars - 0.4:-0.6]
set xrange [0:*]
unset grid
set grid xtics linetype 1 linecolor "#dddddd" linewidth 1
set xtics autofreq noenhanced
set style fill solid 1 noborder
set key below horizontal samplen 0.6
set bmargin 7
head = system("head -n 1 '".rows."'")
upto(i) = sum [c=2:i] column(c)
plot for [i=2:columns] rows skip 1 using (upto(i)):0:(upto(i) - column(i)):(upto(i)):($0-0.36):($0+0.36):ytic(1) with boxxyerror linecolor rgb stage(i - 2) notitle, \
     for [i in there] keyentry with boxes fillcolor rgb stage(i - 2) title word(head, int(i))
