"""The face: a napari plugin to review, correct and retrain histology segmentation."""
