# Time from exit to resumption, for each address range: the middle one, with a
# bar from the shortest to the one that 99 of 100 do not exceed.
load plots."/style.gp"
set output dir."/bus.svg"
set datafile separator "\t"
rows = dir."/bus.tsv"
set logscale y
set title "Time from exit to resumption, by address range"
set ylabel "time, µs"
set xtics rotate by 45 right noenhanced
set xrange [-0.7:*]
set bmargin 9
set key top right
last = 23
plot rows every ::1::last+1 using 0:($7 > 0 ? $9/1e3 : NaN):($8/1e3):($10/1e3):xtic(1) with yerrorbars pointtype 7 pointsize 0.7 linecolor "#0072b2" title "recorded: least, middle, 99 of 100", \
     rows every ::1::last+1 using ($0+0.2):($12 > 0 ? $13/1e3 : NaN) with points pointtype 6 pointsize 0.8 linecolor "#e69f00" title "up to the next event, middle", \
     rows every ::1::last+1 using ($0+0.1):($5 > 0 ? $14/1e3 : NaN) with points pointtype 2 pointsize 0.8 linecolor "#d55e00" title "simulated, middle"
