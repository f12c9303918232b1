"""Built-in inspectors, one file each.

Shared are `likeness.py` (which pictures are alike), `neighbors.py` (the search for them),
`bursts.py` (which belong together by names and times) and `class_counts.py`.
"""
