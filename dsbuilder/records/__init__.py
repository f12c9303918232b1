"""Bytes of records <-> plain data: TFRecord framing, `tf.train.Example`, arrays of numpy."""
