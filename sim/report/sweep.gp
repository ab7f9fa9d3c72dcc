# A result of each point of a sweep, in the colour of the first thing varied.
# dir, result and by (columns), what, group[1..groups].
load plots."/style.gp"
set datafile separator "\t"
rows = dir."/rows.tsv"
set title what noenhanced
set xlabel "point"
set xrange [0:*]
stats rows skip 1 using result nooutput
if (STATS_min > 0 && STATS_max > 30 * STATS_min) { set logscale y }
set key below vertical maxcols 2 noenhanced
set bmargin 4 + (groups + 1) / 2 * 1.5
sheet = 340 + 11 * groups
set terminal svg size 500,sheet dynamic enhanced font "sans-serif,14" background "white"
if (groups > 0) {
    plot for [g=1:groups] rows skip 1 using (strcol(by) eq group[g] ? column(1) : NaN):result with points linetype g pointtype 7 pointsize 0.5 title group[g]
} else {
    plot rows skip 1 using 1:result with points linetype 1 pointtype 7 pointsize 0.5 notitle
}
