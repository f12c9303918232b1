"""Heavy proofs: `make proof NAME=...` runs one whole and prints its table; the suite runs samples.

  ablation.py  a stage that harms and one that helps, planted, and whether `ablate` finds them
  accuracy.py  both example pipelines trained over seeds, against goals
  gan.py         a GAN's images judged by real ones and the other way round; gains on a skewed set
  inspection.py  recall and false alarms of inspectors on edited photographs (`pictures.py`)
  kills.py       builds killed at random moments or while they write, and compared byte for byte
  leaving.py     streams of worker processes, left in every way, and nobody left behind
  mutations.py   files of every layout with random damage: a clear error or a right listing
  power_cuts.py  builds whose power is cut at each operation, on a file system that forgets
                 (volatile_disk.py, served by disk_server.py, mounted by mounted_disk.py)
  suspects.py    wrong labels planted in MNIST-5k, and how many of them `suspects` finds
  resume.py      trainings of every task killed within an epoch, and resumed to the same results
  tuning.py      searches on MNIST-5k from a poor default and a good one; what they say, on test

A proof is a module with `run(count, seed)`, which raises an AssertionError at the first case that
does not hold, and returns a table: rows of (what, number). Every case follows from the seed and its
number. Races print figures and fail nothing: `make bench` and `make pairs`, in `tests/benchmarks`.
"""
