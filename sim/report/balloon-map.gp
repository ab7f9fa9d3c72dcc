# Memory before and after an operation: a square a piece of memory, from the
# lowest address at the top left, in the colour of what most of it is.
# Rows: panel, cell, colour.
load plots."/style.gp"
set terminal svg size 500,520 dynamic enhanced font "sans-serif,14" background "white"
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
kinds = "dddddd 555555 a6d5f2 0072b2 56b4e9 e69f00 d55e00"
array words[7] = ["hole", "in use", "free, not backed", "free, backed by huge pages", "free, backed by 4 KiB pages", "in the balloon", "in the balloon, still backed"]
do for [i=1:7] {
    top = 0.235 - 0.032 * (i - 1)
    set label i words[i] at screen 0.16, top textcolor "#333333"
    set object i rectangle from screen 0.11, top - 0.011 to screen 0.14, top + 0.011 fillcolor rgb "#".word(kinds, i) fillstyle solid noborder
}
set multiplot
do for [panel in "before after"] {
    set tmargin at screen (panel eq "before" ? 0.95 : 0.58)
    set bmargin at screen (panel eq "before" ? 0.66 : 0.29)
    set title panel offset 0,-0.5
    plot rows skip 1 using (stringcolumn(1) eq panel ? int($2) % columns : NaN):(int($2) / columns):3 \
             with points pointtype 5 pointsize 0.6 linecolor rgb variable
    unset label
    unset object
}
unset multiplot
