"""Lists of labeled images."""
