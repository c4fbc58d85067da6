"""The engine: cohorts, predictions, training and export, without a window."""
