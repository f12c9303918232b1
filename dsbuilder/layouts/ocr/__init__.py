"""Images and the texts in them."""
