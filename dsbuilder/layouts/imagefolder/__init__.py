"""Hugging Face `imagefolder`."""
