# Accesses of one affinity change, by number of vCPUs and by design.
load plots."/style.gp"
set logscale xy 2
set title "Accesses that move one interrupt to another vCPU"
set xlabel "vCPUs"
set ylabel "accesses"
file = dir."/compare-irq.tsv"
plot file skip 1 using (strcol(2) eq "eiointc" ? $1 : NaN):4 with linespoints linetype 2 pointtype 7 title "EIOINTC (bitmap routes)", \
     file skip 1 using (strcol(2) eq "v-eiointc" ? $1 : NaN):4 with linespoints linetype 1 pointtype 7 title "V-EIOINTC", \
     file skip 1 using (strcol(2) eq "alternative-a" ? $1 : NaN):4 with points linetype 3 pointtype 4 pointsize 1.5 title "alternative A", \
     file skip 1 using (strcol(2) eq "alternative-b" ? $1 : NaN):4 with points linetype 4 pointtype 8 pointsize 2 title "alternative B"
