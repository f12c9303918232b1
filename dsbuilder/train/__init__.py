"""From a dataset to a run: a trained model, how it came to be, and how good it is.

trainer.py      `train_dataset`, `resume_run`: the phases of a training, one after the other
run.py          the run folder: its name, its configuration, its results
record.py       what is written there: configuration, curves, evaluation
options.py      the train section as it is kept in a run and bound again
fitting.py      whether what is to be learnt fits the data and the model
phases.py       which phase comes next, as a function of the epochs so far; what a phase unfreezes
network.py      the model that is trained: normalisation, then what the builder builds
units.py        numbers learnt in the units of the train split, and given back in their own
objective.py    loss and metrics of each kind of target
optimizer.py    optimizers of Keras by name
callbacks.py    what happens within an epoch and after it: progress, checkpoints, early stopping
archive.py      `.keras` files that carry class names, preprocessing and fingerprint; `load_model`
evaluation.py   `evaluate`; of classes accuracy, scores by class, confusion
scores.py       scores of several classes, numbers and masks
measured.py     what every evaluation says
prediction.py   `predict`: what a model says of image files
restoring.py    a mask brought back to the image that it is of
answers.py      what its outputs say, by kind of target

What does not need Keras does not import it: `run`, `options`, `fitting` and the data of
evaluations.
"""
