# Percentile curves of grace periods and callbacks, recorded and predicted.
load plots."/style.gp"
set logscale x
set logscale y
set key bottom right
set xrange [1:]
set xtics ("0" 1, "50%%" 2, "90%%" 10, "99%%" 100, "99.9%%" 1e3, "99.99%%" 1e4)
set xlabel "percentile"
set ytics @seconds
set title "Grace periods, and callbacks from call to run"
plot dir."/rcu.tsv" skip 1 using (rank(0)):($1/1e6) with fsteps linetype 2 title "grace period, recorded", \
     dir."/rcu-predicted.tsv" skip 1 using (rank(0)):($1/1e6) with fsteps linetype 2 dashtype 2 title "grace period, predicted", \
     dir."/rcu-callback.tsv" skip 1 using (rank(0)):($1/1e6) with fsteps linetype 1 title "callback, recorded", \
     dir."/rcu-callback-predicted.tsv" skip 1 using (rank(0)):($1/1e6) with fsteps linetype 1 dashtype 2 title "callback, predicted"
