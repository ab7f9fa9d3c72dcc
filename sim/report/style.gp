# What all pictures share: a sheet that stays readable on a phone, so narrow and
# with large letters. Colours are those of the Okabe-Ito palette, which stay
# apart for colour-blind readers; report_picture.c knows them by their numbers.
set terminal svg size 500,370 dynamic enhanced font "sans-serif,14" background "white"
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
# Colours of stages by position, and shades from few to many.
stages = "#555555 #56b4e9 #d55e00 #cc79a7 #e69f00 #44aa99 #0072b2 #009e73 #882255 #f0e442 #999933 #332288"
shades = "#deebf7 #c6dbef #9ecae1 #6baed6 #4292c6 #2171b5 #08519c #08306b"
rgb(text) = int("0x".text[2:])
stage(i) = rgb(word(stages, 1 + int(i) % 12))
shade(level) = rgb(word(shades, 1 + (level < 0 ? 0 : level > 7 ? 7 : int(level))))
set datafile separator whitespace
# Where a row of a percentile table (.hgrm) stands: the last one has no fourth
# column, as 1 / (1 - 1) is none, and stands where one of all is left.
rank(unused) = valid(4) ? column(4) : column(3)
# Times on an axis are seconds, told as 10 µs or 1 ms.
set encoding utf8
seconds = '("1 ns" 1e-9, "10 ns" 1e-8, "100 ns" 1e-7, "1 µs" 1e-6, "10 µs" 1e-5, "100 µs" 1e-4, "1 ms" 1e-3, "10 ms" 1e-2, "100 ms" 0.1, "1 s" 1, "10 s" 10, "100 s" 100, "1000 s" 1000)'
