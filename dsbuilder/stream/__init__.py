"""A dataset as batches.

reading.py                what a caller and the pipeline decide about it; whole shards
sampling.py               how often each sample comes in an epoch, where that is not once
order.py                  what an epoch holds, and in which order it comes
places.py                 where samples lie in their shards
columns.py                what a batch holds of each target, and how lengths that differ are padded
device_columns.py         what a batch holds for stages on the device: params, motions, partners
feed.py                   stages that need Python: batches of numpy arrays, without TensorFlow
costs.py                  what an image costs on its way: read, decoded, through each stage
worker_feed.py            the same batches made by worker processes, in shared memory
batch_role.py             what one of these does
tensorflow.py             `stream`: a split as a `tf.data.Dataset`; what it yields
tensorflow_tfrecord.py    the tfrecord codec: records read at random, or through a buffer
tensorflow_decoded.py     what it has decoded, kept in memory where it fits
tensorflow_device.py      stages on the device, inside of the steps of a model
tensorflow_npy.py         the npy codec by native ops
tensorflow_instances.py   run lengths -> masks of instances, or one map of their numbers
tensorflow_handover.py    what TensorFlow's threads have of Python, and how it ends at exit
tensorflow_order.py       orders as datasets; counting iterations
tensorflow_statistics.py  mean and deviation of the train split

Only the files called `tensorflow*` import TensorFlow.
"""
