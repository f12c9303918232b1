"""A search among trainings, as numbers alone: what is tried, how long, and who goes on.

space.py    options and their values; the points of a space that trials are made of

Nothing here knows how a training is made: `actions/` does.
"""
