"""Built-in schedules of the learning rate."""
