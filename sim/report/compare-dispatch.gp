# Where the time of a recorded access goes, by the design that serves it.
load plots."/style.gp"
set terminal svg size 860,440 dynamic enhanced font "sans-serif,13" background "white"
set datafile separator "\t"
rows = dir."/compare-dispatch.tsv"
set title "Time of a recorded access, by design"
set ylabel "mean time of an access, µs"
set style data histograms
set style histogram rowstacked
set style fill solid 0.9 noborder
set boxwidth 0.65
set xtics rotate by 25 right noenhanced
set bmargin 6
set key outside right top
set xrange [-0.7:*]
set yrange [0:*]
plot rows skip 1 using ($2+$17):xtic(1) title "exit and entry" linecolor "#555555", \
     rows skip 1 using ($3+$4) title "decode, search" linecolor "#56b4e9", \
     rows skip 1 using ($5+$6+$7) title "handler, signal, ring" linecolor "#009e73", \
     rows skip 1 using ($8+$9+$10+$11+$12) title "user space" linecolor "#d55e00", \
     rows skip 1 using ($13+$15+$16) title "socket and process" linecolor "#0072b2", \
     rows skip 1 using ($14) title "task switches" linecolor "#cc79a7", \
     rows skip 1 using ($18+$19+$20) title "waiting for others" linecolor "#e69f00", \
     rows skip 1 using 0:22 with points pointtype 6 pointsize 0.9 linecolor "#000000" title "99 of 100"
