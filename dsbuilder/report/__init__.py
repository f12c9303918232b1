"""Plain data and pictures -> picture sheets; knows nothing above it, and draws with Pillow alone.

lettering.py  a font that has the letters of a text, or escapes instead of boxes
canvas.py     a pixel array -> a picture of a given size, with a checkerboard under its alpha
overlay.py    what lies over a picture: tinted areas, framed boxes, dots with lines
strip.py      pictures in a row, each with its caption
sheet.py      strips under column headings
curves.py     values by epoch, as lines
confusion.py  which class is taken for which, as a table of colors
"""
