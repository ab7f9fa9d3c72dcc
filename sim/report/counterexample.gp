# One run of a model: columns are tasks and objects, time runs down.
# The blocks of counterexample.tsv are described in sim/explore/counterexample.c.
load plots."/style.gp"
rows = dir."/counterexample.tsv"
set datafile separator tab
stats rows index 0 using 1 nooutput name "LANES"
stats rows index 2 skip 1 using 1 nooutput name "STEPS"
columns = LANES_max + 1
steps = STEPS_records > 0 ? STEPS_max + 1 : 0
wide = 110 + columns * 190
high = 134 + steps * 24
set terminal svg size wide,high dynamic noenhanced font "sans-serif,12" background "white"
unset key
unset border
unset tics
unset grid
set lmargin 0
set rmargin 0
set tmargin 0
set bmargin 0
set xrange [-0.6:columns - 0.4]
set yrange [steps + 0.9:-3.3]
set style fill solid 1 noborder
left(c) = c - 0.24
bar(c, kind) = c - 0.38 + 0.045 * kind
hold(kind) = kind == 0 ? 0x0072b2 : kind == 1 ? 0xe69f00 : 0x009e73
step(kind) = kind == 1 ? 0xc0392b : kind == 2 ? 0x999999 : 0x111111
life(kind) = kind == 0 ? 0x56b4e9 : kind == 1 ? 0xe69f00 : 0xbbbbbb
do for [k=0:2] {
    set label k+1 word("section lock reference", k + 1) at left(0) + 0.5 * k, steps + 0.45 textcolor "#333333"
    set object k+1 rectangle from left(0) + 0.5 * k - 0.06, steps + 0.2 to left(0) + 0.5 * k - 0.02, steps + 0.7 fillcolor rgb hold(k) fillstyle solid noborder
}
plot rows index 5 using (-0.55):(-2.8):1 with labels left font "sans-serif,13" textcolor "#c0392b", \
     rows index 0 using (left($1)):(-1.95):2 with labels left font "sans-serif,13", \
     rows index 0 using ($1 - 0.4):(-1.5):(0.94):(0) with vectors nohead linecolor "#555555" linewidth 1, \
     rows index 4 skip 1 using (bar($1, 0) + 0.02):(($2 + $3) / 2.0):(0.02):(($3 - $2 + 1) / 2.0 - 0.06):(life($6)) with boxxyerror linecolor rgb variable, \
     rows index 4 skip 1 using (left($1)):2:(sprintf("%s, %s", strcol(5), strcol(4))) with labels left textcolor "#333333", \
     rows index 1 skip 1 using (bar($1, $4)):(($2 + $3) / 2.0):(0.016):(($3 - $2) / 2.0 + 0.42):(hold($4)) with boxxyerror linecolor rgb variable, \
     rows index 3 skip 1 using ($5 == 0 ? $1 - 0.1 : NaN):($2 + 0.3):($3 - $1 - 0.12):($4 - $2 - 0.7) with vectors filled head size 0.05,20 linecolor "#888888" linewidth 1, \
     rows index 3 skip 1 using ($5 == 1 ? $1 - 0.1 : NaN):($2 + 0.3):($3 - $1):($4 - $2 - 0.8) with vectors filled head size 0.05,20 dashtype 2 linecolor "#c0392b" linewidth 1.5, \
     rows index 2 skip 1 using ($4 == 1 ? $2 + 0.14 : NaN):1:(0.4):(0.46) with boxxyerror linecolor "#f6d5d1", \
     rows index 2 skip 1 using (left($2)):1:3:(step($4)) with labels left textcolor rgb variable, \
     rows index 2 skip 1 using (-0.56):1:(sprintf("%d", $1)) with labels left textcolor "#777777"
