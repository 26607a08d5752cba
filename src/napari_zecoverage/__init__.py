"""Tune ZeMosaic's coverage thresholds, on screen, from the shell and from Python.

Everything is made from two calls: `study_cluster`, slow, once a cluster, and
`apply_mask`, fast, for every choice of thresholds::

    import napari_zecoverage as zc

    cluster = zc.find_clusters("frames/")[0]
    study = zc.study_cluster(cluster)
    outcome = zc.apply_mask(study, zc.MaskParameters(min_coverage_frac=0.6))

Importing the package costs nothing: each name is fetched when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_zecoverage.core.alpha import alpha_from_coverage
    from napari_zecoverage.core.cache import StudyCache, read_study, write_study
    from napari_zecoverage.core.clusters import Cluster, find_clusters
    from napari_zecoverage.core.coverage import Canvas, reduce_footprint
    from napari_zecoverage.core.crop import Rect, quality_crop
    from napari_zecoverage.core.errors import (
        ClusterError,
        ConfigError,
        CoverageError,
        FrameError,
        OutputError,
        ParameterError,
        StudyCancelledError,
        StudyError,
        ZecoverageError,
    )
    from napari_zecoverage.core.outcome import MaskOutcome, apply_mask, mask_tile, masked_tile
    from napari_zecoverage.core.parameters import AlphaParameters, MaskParameters, StudyOptions
    from napari_zecoverage.core.registration import Registration
    from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
    from napari_zecoverage.core.study import study_cluster
    from napari_zecoverage.outputs import write_results
    from napari_zecoverage.zemosaic.config import (
        ConfigChange,
        ConfigFile,
        read_config,
        write_config,
    )

__version__ = "0.1.0"

__all__ = [
    "AlphaParameters",
    "Canvas",
    "Cluster",
    "ClusterError",
    "ClusterStudy",
    "ConfigChange",
    "ConfigError",
    "ConfigFile",
    "CoverageError",
    "FrameError",
    "MaskOutcome",
    "MaskParameters",
    "OutputError",
    "ParameterError",
    "Rect",
    "Registration",
    "StudyCache",
    "StudyCancelledError",
    "StudyError",
    "StudyOptions",
    "StudyProgress",
    "ZecoverageError",
    "__version__",
    "alpha_from_coverage",
    "apply_mask",
    "find_clusters",
    "mask_tile",
    "masked_tile",
    "quality_crop",
    "read_config",
    "read_study",
    "reduce_footprint",
    "study_cluster",
    "write_config",
    "write_results",
    "write_study",
]

_ROOMS = {
    "core.alpha": ("alpha_from_coverage",),
    "core.cache": ("StudyCache", "read_study", "write_study"),
    "core.clusters": ("Cluster", "find_clusters"),
    "core.coverage": ("Canvas", "reduce_footprint"),
    "core.crop": ("Rect", "quality_crop"),
    "core.errors": (
        "ClusterError",
        "ConfigError",
        "CoverageError",
        "FrameError",
        "OutputError",
        "ParameterError",
        "StudyCancelledError",
        "StudyError",
        "ZecoverageError",
    ),
    "core.outcome": ("MaskOutcome", "apply_mask", "mask_tile", "masked_tile"),
    "core.parameters": ("AlphaParameters", "MaskParameters", "StudyOptions"),
    "core.registration": ("Registration",),
    "core.studied": ("ClusterStudy", "StudyProgress"),
    "core.study": ("study_cluster",),
    "outputs": ("write_results",),
    "zemosaic.config": ("ConfigChange", "ConfigFile", "read_config", "write_config"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Fetch a public name from its room (PEP 562)."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
