"""Plain data and pictures -> charts and picture sheets, and pages of them; knows nothing above it.

Sheets are PNG, drawn with Pillow; charts are SVG, in `charts/`; pages are HTML, in `page/`.

lettering.py        a font that has the letters of a text, or escapes instead of boxes
canvas.py           a pixel array -> a picture of a given size, with a checkerboard under its alpha
overlay.py          what lies over a picture: tinted areas, framed boxes, dots with lines
strip.py            pictures in a row, each with its caption
sheet.py            strips under column headings
charts/             lines, bars, histograms and confusion matrices, as SVG
page/               blocks of tables, charts and pictures -> one HTML file
dataset_page.py     what a page tells of a built dataset
dataset_charts.py   what its images and labels are like, as charts
dataset_samples.py  some samples of a dataset, as pictures and as numbers
browser_pages.py    samples of a dataset, page by page, and one with its history
snippets.py         how others open a dataset, as Python to copy
"""
