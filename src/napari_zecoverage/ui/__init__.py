"""The window: napari, and nothing that the rooms above need."""
