"""Pages as one HTML file each, which holds everything that it shows.

blocks.py     what a page is made of, as plain data
html.py       blocks -> HTML, by the template, the style and the script beside it
pictures.py   samples -> pictures of a page
browse.*      the pages that `dsbuilder browse` hands out: template and script
yaml_text.py  plain values -> YAML to read
"""
