"""The last thresholds of each cluster, kept between sessions."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, Final

import platformdirs

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.parameters import MaskParameters

logger = logging.getLogger(__name__)

PLACE_VARIABLE: Final = "ZECOVERAGE_CONFIG_DIR"
"""Environment variable that moves what is remembered."""

FILE_NAME: Final = "thresholds.json"
MOST_CLUSTERS: Final = 500
_MOST_BYTES: Final = 4 * 1024 * 1024


def remembered_file() -> Path:
    """Return where the thresholds are remembered: in the user's folder for settings."""
    place = os.environ.get(PLACE_VARIABLE)
    folder = Path(place) if place else platformdirs.user_config_path("napari-zecoverage", False)
    return folder / FILE_NAME


class RememberedThresholds:
    """Thresholds by cluster, in one small file.

    A cluster is known by its frames' paths. A file that is missing, damaged or
    cannot be written costs what is remembered, and is no error to the user.

    Parameters
    ----------
    path : path-like, optional
        The file; by default `remembered_file`.
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self._path = remembered_file() if path is None else Path(path)

    def of(self, cluster: Cluster) -> MaskParameters | None:
        """Return a cluster's last thresholds, None when there are none."""
        values = self._read().get(_identity(cluster))
        if not isinstance(values, dict):
            return None
        try:
            return MaskParameters(**values)
        except (ParameterError, TypeError) as error:
            logger.info("%s: not taken: %s", self._path, error)
            return None

    def remember(self, cluster: Cluster, parameters: MaskParameters) -> None:
        """Keep a cluster's thresholds; of too many clusters the oldest are forgotten."""
        values = asdict(parameters)
        del values["notes"]
        known = self._read()
        identity = _identity(cluster)
        known.pop(identity, None)  # the newest last
        known[identity] = values
        newest = dict(list(known.items())[-MOST_CLUSTERS:])
        try:
            self._write(json.dumps({"version": 1, "clusters": newest}))
        except OSError as error:
            logger.warning("%s: the thresholds are not remembered: %s", self._path, error)

    def _read(self) -> dict[str, Any]:
        try:
            with open(self._path, "rb") as handle:
                raw = handle.read(_MOST_BYTES + 1)
            content = json.loads(raw) if len(raw) <= _MOST_BYTES else None
        except (OSError, ValueError, RecursionError):
            return {}
        clusters = content.get("clusters") if isinstance(content, dict) else None
        return clusters if isinstance(clusters, dict) else {}

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Two windows may write at the same time: each swaps in a whole file.
        temporary = self._path.with_name(f".{FILE_NAME}.{os.getpid()}")
        try:
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, self._path)
        finally:
            temporary.unlink(missing_ok=True)


def _identity(cluster: Cluster) -> str:
    paths = "\n".join(sorted(str(frame.path) for frame in cluster.frames))
    return hashlib.sha256(paths.encode("utf-8", "surrogatepass")).hexdigest()
