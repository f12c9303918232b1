"""Images and masks in two folders."""
