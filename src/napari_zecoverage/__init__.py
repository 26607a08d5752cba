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

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_zecoverage.core.alpha import alpha_from_coverage
    from napari_zecoverage.core.cache import StudyCache, read_study, write_study
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.coverage import Canvas, reduce_footprint
    from napari_zecoverage.core.crop import Rect, quality_crop
    from napari_zecoverage.core.errors import (
        ClusterError,
        ConfigError,
        CoverageError,
        FrameError,
        OutputError,
        ParameterError,
        RunFolderError,
        StudyCancelledError,
        StudyError,
        ZecoverageError,
    )
    from napari_zecoverage.core.outcome import (
        MaskOutcome,
        apply_mask,
        mask_tile,
        masked_tile,
    )
    from napari_zecoverage.core.parameters import AlphaParameters, MaskParameters, StudyOptions
    from napari_zecoverage.core.registration import Registration
    from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
    from napari_zecoverage.core.study import study_cluster
    from napari_zecoverage.outputs import write_results
    from napari_zecoverage.zemosaic.config import (
        ConfigChange,
        ConfigFile,
        list_backups,
        read_config,
        restore_backup,
        write_config,
    )
    from napari_zecoverage.zemosaic.config_keys import check_config
    from napari_zecoverage.zemosaic.coverage_map import write_coverage_map
    from napari_zecoverage.zemosaic.diagnosis import Diagnosis, diagnose_zemosaic
    from napari_zecoverage.zemosaic.existing_tile import MasterTile, read_master_tile
    from napari_zecoverage.zemosaic.gating import Gating, gate, gate_all
    from napari_zecoverage.zemosaic.kept_results import clear_kept_results, find_kept_results
    from napari_zecoverage.zemosaic.logs import LogReading, compare_log, read_log
    from napari_zecoverage.zemosaic.master_tile import (
        check_master_tile,
        write_master_tile,
        write_master_tiles,
    )
    from napari_zecoverage.zemosaic.run_folder import ZeMosaicRun, find_clusters, read_run
    from napari_zecoverage.zemosaic.tile_comparison import compare_master_tile, place_master_tile

__version__ = "0.1.0"

# Whoever wants our logs adds a handler; without one Python would print the warnings by itself,
# at every tick of a slider.
logging.getLogger(__name__).addHandler(logging.NullHandler())

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
    "Diagnosis",
    "FrameError",
    "Gating",
    "LogReading",
    "MaskOutcome",
    "MaskParameters",
    "MasterTile",
    "OutputError",
    "ParameterError",
    "Rect",
    "Registration",
    "RunFolderError",
    "StudyCache",
    "StudyCancelledError",
    "StudyError",
    "StudyOptions",
    "StudyProgress",
    "ZeMosaicRun",
    "ZecoverageError",
    "__version__",
    "alpha_from_coverage",
    "apply_mask",
    "check_config",
    "check_master_tile",
    "clear_kept_results",
    "compare_log",
    "compare_master_tile",
    "diagnose_zemosaic",
    "find_clusters",
    "find_kept_results",
    "gate",
    "gate_all",
    "list_backups",
    "mask_tile",
    "masked_tile",
    "place_master_tile",
    "quality_crop",
    "read_config",
    "read_log",
    "read_master_tile",
    "read_run",
    "read_study",
    "reduce_footprint",
    "restore_backup",
    "study_cluster",
    "write_config",
    "write_coverage_map",
    "write_master_tile",
    "write_master_tiles",
    "write_results",
    "write_study",
]

_ROOMS = {
    "core.alpha": ("alpha_from_coverage",),
    "core.cache": (
        "StudyCache",
        "read_study",
        "write_study",
    ),
    "core.clusters": ("Cluster",),
    "core.coverage": (
        "Canvas",
        "reduce_footprint",
    ),
    "core.crop": (
        "Rect",
        "quality_crop",
    ),
    "core.errors": (
        "ClusterError",
        "ConfigError",
        "CoverageError",
        "FrameError",
        "OutputError",
        "ParameterError",
        "RunFolderError",
        "StudyCancelledError",
        "StudyError",
        "ZecoverageError",
    ),
    "core.outcome": (
        "MaskOutcome",
        "apply_mask",
        "mask_tile",
        "masked_tile",
    ),
    "core.parameters": (
        "AlphaParameters",
        "MaskParameters",
        "StudyOptions",
    ),
    "core.registration": ("Registration",),
    "core.studied": (
        "ClusterStudy",
        "StudyProgress",
    ),
    "core.study": ("study_cluster",),
    "outputs": ("write_results",),
    "zemosaic.config": (
        "ConfigChange",
        "ConfigFile",
        "list_backups",
        "read_config",
        "restore_backup",
        "write_config",
    ),
    "zemosaic.config_keys": ("check_config",),
    "zemosaic.coverage_map": ("write_coverage_map",),
    "zemosaic.diagnosis": (
        "Diagnosis",
        "diagnose_zemosaic",
    ),
    "zemosaic.existing_tile": (
        "MasterTile",
        "read_master_tile",
    ),
    "zemosaic.gating": (
        "Gating",
        "gate",
        "gate_all",
    ),
    "zemosaic.kept_results": (
        "clear_kept_results",
        "find_kept_results",
    ),
    "zemosaic.logs": (
        "LogReading",
        "compare_log",
        "read_log",
    ),
    "zemosaic.master_tile": (
        "check_master_tile",
        "write_master_tile",
        "write_master_tiles",
    ),
    "zemosaic.run_folder": (
        "ZeMosaicRun",
        "find_clusters",
        "read_run",
    ),
    "zemosaic.tile_comparison": (
        "compare_master_tile",
        "place_master_tile",
    ),
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
