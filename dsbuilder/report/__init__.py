"""Plain data and pictures -> charts and picture sheets; knows nothing above it.

Sheets are PNG, drawn with Pillow; charts are SVG, in `charts/`.

lettering.py  a font that has the letters of a text, or escapes instead of boxes
canvas.py     a pixel array -> a picture of a given size, with a checkerboard under its alpha
overlay.py    what lies over a picture: tinted areas, framed boxes, dots with lines
strip.py      pictures in a row, each with its caption
sheet.py      strips under column headings
charts/       lines and confusion matrices, as SVG
"""
