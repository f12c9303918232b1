"""Built-in inspectors, one file each.

Shared are `likeness.py` (which pictures are alike), `neighbors.py` (the search for them) and
`class_counts.py`.
"""
