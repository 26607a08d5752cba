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
    from napari_zecoverage.core.advice import (
        Advice,
        RunAdvice,
        advise,
        advise_judged,
        advise_run,
    )
    from napari_zecoverage.core.alpha import alpha_from_coverage
    from napari_zecoverage.core.cache import StudyCache, read_study, write_study
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.coverage import Canvas, reduce_footprint
    from napari_zecoverage.core.crop import Rect
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
    from napari_zecoverage.core.fringe import Fringe, measure_fringe, residual_fringe
    from napari_zecoverage.core.judged import JudgedCluster, judge
    from napari_zecoverage.core.landscape import Landscape, landscape_of
    from napari_zecoverage.core.outcome import (
        MaskOutcome,
        apply_mask,
        mask_tile,
        masked_tile,
    )
    from napari_zecoverage.core.parameters import (
        AdviceOptions,
        AlphaParameters,
        MaskParameters,
        StudyOptions,
    )
    from napari_zecoverage.core.quality_crop import quality_crop
    from napari_zecoverage.core.registration import Registration
    from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
    from napari_zecoverage.core.study import study_cluster
    from napari_zecoverage.many import RunProgress, StudiedCluster, StudiedRun, study_many
    from napari_zecoverage.outputs import write_results
    from napari_zecoverage.report import write_report
    from napari_zecoverage.run_figures import write_run_figures
    from napari_zecoverage.zemosaic.config import ConfigFile, read_config
    from napari_zecoverage.zemosaic.config_backups import list_backups
    from napari_zecoverage.zemosaic.config_check import check_config
    from napari_zecoverage.zemosaic.config_writing import ConfigChange, restore_backup, write_config
    from napari_zecoverage.zemosaic.coverage_map import write_coverage_map
    from napari_zecoverage.zemosaic.diagnosis import Diagnosis, diagnose_zemosaic
    from napari_zecoverage.zemosaic.existing_tile import MasterTile, read_master_tile
    from napari_zecoverage.zemosaic.gating import Gating, gate, gate_all
    from napari_zecoverage.zemosaic.kept_results import clear_kept_results, find_kept_results
    from napari_zecoverage.zemosaic.log_comparison import compare_log
    from napari_zecoverage.zemosaic.logs import LogReading, read_log
    from napari_zecoverage.zemosaic.master_tile import write_master_tile, write_master_tiles
    from napari_zecoverage.zemosaic.run_folder import ZeMosaicRun, find_clusters, read_run
    from napari_zecoverage.zemosaic.tile_check import check_master_tile
    from napari_zecoverage.zemosaic.tile_comparison import compare_master_tile
    from napari_zecoverage.zemosaic.tile_place import place_master_tile

__version__ = "0.1.0"

# Whoever wants our logs adds a handler; without one Python would print the warnings by itself,
# at every tick of a slider.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [
    "Advice",
    "AdviceOptions",
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
    "Fringe",
    "Gating",
    "JudgedCluster",
    "Landscape",
    "LogReading",
    "MaskOutcome",
    "MaskParameters",
    "MasterTile",
    "OutputError",
    "ParameterError",
    "Rect",
    "Registration",
    "RunAdvice",
    "RunFolderError",
    "RunProgress",
    "StudiedCluster",
    "StudiedRun",
    "StudyCache",
    "StudyCancelledError",
    "StudyError",
    "StudyOptions",
    "StudyProgress",
    "ZeMosaicRun",
    "ZecoverageError",
    "__version__",
    "advise",
    "advise_judged",
    "advise_run",
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
    "judge",
    "landscape_of",
    "list_backups",
    "mask_tile",
    "masked_tile",
    "measure_fringe",
    "place_master_tile",
    "quality_crop",
    "read_config",
    "read_log",
    "read_master_tile",
    "read_run",
    "read_study",
    "reduce_footprint",
    "residual_fringe",
    "restore_backup",
    "study_cluster",
    "study_many",
    "write_config",
    "write_coverage_map",
    "write_master_tile",
    "write_master_tiles",
    "write_report",
    "write_results",
    "write_run_figures",
    "write_study",
]

_ROOMS = {
    "core.advice": (
        "Advice",
        "RunAdvice",
        "advise",
        "advise_judged",
        "advise_run",
    ),
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
    "core.crop": ("Rect",),
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
    "core.fringe": (
        "Fringe",
        "measure_fringe",
        "residual_fringe",
    ),
    "core.judged": (
        "JudgedCluster",
        "judge",
    ),
    "core.landscape": (
        "Landscape",
        "landscape_of",
    ),
    "core.outcome": (
        "MaskOutcome",
        "apply_mask",
        "mask_tile",
        "masked_tile",
    ),
    "core.parameters": (
        "AdviceOptions",
        "AlphaParameters",
        "MaskParameters",
        "StudyOptions",
    ),
    "core.quality_crop": ("quality_crop",),
    "core.registration": ("Registration",),
    "core.studied": (
        "ClusterStudy",
        "StudyProgress",
    ),
    "core.study": ("study_cluster",),
    "many": (
        "RunProgress",
        "StudiedCluster",
        "StudiedRun",
        "study_many",
    ),
    "outputs": ("write_results",),
    "report": ("write_report",),
    "run_figures": ("write_run_figures",),
    "zemosaic.config": (
        "ConfigFile",
        "read_config",
    ),
    "zemosaic.config_backups": ("list_backups",),
    "zemosaic.config_writing": (
        "ConfigChange",
        "restore_backup",
        "write_config",
    ),
    "zemosaic.config_check": ("check_config",),
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
    "zemosaic.log_comparison": ("compare_log",),
    "zemosaic.logs": (
        "LogReading",
        "read_log",
    ),
    "zemosaic.master_tile": (
        "write_master_tile",
        "write_master_tiles",
    ),
    "zemosaic.tile_check": ("check_master_tile",),
    "zemosaic.run_folder": (
        "ZeMosaicRun",
        "find_clusters",
        "read_run",
    ),
    "zemosaic.tile_comparison": ("compare_master_tile",),
    "zemosaic.tile_place": ("place_master_tile",),
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
