"""What the manifest offers besides the dock: the sample, the reader for a studied cluster, menus.

Each command of a menu opens the dock where it is not open yet, and does its part there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Final, TypeAlias

import napari
import napari.viewer
from qtpy.QtWidgets import QDockWidget

from napari_zecoverage.core.cache import STUDY_SUFFIX, read_study
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.picture import stretch
from napari_zecoverage.sample import sample_folder
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.layer_data import coverage_layer, tile_layer
from napari_zecoverage.zemosaic.run_folder import find_clusters

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]
Paths: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]

# As napari's menu Plugins calls it, so that it is the same dock.
_DOCK_NAME: Final = "Coverage thresholds (ZeCoverage)"


def layers_of(study: ClusterStudy) -> list[LayerData]:
    """Return a studied cluster as napari layer data: `tile`, then `coverage`, where it has them.

    The coverage is hidden at first when there is a tile below it. Each layer's
    metadata tell the cluster's name, the summary, the notes and the WCS.
    """
    layers = []
    if study.tile is not None:
        layers.append(tile_layer(stretch(study.tile)))
    if study.coverage is not None:
        layers.append(coverage_layer(study.coverage))
        layers[-1][1]["visible"] = study.tile is None
    metadata = {
        "cluster": study.cluster.name,
        "summary": study.summary,
        "notes": study.notes,
        "wcs_header": study.wcs_header,
    }
    for _, settings, _ in layers:
        settings["metadata"] = dict(metadata)
    return layers


def open_sample() -> list[LayerData]:
    """Study the made-up cluster (a few seconds the first time) and return its layers."""
    return layers_of(study_cluster(find_clusters(sample_folder())[0]))


def get_reader(path: Paths) -> Callable[[Paths], list[Any]] | None:
    """Return the reader when every path is a studied cluster (``.zestudy``), else None."""
    paths = _listed(path)
    taken = paths and all(str(each).lower().endswith(STUDY_SUFFIX) for each in paths)
    return read_layers if taken else None


def read_layers(path: Paths) -> list[Any]:
    """Read studied clusters as layers.

    Where the dock is open, a single one is shown there, to be tuned, and napari is told
    that there are no more layers.

    Raises
    ------
    StudyFileError
        A file does not hold a studied cluster; the message names it.
    """
    paths = _listed(path)
    dock = _dock_of_now()
    if dock is not None and len(paths) == 1:
        dock.open_source(str(paths[0]))
        return [(None,)]
    return [layer for each in paths for layer in layers_of(read_study(each))]


def _listed(path: Paths) -> list[str | PathLike[str]]:
    return [path] if isinstance(path, (str, PathLike)) else list(path)


def _dock_of_now() -> CoverageDock | None:
    """Return the dock of the window that is in front; None where it is not open there."""
    viewer = napari.current_viewer()
    docks = [] if viewer is None else _docks_in(viewer)
    return docks[0] if docks else None


def _docks_in(viewer: napari.viewer.Viewer) -> list[CoverageDock]:
    return [each for each in viewer.window.dock_widgets.values() if _is_dock(each)]


def dock_of(viewer: napari.viewer.Viewer) -> CoverageDock:
    """Return the viewer's dock, opened and in front."""
    docks = _docks_in(viewer)
    if not docks:
        docks = [CoverageDock(viewer)]
        viewer.window.add_dock_widget(docks[0], name=_DOCK_NAME)
    dock = docks[0]
    above = dock.parentWidget()
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parentWidget()
    if above is not None:
        above.show()
        above.raise_()
    return dock


def _is_dock(widget: object) -> bool:
    return isinstance(widget, CoverageDock)


def align_frames(viewer: napari.viewer.Viewer) -> None:
    """Let the user choose a folder, and register, count and stack its frames."""
    dock_of(viewer).ask_for_folder(run=True)


def open_run(viewer: napari.viewer.Viewer) -> None:
    """Let the user choose a ZeMosaic output folder, and list its clusters."""
    dock_of(viewer).ask_for_folder()


def show_coverage(viewer: napari.viewer.Viewer) -> None:
    """Show how many frames cover each pixel."""
    dock_of(viewer).show_coverage()


def show_fringes(viewer: napari.viewer.Viewer) -> None:
    """Show the tile with what the thresholds remove see-through on it."""
    dock_of(viewer).show_fringes()


def export_thresholds(viewer: napari.viewer.Viewer) -> None:
    """Go to where the thresholds are exported: what would change is shown there first."""
    dock_of(viewer).show_export()
