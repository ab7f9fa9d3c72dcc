# How many interrupts of each vector each vCPU took: a column a vector that
# occurs, a shade for each fourfold.
load plots."/style.gp"
rows = dir."/map.tsv"
unset grid
set title "Interrupts taken, by vector and vCPU"
set xlabel "vector"
set ylabel "vCPU"
set key below horizontal samplen 1 width -1
set bmargin 8.5
stats rows skip 1 using 2 nooutput name "VCPU"
stats rows skip 1 using 4 nooutput name "COLUMN"
set yrange [-0.5:VCPU_max + 0.5]
set xrange [-0.5:COLUMN_max + 0.5]
ytic_step = VCPU_max > 16 ? 8 : VCPU_max > 8 ? 2 : 1
set ytics 0, ytic_step
# Labels for as many columns as there is room for.
every_th = int(COLUMN_max / 12) + 1
level(n) = floor(log(n) / log(4) + 1e-9)
set style fill solid 1 border linecolor "#ffffff"
plot rows skip 1 using 4:2:($4 - 0.5):($4 + 0.5):($2 - 0.5):($2 + 0.5):(shade(level($3))):xtic(int($4) % every_th == 0 ? strcol(1) : "") with boxxyerror linecolor rgb variable notitle, \
     for [l=0:7] keyentry with boxes fillcolor rgb shade(l) title l == 0 ? "1 to 3" : l == 7 ? "over 16383" : sprintf("%d to %d", 4**l, 4**(l+1) - 1)
