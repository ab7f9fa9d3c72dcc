# Picture of destroy latencies: gnuplot -e "rows='FILE'; image='OUT.svg'" destroy.gp
set terminal svg size 800,420 font "sans,12"
set output image
set style data histogram
set style histogram cluster gap 1
set style fill solid 0.8 border -1
set ylabel "close to freed, mean (ms)"
set xlabel "HZ, load (1 vCPU)"
set grid y
set key top right
set datafile separator "\t"
plot rows using ($3==1 ? $4 : 1/0):xtic(sprintf("%s %s", strcol(1), strcol(2))) every 3 title "v4", \
     "" using 5 every 3 title "f1", "" using 6 every 3 title "f2", "" using 7 every 3 title "f3"
