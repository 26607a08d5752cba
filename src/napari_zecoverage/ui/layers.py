"""The layers we own: `tile`, `coverage` and `removed`.

`tile_layer` and `coverage_layer` say how a studied cluster looks as napari layer
data; the window, the reader and the sample data all show it through them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_zecoverage.picture import (
    CUT_OFF,
    HIDDEN,
    REMOVED_COLOURS,
    REMOVED_OPACITY,
    count_colours,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_zecoverage.core.studied import ClusterStudy

_STEPS_AT_MOST: Final = 256


def tile_layer(shown: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of a stretched tile, (H, W, 3) in 0…1."""
    # rgb is said, because napari would only guess it from the last axis.
    return shown, {"name": "tile", "rgb": True}, "image"


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
        self._layers: dict[str, Image] = {}

    def __getitem__(self, name: str) -> Image | None:
        """Return our layer `name`, None when it is not (or no longer) in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def show_study(self, study: ClusterStudy, shown: NDArray[np.float32] | None) -> None:
        """Show another cluster: its stretched tile, its coverage, and nothing removed yet."""
        new_canvas = self._shape() != study.canvas.shape
        self._show("tile", None if shown is None else tile_layer(shown))
        self._show("coverage", None if study.coverage is None else coverage_layer(study.coverage))
        self._show("removed", removed_layer(np.zeros(study.canvas.shape, dtype=np.uint8)))
        if new_canvas:
            self._viewer.reset_view()

    def show_removed(self, removed: NDArray[np.uint8]) -> None:
        """Show what the present thresholds take away."""
        layer = self["removed"]
        if layer is not None:
            layer.data = removed

    def _shape(self) -> tuple[int, ...] | None:
        layer = self["removed"]
        return None if layer is None else layer.data.shape

    def _show(self, name: str, layer_data: tuple[Any, dict[str, Any], str] | None) -> None:
        layer = self[name]
        if layer_data is None:
            if layer is not None:
                self._viewer.layers.remove(layer)
            return
        data, settings, _ = layer_data
        if layer is None:
            self._layers[name] = self._add(name, data, settings)
            return
        layer.data = data
        # data= keeps the limits and colours of the cluster before.
        if "contrast_limits" in settings:
            layer.contrast_limits_range = settings["contrast_limits"]
            layer.contrast_limits = settings["contrast_limits"]
            layer.colormap = settings["colormap"]

    def _add(self, name: str, data: Any, settings: dict[str, Any]) -> Image:
        layer = Image(data, **settings)
        if name == "coverage":
            # It would hide the tile; one click on its eye shows it.
            layer.visible = self["tile"] is None
            if hasattr(layer, "colorbar"):
                layer.colorbar.visible = True
        self._viewer.layers.insert(self._place(name), layer)
        return layer

    def _place(self, name: str) -> int:
        """Return where a layer belongs: right above those of ours that come before it."""
        order = ("tile", "coverage", "removed")
        below = [self[each] for each in order[: order.index(name)]]
        above = [self[each] for each in order[order.index(name) + 1 :]]
        layers = self._viewer.layers
        for layer in reversed(below):
            if layer is not None:
                return layers.index(layer) + 1
        for layer in above:
            if layer is not None:
                return layers.index(layer)
        return len(layers)
