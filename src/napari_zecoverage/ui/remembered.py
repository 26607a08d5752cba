"""The last thresholds of each cluster, kept between sessions."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, Final

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.kept_json import KeptJson, settings_folder

logger = logging.getLogger(__name__)

FILE_NAME: Final = "thresholds.json"
MOST_CLUSTERS: Final = 500


def remembered_file() -> Path:
    """Return where the thresholds are remembered."""
    return settings_folder() / FILE_NAME


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
        self._file = KeptJson(remembered_file() if path is None else path, version=1)

    def of(self, cluster: Cluster) -> MaskParameters | None:
        """Return a cluster's last thresholds, None when there are none."""
        values = self._known().get(_identity(cluster))
        if not isinstance(values, dict):
            return None
        try:
            return MaskParameters(**values)
        except (ParameterError, TypeError) as error:
            logger.info("%s: not taken: %s", self._file.path, error)
            return None

    def remember(self, cluster: Cluster, parameters: MaskParameters) -> None:
        """Keep a cluster's thresholds; of too many clusters the oldest are forgotten."""
        values = asdict(parameters)
        del values["notes"]
        known = self._known()
        identity = _identity(cluster)
        known.pop(identity, None)  # the newest last
        known[identity] = values
        self._file.write({"clusters": dict(list(known.items())[-MOST_CLUSTERS:])})

    def _known(self) -> dict[str, Any]:
        clusters = self._file.read().get("clusters")
        return clusters if isinstance(clusters, dict) else {}


def _identity(cluster: Cluster) -> str:
    paths = "\n".join(sorted(str(frame.path) for frame in cluster.frames))
    return hashlib.sha256(paths.encode("utf-8", "surrogatepass")).hexdigest()
