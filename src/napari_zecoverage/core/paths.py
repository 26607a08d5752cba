"""A path as a person writes it, made one that means the same from everywhere; the cache's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

CACHE_VARIABLE: Final = "ZECOVERAGE_CACHE_DIR"
"""Environment variable that moves the cache."""


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return a path from the root on, with a leading ``~`` resolved; links are not followed."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def cache_folder() -> Path:
    """Return the folder of everything that can be made again."""
    place = os.environ.get(CACHE_VARIABLE)
    return absolute(place) if place else platformdirs.user_cache_path("napari-zecoverage", False)
