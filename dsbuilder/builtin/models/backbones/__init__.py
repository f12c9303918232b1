"""Pretrained networks without their heads, for the model builders to build on; not plugins."""
