"""A search among trainings, as numbers alone: what is tried, how long, and who goes on.

space.py    options and their values; the points of a space that trials are made of
halving.py  rungs of successive halving, what they cost, and who survives one
state.py    what a search has decided so far, in a file

Nothing here knows how a training is made: `actions/tune.py` does.
"""
