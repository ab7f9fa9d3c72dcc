# How much a result changes when a number of the profile is lowered and raised.
# Rows: rank, number, value, unit, assumed, low, base, high, their changes in %.
load plots."/style.gp"
set datafile separator "\t"
rows = dir."/sensitivity.tsv"
last = 11
stats rows skip 1 using 1 nooutput
shown = STATS_records > last + 1 ? last + 1 : STATS_records
sheet = 140 + 24 * shown
set terminal svg size 500,sheet dynamic enhanced font "sans-serif,14" background "white"
set title "Change of the result"
set xlabel "%"
set yrange [shown - 0.4:-0.6]
set ytics noenhanced
set lmargin at screen 0.44
set rmargin at screen 0.96
set bmargin 6.5
unset grid
set grid xtics linetype 1 linecolor "#dddddd" linewidth 1
set key below horizontal samplen 0.6
set style fill solid 1 noborder
plot rows every ::1::last+1 using 9:0:(0):9:($0-0.36):($0):ytic(2) with boxxyerror linetype 1 title "number lowered", \
     rows every ::1::last+1 using 10:0:(0):10:($0):($0+0.36) with boxxyerror linetype 5 title "raised"
