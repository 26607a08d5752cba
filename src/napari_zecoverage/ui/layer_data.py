"""How what we show looks as napari layer data: data, settings, and the kind of layer.

The window, the reader and the sample data all show a studied cluster through these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_zecoverage.core.mask_pictures import CUT_OFF, HIDDEN
from napari_zecoverage.picture import REMOVED_COLOURS, REMOVED_OPACITY, count_colours

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

_STEPS_AT_MOST: Final = 256
# White, and the yellow of Okabe and Ito: neither is the colour of something removed.
_EDGE_COLOURS: Final = {"kept edge": (1.0, 1.0, 1.0, 1.0), "saved tile": (0.94, 0.89, 0.26, 1.0)}
# napari sends what it shows to the graphics card whole. Of a larger picture it is given a
# pyramid, of which it sends what is seen, at the resolution of the screen: drawn quicker
# each time.
_PYRAMID_FROM_PX: Final = 2_000_000
_PYRAMID_TOP_PX: Final = 1024
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
    coverage: NDArray[np.float32], colours: str = "viridis"
) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of a coverage map, (H, W) frames per pixel: one colour step a count."""
    most = max(1, int(np.ceil(coverage.max(initial=0))))
    # Each count in the middle of its step, on the colour bar too.
    half = 0.5 if most < _STEPS_AT_MOST else 0
    return (
        coverage,
        {
            "name": "coverage",
            "colormap": _counted_colours(most, colours),
            "contrast_limits": (-half, most + half),
            "interpolation2d": "nearest",
        },
        "image",
    )


def _counted_colours(most: int, colours: str) -> Colormap:
    """Return one colour step for each count of 0…`most`; smooth where nobody could tell."""
    if most >= _STEPS_AT_MOST:
        return ensure_colormap(colours)
    return Colormap(count_colours(most, colours) / 255, name="coverage", interpolation="zero")


def fringe_layer(
    colour: NDArray[np.float32], reach: float, colours: str
) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Return the layer data of a fringe map, (H, W) ADU against the core, NaN where unknown.

    The colours' neutral middle is the core's own colour, their ends are `reach` ADU from it.
    """
    return (
        colour,
        {
            "name": "fringe",
            "colormap": ensure_colormap(colours),
            "contrast_limits": (-reach, reach),
            "interpolation2d": "nearest",
            "opacity": 0.8,
            "blending": "translucent_no_depth",
        },
        "image",
    )


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


def pyramid(picture: NDArray[Any]) -> NDArray[Any] | list[NDArray[Any]]:
    """Return our layer's picture as napari shows it quickly: large ones with every 2nd, … pixel.

    The smaller ones are views of the same memory.
    """
    if picture.shape[0] * picture.shape[1] <= _PYRAMID_FROM_PX:
        return picture
    levels = [picture]
    while max(levels[-1].shape[:2]) > _PYRAMID_TOP_PX:
        levels.append(levels[-1][::2, ::2])
    return levels


def whole_data(layer: Layer) -> Any:
    """Return a layer's data as `pyramid` was given them."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data
