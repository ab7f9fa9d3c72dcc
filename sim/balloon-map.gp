# Memory before and after an operation: a square a piece of memory, from the
# lowest address at the top left, in the colour of what most of it is.
# Rows: panel, cell, colour.
load plots."/style.gp"
set terminal svg size 500,540 dynamic enhanced font "sans-serif,14" background "white"
rows = dir."/balloon-map.tsv"
columns = 64
unset grid
unset border
unset tics
unset key
set yrange [16:-1]
set xrange [-1:columns]
set lmargin 1
set rmargin 1
set tmargin 1.5
set bmargin 0
set style fill solid 1 noborder
set multiplot
set size 1, 0.36
do for [panel in "before after"] {
    set origin 0, (panel eq "before") ? 0.64 : 0.27
    set title panel
    plot rows skip 1 using (stringcolumn(1) eq panel ? int($2) % columns : NaN):(int($2) / columns):3 \
             with points pointtype 5 pointsize 0.55 linecolor rgb variable
}
set origin 0, 0
set size 1, 0.26
unset title
set key center center vertical maxrows 7 samplen 1 Left reverse
plot NaN with boxes fillcolor rgb "#dddddd" title "hole", \
     NaN with boxes fillcolor rgb "#555555" title "in use", \
     NaN with boxes fillcolor rgb "#a6d5f2" title "free, not backed", \
     NaN with boxes fillcolor rgb "#0072b2" title "free, backed by huge pages", \
     NaN with boxes fillcolor rgb "#56b4e9" title "free, backed by 4 KiB pages", \
     NaN with boxes fillcolor rgb "#e69f00" title "in the balloon", \
     NaN with boxes fillcolor rgb "#d55e00" title "in the balloon, still backed"
unset multiplot
