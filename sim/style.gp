# What all pictures share. Colours are those of the Okabe-Ito palette, which
# stay apart for colour-blind readers.
set terminal svg size 860,440 dynamic enhanced font "sans-serif,13" background "white"
set border 3 linecolor "#555555"
set tics nomirror out textcolor "#333333"
set grid linetype 1 linecolor "#dddddd" linewidth 1
set key top left textcolor "#333333" samplen 2
set linetype 1 linecolor "#0072b2" linewidth 2
set linetype 2 linecolor "#d55e00" linewidth 2
set linetype 3 linecolor "#009e73" linewidth 2
set linetype 4 linecolor "#cc79a7" linewidth 2
set linetype 5 linecolor "#e69f00" linewidth 2
set linetype 6 linecolor "#56b4e9" linewidth 2
set linetype 7 linecolor "#f0e442" linewidth 2
set linetype 8 linecolor "#555555" linewidth 2
set datafile separator whitespace
