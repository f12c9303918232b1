"""Encoded images <-> pixels: decode, encode, color, orientation, scale, and the areas of masks."""
