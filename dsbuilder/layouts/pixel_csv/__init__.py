"""CSV files that hold pixels."""
