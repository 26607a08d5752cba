"""ZeMosaic's files, in and out."""
