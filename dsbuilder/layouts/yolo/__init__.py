"""YOLO, as Ultralytics has it."""
