"""Tune ZeMosaic's coverage thresholds on screen."""

__version__ = "0.1.0"
