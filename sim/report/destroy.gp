# Time from the last close of a vCPU until it is freed, by design.
load plots."/style.gp"
set terminal svg size 860,440 dynamic enhanced font "sans-serif,13" background "white"
set title "What destroying a vCPU costs: mean from the last close to freed"
set bmargin 5
set ylabel "ms"
set logscale y
set yrange [0.005:*]
set key top right
file = dir."/destroy.tsv"
set datafile separator tab
names = system("tail -n +2 ".file." | cut -f4 | awk '!seen[$0]++' | tr '\n' ' '")
groups = system("tail -n +2 ".file." | cut -f1-3 | uniq | tr '\t' '/' | tr '\n' ' '")
count = words(names)
group(h, l, v) = sum [i=1:words(groups)] (word(groups, i) eq h."/".l."/".v ? i : 0)
label(i) = system("echo ".word(groups, i)." | awk -F/ '{print \"HZ \" $1 \"\\n\" $2 \"\\n\" $3 \" vCPU\" ($3 > 1 ? \"s\" : \"\")}'")
set xrange [0.4:words(groups) + 0.6]
set xtics ()
do for [i=1:words(groups)] { set xtics add (label(i) i) }
set style fill solid 0.85 noborder
set boxwidth 0.8 / count
plot for [d=1:count] file skip 1 using (strcol(4) eq word(names, d) ? group(strcol(1), strcol(2), strcol(3)) + (d - (count + 1) / 2.0) * 0.8 / count : NaN):5 with boxes linetype d title word(names, d)
