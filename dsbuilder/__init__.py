"""dsbuilder: a plugin-based image dataset builder."""
