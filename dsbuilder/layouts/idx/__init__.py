"""IDX files, as MNIST is given out."""
