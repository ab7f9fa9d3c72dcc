# Percentile curves of several runs: recorded, and dashed what was simulated.
# dir[1..runs] are their folders, name[1..runs] what they are called.
load plots."/style.gp"
set logscale xy
set xrange [1:]
set xtics ("0" 1, "50%%" 2, "90%%" 10, "99%%" 100, "99.9%%" 1e3, "99.99%%" 1e4, "99.999%%" 1e5)
set xlabel "percentile"
set ylabel "latency"
set ytics @seconds
set title "Interrupt latency: recorded, simulated dashed"
set key below vertical maxcols 1 noenhanced
set bmargin 4.5 + runs
sheet = 330 + 18 * runs
set terminal svg size 500,sheet dynamic enhanced font "sans-serif,14" background "white"
plot for [i=1:runs] dir[i]."/recorded.hgrm" skip 1 using (rank(0)):($1/1e6) with fsteps linetype i title name[i], \
     for [i=1:runs] dir[i]."/simulated.hgrm" skip 1 using (rank(0)):($1/1e6) with fsteps linetype i dashtype 2 notitle
