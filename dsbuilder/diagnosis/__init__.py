"""What trainings on growing shares of the data say of a problem, as plain data and in words.

learning_curve.py  errors -> high bias, high variance, whether more data would help
words.py       that in sentences
drawing.py     the learning curve as a chart
advice.py      what usually helps then, as options of a pipeline
properties.py  what is known of samples beside their labels
mistakes.py    which samples and classes the mistakes are of, as far as that is no chance
significance.py    how likely counts are by chance, and many of them at once

Nothing here trains; `actions/diagnose.py` does.
"""
