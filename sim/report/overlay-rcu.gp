# Percentile curves of the grace periods of several runs, as overlay.gp.
load plots."/style.gp"
set logscale xy
set xrange [1:]
set xtics ("0" 1, "50%%" 2, "90%%" 10, "99%%" 100, "99.9%%" 1e3, "99.99%%" 1e4)
set xlabel "percentile"
set ytics @seconds
set title "Grace periods: recorded, predicted dashed"
set key below vertical maxcols 1 noenhanced
set bmargin 4.5 + runs
sheet = 330 + 18 * runs
set terminal svg size 500,sheet dynamic enhanced font "sans-serif,14" background "white"
plot for [i=1:runs] dir[i]."/rcu.tsv" skip 1 using (rank(0)):($1/1e6) with fsteps linetype i title name[i], \
     for [i=1:runs] dir[i]."/rcu-predicted.tsv" skip 1 using (rank(0)):($1/1e6) with fsteps linetype i dashtype 2 notitle
