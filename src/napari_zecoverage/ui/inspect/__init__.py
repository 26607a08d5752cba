"""The Inspect section: its tabs and their plots, and its layers."""
