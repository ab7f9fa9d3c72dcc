# Latency over the time of a recording: cells in the colour of how many
# interrupts they hold, a shade for each doubling.
load plots."/style.gp"
if (!exists("name")) name = "heat"
if (!exists("what")) what = "Interrupt latency over time"
rows = dir."/".name.".tsv"
unset grid
set logscale y
set title what
set xlabel "time, s"
set ylabel "latency"
set ytics @seconds
set bmargin 7.5
set xrange [*:*] noextend
set yrange [*:*] noextend
set key below horizontal samplen 1 width -1
level(n) = floor(log(n) / log(2) + 1e-9)
set style fill solid 1 noborder
plot rows skip 1 using (($1+$2)/2e9):(($3+$4)/2e9):($1/1e9):($2/1e9):(($3 > 0 ? $3 : 1)/1e9):($4/1e9):(shade(level($5))) with boxxyerror linecolor rgb variable notitle, \
     for [l=0:7] keyentry with boxes fillcolor rgb shade(l) title l == 0 ? "1" : l == 7 ? "128 or more" : l == 1 ? "2 to 3" : sprintf("%d to %d", 2**l, 2**(l+1) - 1)
