"""From a dataset to a run: a trained model, how it came to be, and how good it is.

trainer.py      `train_dataset`, `resume_run`: the phases of a training, one after the other
network.py      the model that is trained: normalization, what the builder builds, its heads
summary.py      what a network is made of: layers, shapes, parameters
compiling.py    what a model is compiled with, and batches in the form its losses take
phases.py       which phase comes next, as a function of the epochs so far; what a phase unfreezes
loop.py         the epochs of a phase, and what is written of each
features.py     what frozen layers make of the data, computed once
callbacks.py    what happens within an epoch and after it: progress, noise, divergence
rates.py        the learning rate of every step, by its schedule
rate_finder.py  which learning rate to begin with
optimizer.py    the optimizer of a phase, with clipping, accumulation, averages
averaging.py    averages of weights in place of the weights, where a model is measured or saved
step_rate.py    images a second that a stream brings, and that a model's steps take
devices.py      on which devices a model is trained
sharding.py     steps that several devices share, on JAX
replicas.py     steps that several devices share, on TensorFlow
precision.py    in which precision layers compute
checkpoints.py  a training in the middle of an epoch
lookup.py       losses, metrics, schedules and optimizers by name: a plugin's, or Keras'
class_weights.py  what a sample counts for in the loss by its class
losses.py       losses as Keras computes them, of ids and logits
watching.py     metrics as Keras computes them while a model trains
fitting.py      whether what is to be learnt fits the data, the model, and what is named
monitor.py      what says which epoch is the best
options.py      the train section as it is kept in a run and bound again; how long it trains
run.py          the run folder: its name, its configuration, its results
run_card.py     a run as a Hugging Face model card
drawing.py      charts of a run: values by epoch, confusion, what `curves.json` holds
logs/           what TensorBoard and MLflow are told as a training goes on
gallery.py      the worst mistakes of a run as a picture sheet
mistakes.py     the same as pictures of a page, by the files of the run alone
single_mistakes.py  those of masks and points, a picture each
run_page.py     what a page tells of a run
comparison_page.py  what a page tells of several runs, and what differs between them
archive.py      `.keras` files that carry class names, preprocessing and fingerprint; `load_model`
model_formats/  what a trained model is exported as
parameters.py   the weights of a model: what each is like, and its values
evaluation.py   `evaluate`: how good a model is on a split
learning.py     how far a run has learnt: errors on what it was trained on, and on validation
out_of_fold.py  what models of a cross-validation say of records that they never saw
settling.py     temperature and thresholds of a trained model, chosen on validation
cost.py         size and speed of a model
judgments.py    `predictions.csv`: what a model says of every sample of a split
reading.py      images as a model sees them, read ahead of it
restoring.py    the way back from what a model sees to the image, for answers that lie in it
views.py        test-time augmentation: several views of an image, whose answers are averaged
prediction.py   `predict`: what a model says of image files
tiled.py        what it says of images that are larger than it takes, tile by tile
gan/            images that a network draws: its training, and the gate that judges them
attribution.py  where in an image the reason for a class lies: Grad-CAM

What belongs to one kind of learning stands in `tasks/`. What does not need Keras does not import
it: `run`, `options`, `fitting`, `lookup`, `phases` and `logs`.
"""
