# Percentile curves of interrupt latency, on the axes of HdrHistogram. A row is
# the longest time up to its percentile, so a step goes up at its beginning.
#   gnuplot -e "plots='FOLDER OF SCRIPTS'; dir='RUN FOLDER'" latency.gp
load plots."/style.gp"
set logscale x
set logscale y
set xrange [1:]
set xtics ("0" 1, "50%%" 2, "90%%" 10, "99%%" 100, "99.9%%" 1e3, "99.99%%" 1e4, "99.999%%" 1e5)
set xlabel "percentile"
set ylabel "input raised to first status read"
set ytics @seconds
set title "Interrupt latency, recorded and simulated"
plot dir."/recorded.hgrm" skip 1 using (rank(0)):($1/1e6) with fsteps linetype 2 title "recorded", \
     dir."/simulated.hgrm" skip 1 using (rank(0)):($1/1e6) with fsteps linetype 1 title "simulated"
