"""Pixels in, pixels out: nothing here knows of Qt, napari or ZeMosaic's files."""
