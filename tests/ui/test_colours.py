"""Colours that mean something are told apart with any colour vision."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from napari.utils.colormaps import ensure_colormap
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_zecoverage import picture, verdict
from napari_zecoverage.core.mask_pictures import CUT_OFF, HIDDEN
from napari_zecoverage.ui import layer_data
from napari_zecoverage.ui.inspect import inspect_layers, palette

# Colours as people see them who lack one kind of cones: linear R, G, B to linear R, G, B.
# Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009) 1291, severity 1.
VISIONS = {
    "all": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# CIEDE2000. From 2 or 3 on colours side by side are seen to differ; these are apart.
TOLD_APART = 10.0


def seen(colour, vision: str) -> np.ndarray:
    """Return an sRGB colour in 0…1 as somebody sees it."""
    srgb = np.asarray(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lit = np.clip(VISIONS[vision] @ linear, 0, 1)
    return np.where(lit <= 0.0031308, lit * 12.92, 1.055 * lit ** (1 / 2.4) - 0.055)


def distance(one, other, vision: str) -> float:
    return float(deltaE_ciede2000(*(rgb2lab(seen(each, vision)) for each in (one, other))))


def on_sky(colour, grey: float) -> np.ndarray:
    """Return the colour of something removed on a sky that is so bright."""
    opacity = picture.REMOVED_OPACITY
    return np.asarray(to_rgb(colour)) * opacity + grey * (1 - opacity)


def side_by_side() -> list[tuple[str, object, object]]:
    hidden, cut_off = (picture.REMOVED_COLOURS[each] for each in (HIDDEN, CUT_OFF))
    kept, saved = (layer_data._EDGE_COLOURS[each][:3] for each in ("kept edge", "saved tile"))
    pairs = [
        ("the two outlines", kept, saved),
        ("a footprint, and the chosen one", inspect_layers._OUTLINE, inspect_layers._CHOSEN),
        ("the chosen footprint, and the saved tile", inspect_layers._CHOSEN, saved),
        ("verdict, calm and loud", verdict._CALM, verdict.LOUD_COLOUR),
        ("field, hard and soft", palette.SKY_BLUE, palette.GREEN),
        ("field and fringe", palette.SKY_BLUE, palette.PURPLE),
        ("profile, R and G", palette.VERMILLION, palette.GREEN),
        ("profile, R and B", palette.VERMILLION, palette.SKY_BLUE),
        ("profile, coverage and alpha", palette.PURPLE, palette.ORANGE),
    ]
    for grey in (0.0, 0.25, 0.5):
        sky = (grey, grey, grey)
        pairs += [
            (f"hidden, cut off on {grey}", on_sky(hidden, grey), on_sky(cut_off, grey)),
            (f"hidden, kept on {grey}", on_sky(hidden, grey), sky),
            (f"cut off, kept on {grey}", on_sky(cut_off, grey), sky),
        ]
    for name in picture.FRINGE_COLOURS:
        for channel in (0, 1):
            colours = ensure_colormap(picture.fringe_colours(name, channel))
            low, middle, high = colours.map([0.0, 0.5, 1.0])[:, :3]
            where = f"fringe in {name}, channel {channel}"
            pairs += [(f"{where}, ends", low, high)]
            pairs += [(f"{where}, end and calm", end, middle) for end in (low, high)]
    return pairs


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_side_by_side_are_told_apart(vision) -> None:
    near = {
        f"{name}: {distance(one, other, vision):.1f}"
        for name, one, other in side_by_side()
        if distance(one, other, vision) < TOLD_APART
    }
    assert not near


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", picture.COUNT_COLOURS)
def test_more_frames_are_never_darker(name, vision) -> None:
    colours = picture.count_colours(32, name) / 255
    lightness = [rgb2lab(seen(each, vision))[0] for each in colours]
    assert np.diff(lightness).min() > 0


def test_red_and_green_are_not_told_apart_without_green_cones() -> None:
    # The measure itself can tell.
    assert distance("#cc3311", "#668800", "all") > 40
    assert distance("#cc3311", "#668800", "no green cones") < TOLD_APART
