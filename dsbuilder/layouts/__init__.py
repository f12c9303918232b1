"""How others store labeled images: one folder a layout, read and written side by side."""
