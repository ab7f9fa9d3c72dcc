# Time from exit to resumption, a line for each address range: the middle one,
# with a bar from the shortest to the one that 99 of 100 do not exceed.
load plots."/style.gp"
set datafile separator "\t"
rows = dir."/bus.tsv"
last = 23
stats rows skip 1 using 3 nooutput
shown = STATS_records > last + 1 ? last + 1 : STATS_records
high = 150 + 22 * shown
set terminal svg size 500,high dynamic enhanced font "sans-serif,14" background "white"
set logscale x
set title "From exit to resumption, by range"
set xtics @seconds
set ytics noenhanced
set yrange [shown - 0.4:-0.6]
set xrange [*:*]
unset grid
set grid ytics xtics linetype 1 linecolor "#dddddd" linewidth 1
set key below vertical maxrows 3 Left reverse
set lmargin at screen 0.37
set rmargin at screen 0.97
plot rows every ::1::last+1 using ($7 > 0 ? $9/1e9 : NaN):0:($8/1e9):($10/1e9):ytic(1) with xerrorbars linetype 1 pointtype 7 pointsize 0.7 title "recorded: least, middle, 99 of 100", \
     rows every ::1::last+1 using ($12 > 0 ? $13/1e9 : NaN):($0+0.2) with points linetype 5 pointtype 6 pointsize 0.8 title "up to the next event, middle", \
     rows every ::1::last+1 using ($5 > 0 ? $14/1e9 : NaN):($0-0.2) with points linetype 2 pointtype 2 pointsize 0.8 title "simulated, middle"
