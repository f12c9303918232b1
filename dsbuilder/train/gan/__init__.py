"""GANs: images that a network draws, trained in the folder of a run, judged before they are used.

options.py       what is chosen about a training; without Keras
trainer.py       `train_gan`, `resume_gan`: what can be learnt, and a run that begins or goes on
loop.py          the epochs, and which snapshot is the best
networks.py      generator and discriminator
diff_augment.py  DiffAugment, which lets small sets suffice
updates.py       one step of both, on TensorFlow and on JAX
judge.py         a classifier of real images, and its features
reference.py     what real images are like
likeness.py      distances between images: nearest, spread, clouds of features
drawing.py       images that a generator draws, and sheets of them
snapshots.py     files that hold a generator, or a whole training
gate.py          which drawn images may be trained on
"""
