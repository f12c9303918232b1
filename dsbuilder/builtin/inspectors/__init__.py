"""Built-in inspectors, one file each; `likeness.py` and `hashes.py` are what several share."""
