"""The layers we own: `tile`, `master tile`, `coverage`, `removed`, `kept edge`, `saved tile`.

`tile_layer` and `coverage_layer` say how a studied cluster looks as napari layer
data; the window, the reader and the sample data all show it through them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.layers import Image, Layer, Vectors
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.picture import (
    CUT_OFF,
    HIDDEN,
    REMOVED_COLOURS,
    REMOVED_OPACITY,
    count_colours,
    outline,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_zecoverage.core.studied import ClusterStudy

_STEPS_AT_MOST: Final = 256
_ORDER: Final = ("tile", "master tile", "coverage", "removed", "kept edge", "saved tile")
# White, and the yellow of Okabe and Ito: neither is the colour of something removed.
_EDGE_COLOURS: Final = {"kept edge": (1.0, 1.0, 1.0, 1.0), "saved tile": (0.94, 0.89, 0.26, 1.0)}
# On a canvas that fills the screen a stroke is then a pixel or two.
_STROKES_A_SIDE: Final = 500


def tile_layer(shown: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of a stretched tile, (H, W, 3) in 0…1."""
    # rgb is said, because napari would only guess it from the last axis.
    return shown, {"name": "tile", "rgb": True}, "image"


def master_tile_layer(
    shown: NDArray[np.float32], place: tuple[int, int]
) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of a run's own tile, stretched, whose first pixel lies at (y, x)."""
    return shown, {"name": "master tile", "rgb": True, "translate": place}, "image"


def coverage_layer(
    coverage: NDArray[np.float32],
) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of a coverage map, (H, W) frames per pixel: one colour step a count."""
    most = max(1, int(np.ceil(coverage.max(initial=0))))
    return (
        coverage,
        {
            "name": "coverage",
            "colormap": _counted_colours(most),
            "contrast_limits": (0, most),
            "interpolation2d": "nearest",
        },
        "image",
    )


def _counted_colours(most: int) -> Colormap:
    """Return viridis in one step for each count of 0…`most`; smooth where nobody could tell."""
    if most >= _STEPS_AT_MOST:
        return ensure_colormap("viridis")
    return Colormap(count_colours(most) / 255, name="coverage", interpolation="zero")


def removed_layer(
    removed: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], dict[str, Any], str]:
    """Return the layer data of `removed_pixels`' answer: see-through colours on nothing.

    An image rather than labels: it is a result that nobody paints in, and the
    first labels layer of a session takes seconds to be made ready for painting.
    """
    clear = (0.0, 0.0, 0.0, 0.0)
    colours = [clear] + [(*REMOVED_COLOURS[each], REMOVED_OPACITY) for each in (HIDDEN, CUT_OFF)]
    return (
        removed,
        {
            "name": "removed",
            "colormap": Colormap(colours, name="removed", interpolation="zero"),
            "contrast_limits": (0, CUT_OFF),
            "interpolation2d": "nearest",
            "blending": "translucent_no_depth",
        },
        "image",
    )


def strokes_layer(
    name: str, strokes: NDArray[np.float32], shape: tuple[int, int]
) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of an outline on a canvas of that shape, as `kept_edge` has strokes.

    Vectors rather than shapes: nobody edits it, and it is drawn in a few milliseconds.
    """
    return (
        strokes,
        {
            "name": name,
            "ndim": 2,
            "vector_style": "line",
            "edge_width": max(1.0, max(shape) / _STROKES_A_SIDE),
            "edge_color": [_EDGE_COLOURS[name]],
            "blending": "translucent_no_depth",
        },
        "vectors",
    )


class ClusterLayers:
    """The layers of one cluster in one viewer.

    Layers are kept as objects, never looked up by name: the user's own layers
    are not touched whatever they are called. A layer that the user deleted
    stays away until the next cluster is shown.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer, or a model of one.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers: dict[str, Layer] = {}

    def __getitem__(self, name: str) -> Layer | None:
        """Return our layer `name`, None when it is not (or no longer) in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def show_study(
        self,
        study: ClusterStudy,
        shown: NDArray[np.float32] | None,
        master_tile: tuple[NDArray[np.float32], tuple[int, int]] | None = None,
    ) -> None:
        """Show another cluster: its stretched tile, its coverage, and nothing removed yet.

        `master_tile` is the run's own tile, stretched, and the place (y, x) of its
        first pixel on the canvas.
        """
        before = len(self._viewer.layers)
        new_canvas = self._shape() != study.canvas.shape
        self._show("tile", None if shown is None else tile_layer(shown))
        self._show("master tile", None if master_tile is None else master_tile_layer(*master_tile))
        self._show("coverage", None if study.coverage is None else coverage_layer(study.coverage))
        self._show("removed", removed_layer(np.zeros(study.canvas.shape, dtype=np.uint8)))
        nothing = np.zeros((0, 2, 2), dtype=np.float32)
        self._show("kept edge", strokes_layer("kept edge", nothing, study.canvas.shape))
        whole = outline(Rect(0, 0, *study.canvas.shape))
        self._show("saved tile", strokes_layer("saved tile", whole, study.canvas.shape))
        if new_canvas:
            self._viewer.reset_view()
        if len(self._viewer.layers) > before:
            # napari selects what is added last; the picture is what there is to look into.
            self._viewer.layers.selection.active = self["tile"] or self["coverage"]

    def show_removed(self, removed: NDArray[np.uint8]) -> None:
        """Show what the present thresholds take away."""
        self._set_data("removed", removed)

    def show_outlines(self, edge: NDArray[np.float32], saved_rect: Rect) -> None:
        """Show the outlines of what stays; slower than `show_removed`."""
        self._set_data("kept edge", edge)
        self._set_data("saved tile", outline(saved_rect))

    def toggle_removed(self) -> None:
        """Show what is removed, or the tile as it was before."""
        layer = self["removed"]
        if layer is not None:
            layer.visible = not layer.visible

    def _set_data(self, name: str, data: NDArray[Any]) -> None:
        layer = self[name]
        # What is the same need not go to the graphics card again.
        if layer is not None and not np.array_equal(layer.data, data):
            layer.data = data

    def _shape(self) -> tuple[int, ...] | None:
        layer = self["removed"]
        return None if layer is None else layer.data.shape

    def _show(self, name: str, layer_data: tuple[Any, dict[str, Any], str] | None) -> None:
        layer = self[name]
        if layer_data is None:
            if layer is not None:
                self._viewer.layers.remove(layer)
            return
        if layer is None:
            self._layers[name] = self._add(name, layer_data)
            return
        data, settings, _ = layer_data
        layer.data = data
        # data= keeps the limits and colours of the cluster before.
        if "contrast_limits" in settings:
            layer.contrast_limits_range = settings["contrast_limits"]
            layer.contrast_limits = settings["contrast_limits"]
            layer.colormap = settings["colormap"]
        if "edge_width" in settings:
            layer.edge_width = settings["edge_width"]
        if "translate" in settings:
            layer.translate = settings["translate"]

    def _add(self, name: str, layer_data: tuple[Any, dict[str, Any], str]) -> Layer:
        data, settings, kind = layer_data
        layer = Vectors(data, **settings) if kind == "vectors" else Image(data, **settings)
        if name == "coverage":
            # It would hide the tile; one click on its eye shows it.
            layer.visible = self["tile"] is None
            if hasattr(layer, "colorbar"):
                layer.colorbar.visible = True
        if name == "master tile":
            layer.visible = False  # it would hide ours; one click on its eye shows it
        self._viewer.layers.insert(self._place(name), layer)
        return layer

    def _place(self, name: str) -> int:
        """Return where a layer belongs: right above those of ours that come before it."""
        below = [self[each] for each in _ORDER[: _ORDER.index(name)]]
        above = [self[each] for each in _ORDER[_ORDER.index(name) + 1 :]]
        layers = self._viewer.layers
        for layer in reversed(below):
            if layer is not None:
                return layers.index(layer) + 1
        for layer in above:
            if layer is not None:
                return layers.index(layer)
        return len(layers)
