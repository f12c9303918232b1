"""Plain data -> charts as SVG that anybody can read: with eyes of any kind, or by a screen reader.

svg.py     the page that every chart stands on: heading, description, colors by light and dark
axes.py    values -> places along an axis, and the round numbers at it
lines.py   values along an axis: training, ROC, precision and recall, calibration, residuals
matrix.py  which class is taken for which, of two classes or of a thousand
bars.py    samples of classes side by side, and histograms
files.py   a chart in a file, beside its numbers

Written with `xml.etree` of the standard library, since no library does all of it. Matplotlib, 50 MB
with what it needs, writes no `<title>`, `<desc>` or role, and colors that no reader can turn dark.
Pygal relies on scripts, which an `<img>` does not run; altair needs a JavaScript engine of 100 MB
(vl-convert) to write a file at all. What each writes would have to be parsed and mended, and none
knows what to do with a thousand classes. Names are only ever text of a tree, never pasted.
"""
