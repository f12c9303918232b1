"""Bytes and layouts on disk <-> plain data; nothing here knows of samples or pipelines."""
