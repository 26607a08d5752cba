"""Small files of our own in the user's settings folder."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import platformdirs

logger = logging.getLogger(__name__)

PLACE_VARIABLE: Final = "ZECOVERAGE_CONFIG_DIR"
"""Environment variable that moves what is remembered."""

_MOST_BYTES: Final = 4 * 1024 * 1024


def settings_folder() -> Path:
    """Return where the plugin remembers what the user did: in his folder for settings."""
    place = os.environ.get(PLACE_VARIABLE)
    return Path(place) if place else platformdirs.user_config_path("napari-zecoverage", False)


class KeptJson:
    """A small JSON object on disk.

    A file that is missing, damaged, of another version or cannot be written
    costs what is remembered, and is no error to the user.

    Parameters
    ----------
    path : path-like
        The file.
    version : int
        Of what it holds; raised when older content means something else now.
    """

    def __init__(self, path: str | PathLike[str], version: int) -> None:
        self.path = Path(path)
        self._version = version

    def read(self) -> dict[str, Any]:
        """Return what the file holds; empty when that cannot be told."""
        try:
            with open(self.path, "rb") as handle:
                raw = handle.read(_MOST_BYTES + 1)
            content = json.loads(raw) if len(raw) <= _MOST_BYTES else None
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(content, dict) or content.pop("version", None) != self._version:
            return {}
        return content

    def fits(self, content: Mapping[str, Any]) -> bool:
        """Return whether `content` is small enough to be read again."""
        return len(self._bytes(content)) <= _MOST_BYTES

    def write(self, content: Mapping[str, Any]) -> None:
        """Swap in a file that holds `content`; what cannot be written is logged."""
        # Two windows may write at the same time: each swaps in a whole file.
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            raw = self._bytes(content)
            if len(raw) > _MOST_BYTES:
                raise OSError(f"{len(raw)} bytes are too many to be read again")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(raw)
                os.replace(temporary, self.path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s: not remembered: %s", self.path, error)

    def _bytes(self, content: Mapping[str, Any]) -> bytes:
        return json.dumps({"version": self._version, **content}).encode()
