# Stages of a balloon operation, one after the other, a bar a run: the first row
# of each balloon-stages.tsv.
load plots."/style.gp"
set datafile separator "\t"
columns = int(system("head -n 1 '".dir[1]."/balloon-stages.tsv' | wc -w"))
head = system("head -n 1 '".dir[1]."/balloon-stages.tsv'")
# The stages that any bar has; the others are not in the key.
there = ""
do for [c=2:columns] {
    found = 0
    do for [i=1:runs] {
        stats dir[i]."/balloon-stages.tsv" every ::1::1 using c nooutput
        found = found || STATS_max > 0
    }
    if (found) { there = there." ".c }
}
upto(c) = sum [k=2:c] column(k)
longest = 0
do for [i=1:runs] {
    stats dir[i]."/balloon-stages.tsv" every ::1::1 using (upto(columns)) nooutput
    longest = STATS_max > longest ? STATS_max : longest
}
# About four ticks, at a round number each: more would run into each other.
rough = longest > 0 ? longest / 4 : 1
power = 10 ** floor(log10(rough))
step = rough / power < 2 ? power * 2 : rough / power < 5 ? power * 5 : power * 10
sheet = 230 + 36 * runs
set terminal svg size 500,sheet dynamic enhanced font "sans-serif,14" background "white"
set title "Where the time of the operation goes"
set xlabel "ms"
set yrange [runs + 0.6:0.4]
set xrange [0:*]
set xtics step
set ytics () noenhanced
do for [i=1:runs] { set ytics add (strlen(name[i]) > 20 ? name[i][1:19]."…" : name[i] i) }
set lmargin at screen 0.36
set rmargin at screen 0.96
set bmargin 7
unset grid
set grid xtics linetype 1 linecolor "#dddddd" linewidth 1
set style fill solid 1 noborder
set key below horizontal samplen 0.6
plot for [i=1:runs] for [c=2:columns] dir[i]."/balloon-stages.tsv" every ::1::1 using (upto(c)):(i):(upto(c) - column(c)):(upto(c)):(i-0.36):(i+0.36) with boxxyerror linecolor rgb stage(c - 2) notitle, \
     for [c in there] keyentry with boxes fillcolor rgb stage(c - 2) title word(head, int(c))
