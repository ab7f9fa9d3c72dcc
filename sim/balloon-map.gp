# Memory before and after an operation: a square a piece of memory, from the
# lowest address at the top left, in the colour of what most of it is.
# Rows: panel, cell, colour.
load plots."/style.gp"
set terminal svg size 860,600 dynamic enhanced font "sans-serif,13" background "white"
rows = dir."/balloon-map.tsv"
columns = 64
unset grid
unset border
unset tics
unset key
set yrange [16:-1]
set xrange [-1:columns]
set lmargin 2
set rmargin 2
set multiplot
set size 1, 0.44
do for [panel in "before after"] {
    set origin 0, (panel eq "before") ? 0.56 : 0.12
    set title panel
    plot rows skip 1 using (stringcolumn(1) eq panel ? int($2) % columns : NaN):(int($2) / columns):3 \
             with points pointtype 5 pointsize 0.9 linecolor rgb variable
}
set origin 0, 0
set size 1, 0.13
unset title
set key center center horizontal maxrows 3 samplen 1 Left reverse
plot NaN with points pointtype 5 linecolor rgb "#dddddd" title "hole", \
     NaN with points pointtype 5 linecolor rgb "#555555" title "in use", \
     NaN with points pointtype 5 linecolor rgb "#a6d5f2" title "free, not backed", \
     NaN with points pointtype 5 linecolor rgb "#0072b2" title "free, backed by huge pages", \
     NaN with points pointtype 5 linecolor rgb "#56b4e9" title "free, backed by 4 KiB pages", \
     NaN with points pointtype 5 linecolor rgb "#e69f00" title "in the balloon", \
     NaN with points pointtype 5 linecolor rgb "#d55e00" title "in the balloon, still backed"
unset multiplot
