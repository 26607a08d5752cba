"""How a studied cluster looks: the stretched tile, what is removed of it, and the preview.

Plain arrays; the window shows the same in its layers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.mask_pictures import CUT_OFF, HIDDEN, lost_pixels

if TYPE_CHECKING:
    from napari_zecoverage.core.crop import Rect
    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy

REMOVED_COLOURS: Final = {HIDDEN: (0.90, 0.62, 0.0), CUT_OFF: (0.34, 0.71, 0.91)}
"""Orange and sky blue of Okabe and Ito, told apart with any colour vision: R, G, B in 0…1."""

REMOVED_OPACITY: Final = 0.55

StretchKind: TypeAlias = Literal["asinh", "linear"]

Picture: TypeAlias = NDArray[np.uint8]
"""(H, W, 3), R, G, B."""

_EDGE_SLACK_PX: Final = 0.75
_EDGE_PIECES: Final = 300
_SAMPLES: Final = 200_000
_LINEAR_NOISES: Final = 12
_PANEL_MOST_PX: Final = 1000
_PANEL_LEAST_PX: Final = 480
_GAP_PX: Final = 14
_LINE_PX: Final = 24
_BAR_PX: Final = 22
_TICK_PX: Final = 70
_PAPER: Final = (24, 24, 24)
_INK: Final = (235, 235, 235)
_TEXT_SCALE: Final = 0.5


def stretch(
    tile: NDArray[np.float32], kind: StretchKind = "asinh", strength: float = 1.0
) -> NDArray[np.float32]:
    """Make a linear picture fit to be looked at: the sky dark grey, faint colour steps visible.

    Parameters
    ----------
    tile : (H, W, 3) float32
        NaN where nothing covers.
    kind : {"asinh", "linear"}
        "asinh" lifts faint light; with "linear" a step in the tile is as large a
        step in the picture everywhere.
    strength : float
        Above 0. More lifts faint light more: the asinh bends earlier, the linear
        white comes earlier.

    Returns
    -------
    (H, W, 3) float32
        In 0…1. Each channel's sky (its median) comes to the same dark grey, the
        scale is the same in all three, so that a colour in the picture is a
        colour in the tile. Non-finite pixels are 0.
    """
    step = max(1, int(np.sqrt(tile.shape[0] * tile.shape[1] / _SAMPLES)))
    sample = tile[::step, ::step].reshape(-1, 3)
    sample = sample[np.isfinite(sample).all(axis=1)]
    if sample.size == 0:
        return np.zeros(tile.shape, dtype=np.float32)
    sky = np.median(sample, axis=0)
    noise = float(1.4826 * np.median(np.abs(sample - sky)))
    above = sample - sky
    white = float(np.percentile(above, 99.8))
    # A flat or empty picture has no noise to scale by.
    noise = noise or white / 10 or 1.0
    white = max(white, 25 * noise)
    top = white + 3 * noise
    if kind == "linear":
        # For the sky and its fringes: there is no room for the stars as well.
        top = _LINEAR_NOISES * noise / strength
        shown = (tile - (sky - 3 * noise).astype(np.float32)) / np.float32(top)
    else:
        bend = 4 * noise / strength
        shown = (tile - (sky - 3 * noise).astype(np.float32)) / np.float32(bend)
        np.arcsinh(shown, out=shown)
        shown /= np.float32(np.arcsinh(top / bend))
    np.nan_to_num(shown, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    return np.clip(shown, 0, 1, out=shown)


def as_bytes(shown: NDArray[np.float32]) -> Picture:
    """Return a stretched picture in 0…255: a quarter of the memory, and quicker to draw."""
    return np.asarray(cv2.convertScaleAbs(shown, alpha=255), dtype=np.uint8)


FRINGE_COLOURS: Final = ("PuOr", "RdBu", "BrBG", "coolwarm")
"""Colour maps for a fringe: two sides round a neutral middle, told apart with any vision."""

_COLD_FIRST: Final = ("coolwarm",)
"""Of those, the ones that begin with their cold side."""


def fringe_colours(colours: str, channel: int) -> str:
    """Return a colour map turned so that its warm side is a redder, its cold side a bluer sky.

    Parameters
    ----------
    colours : str
        One of `FRINGE_COLOURS`.
    channel : {0, 1}
        Of a fringe's map: R−G, which grows to the red, or B−G, which grows to the blue.

    Returns
    -------
    str
        As matplotlib and napari know it; a map turned round ends in ``_r``.
    """
    warm_last = channel == 0
    return colours if warm_last == (colours in _COLD_FIRST) else f"{colours}_r"


_CALM_NOISES: Final = 2
"""The fringe's colours reach at least so many times the core's noise of a pixel. The map is
smoothed to a sixth of that noise where it is covered best, and to about all of it at the rim: a
tenth and a half of the colours. A step as large as that noise is half of them, too."""


def fringe_reach(fringe: Fringe) -> float:
    """Return how far the colours of a fringe's map reach from the core's, ADU; above 0.

    All but the farthest hundredth of the map, and no less than `_CALM_NOISES` of the
    core's colour noise: a tile without a fringe is to look calm.
    """
    step = max(1, math.isqrt(fringe.map.size // (2 * _SAMPLES)))
    sample = np.abs(fringe.map[::step, ::step])
    sample = sample[np.isfinite(sample)]
    far = float(np.percentile(sample, 99)) if sample.size else 0.0
    least = _CALM_NOISES * fringe.core_noise if math.isfinite(fringe.core_noise) else 0.0
    return max(far, least) or 1.0


def removed_pixels(study: ClusterStudy, outcome: MaskOutcome) -> NDArray[np.uint8]:
    """Tell what of a cluster the saved tile loses.

    Returns
    -------
    (H, W) uint8
        `HIDDEN` where frames cover the pixel and the mask hides it, `CUT_OFF`
        where only the strict crop or the edge trim takes it away, else 0. All 0
        when the mask is not known.
    """
    covered = _covered(study)
    if covered is None or not _is_known(outcome):
        return np.zeros(study.canvas.shape, dtype=np.uint8)
    hidden = covered & ~outcome.opaque
    return lost_pixels(hidden, covered.__getitem__, outcome.saved_rect)


def kept_edge(
    study: ClusterStudy, outcome: MaskOutcome, removed: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return the outline of what of the covered area the saved tile shows.

    Parameters
    ----------
    study : ClusterStudy
    outcome : MaskOutcome
    removed : (H, W) uint8
        What `removed_pixels` answered for both.

    Returns
    -------
    (N, 2, 2) float32
        Strokes: the (y, x) of their beginning, and how far they go. They run
        through the outermost kept pixels, at most `_EDGE_SLACK_PX` off. Of an
        edge of very many pieces, only the longest.
    """
    covered = _covered(study)
    if covered is None or not _is_known(outcome):
        return np.zeros((0, 2, 2), dtype=np.float32)
    kept = (covered & (removed == 0)).view(np.uint8)
    found, _ = cv2.findContours(kept, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    longest = sorted(found, key=len, reverse=True)[:_EDGE_PIECES]
    pieces = [
        _strokes(cv2.approxPolyDP(each, _EDGE_SLACK_PX, True)[:, 0, ::-1]) for each in longest
    ]
    return np.concatenate([np.zeros((0, 2, 2), dtype=np.float32), *pieces])


def outline(rect: Rect) -> NDArray[np.float32]:
    """Return a rectangle's four sides, round its outermost pixels, as `kept_edge` has strokes."""
    top, left, bottom, right = (np.float32(each) - np.float32(0.5) for each in rect)
    return _strokes(np.array([(top, left), (top, right), (bottom, right), (bottom, left)]))


def divided(strokes: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Cut the longest of some strokes into equal ones, so that there are `count`.

    Parameters
    ----------
    strokes : (N, 2, 2) float32
        At least one; as `kept_edge` has them.
    count : int
        At least as many.

    Returns
    -------
    (count, 2, 2) float32
        The same line.
    """
    longest = int(np.argmax(np.hypot(strokes[:, 1, 0], strokes[:, 1, 1])))
    pieces = count - len(strokes) + 1
    begin, way = strokes[longest]
    begins = begin + np.linspace(0, 1, pieces, endpoint=False)[:, np.newaxis] * way
    ways = np.broadcast_to(way / pieces, begins.shape)
    cut = np.stack([begins, ways], axis=1).astype(np.float32)
    return np.concatenate([strokes[:longest], cut, strokes[longest + 1 :]])


def _strokes(corners: NDArray[Any]) -> NDArray[np.float32]:
    """Join (n, 2) corners to a closed line of (n, 2, 2) strokes."""
    begin = corners.astype(np.float32)
    return np.stack([begin, np.roll(begin, -1, axis=0) - begin], axis=1)


def _covered(study: ClusterStudy) -> NDArray[np.bool_] | None:
    """Return where any frame covers the canvas; None when that is not known."""
    if study.coverage is not None:
        covered: NDArray[np.bool_] = study.coverage > 0
        return covered
    if study.tile is not None:
        return np.asarray(np.isfinite(study.tile).any(axis=2))
    return None


def _is_known(outcome: MaskOutcome) -> bool:
    return outcome.alpha is not None or outcome.source == "dropped"


_COLOUR_MAPS: Final = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "plasma": cv2.COLORMAP_PLASMA,
    "inferno": cv2.COLORMAP_INFERNO,
    "magma": cv2.COLORMAP_MAGMA,
}
COUNT_COLOURS: Final = (*_COLOUR_MAPS, "gray")
"""Colour maps for counts: perceptually even, and read alike with any colour vision."""


def count_colours(most: int, colours: str = "viridis") -> Picture:
    """Return a colour for each count of 0…`most`: (most + 1, 3) R, G, B.

    Parameters
    ----------
    most : int
    colours : str
        One of `COUNT_COLOURS`.
    """
    steps = np.rint(np.linspace(0, 255, most + 1)).astype(np.uint8)
    if colours == "gray":
        return np.repeat(steps[:, None], 3, axis=1)
    # Shapes said both ways: versions of OpenCV differ in what they make of one axis.
    mapped = cv2.applyColorMap(steps[:, None], _COLOUR_MAPS[colours]).reshape(-1, 3)
    return np.asarray(mapped[:, ::-1], dtype=np.uint8)


def draw_preview(study: ClusterStudy, outcome: MaskOutcome) -> Picture:
    """Draw the tile with what is removed marked on it, next to the coverage with its colour bar.

    Parameters
    ----------
    study : ClusterStudy
        Without a tile, what any frame covers is drawn grey; without coverage
        the right half is missing.
    outcome : MaskOutcome
        Made for that study.

    Returns
    -------
    (h, w, 3) uint8
        R, G, B; each half at most 1000 px on its longer side.
    """
    left = _fitted(_marked_tile(study, outcome), cv2.INTER_AREA)
    parts = [_titled(left, _legend(left.shape[1]))]
    if study.coverage is not None:
        most = max(1, math.ceil(study.coverage.max(initial=0)))
        colours = count_colours(most)
        # Nearest: a mean of two colours would be a count that is not there.
        right = _fitted(colours[study.coverage.astype(np.intp)], cv2.INTER_NEAREST)
        title = _blank(_LINE_PX, right.shape[1])
        _write(title, "coverage, frames per pixel", 0)
        parts += [_titled(right, title), _titled(*_colour_bar(colours, right.shape[0]))]
    drawn = _side_by_side(parts)
    caption = _caption(study, outcome)
    page = _blank(drawn.shape[0] + _LINE_PX + 2 * _GAP_PX, max(drawn.shape[1], _width(caption)))
    page[_GAP_PX : _GAP_PX + drawn.shape[0], : drawn.shape[1]] = drawn
    _write(page[-_LINE_PX - _GAP_PX // 2 :], caption, 0)
    margin = _blank(page.shape[0], _GAP_PX)
    return np.hstack([margin, page, margin])


def _marked_tile(study: ClusterStudy, outcome: MaskOutcome) -> Picture:
    if study.tile is not None:
        shown = stretch(study.tile)
    else:
        shown = np.zeros((*study.canvas.shape, 3), dtype=np.float32)
        if study.coverage is not None:
            shown[study.coverage > 0] = 0.35
    removed = removed_pixels(study, outcome)
    for value, colour in REMOVED_COLOURS.items():
        where = removed == value
        shown[where] *= np.float32(1 - REMOVED_OPACITY)
        shown[where] += REMOVED_OPACITY * np.array(colour, dtype=np.float32)
    return np.rint(shown * 255).astype(np.uint8)


def _fitted(picture: Picture, shrinking: int) -> Picture:
    """Bring a picture to a size for a screen; small ones grow by whole pixels."""
    longest = max(picture.shape[:2])
    scale = min(1.0, _PANEL_MOST_PX / longest)
    if longest < _PANEL_LEAST_PX:
        scale = math.ceil(_PANEL_LEAST_PX / longest)
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    how = shrinking if scale < 1 else cv2.INTER_NEAREST
    fitted = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how)
    return np.asarray(fitted, dtype=np.uint8)


def _blank(height: int, width: int) -> Picture:
    return np.full((height, width, 3), _PAPER, dtype=np.uint8)


def _write(picture: Picture, text: str, x: int, y: int = 16) -> None:
    """Write a line of ASCII: OpenCV's letters are no others."""
    spot = (x, y)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, text, spot, font, _TEXT_SCALE, _INK, 1, cv2.LINE_AA)


def _width(text: str) -> int:
    size, _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, 1)
    # Measured short by some versions of OpenCV.
    return int(size[0] * 1.1) + 4


def _legend(width: int) -> Picture:
    words = {HIDDEN: "hidden by the mask", CUT_OFF: "cut off by the crop"}
    pieces: list[tuple[int, Any, str]] = []
    x = _width("tile") + _GAP_PX
    for value, text in words.items():
        pieces.append((x, REMOVED_COLOURS[value], text))
        x += 18 + _width(text) + _GAP_PX
    legend = _blank(_LINE_PX, max(width, x))
    _write(legend, "tile", 0)
    for at, colour, text in pieces:
        legend[5:17, at : at + 12] = np.rint(255 * np.array(colour)).astype(np.uint8)
        _write(legend, text, at + 18)
    return legend


def _colour_bar(colours: Picture, height: int) -> tuple[Picture, Picture]:
    """Return the bar with its ticks, many frames above, and its empty title."""
    bar = _blank(height, _BAR_PX + _TICK_PX)
    count = np.arange(height)[::-1] * len(colours) // height
    bar[:, :_BAR_PX] = colours[count][:, None]
    most = len(colours) - 1
    every = max(1, math.ceil(most / 12))
    for value in range(0, most + 1, every):
        middle = height - (2 * value + 1) * height // (2 * len(colours))
        _write(bar, str(value), _BAR_PX + 6, min(max(middle + 5, 12), height - 2))
    return bar, _blank(_LINE_PX, bar.shape[1])


def _titled(picture: Picture, title: Picture) -> Picture:
    width = max(picture.shape[1], title.shape[1])
    whole = _blank(title.shape[0] + picture.shape[0], width)
    whole[: title.shape[0], : title.shape[1]] = title
    whole[title.shape[0] :, : picture.shape[1]] = picture
    return whole


def _side_by_side(parts: list[Picture]) -> Picture:
    height = max(part.shape[0] for part in parts)
    row = _blank(height, sum(part.shape[1] for part in parts) + _GAP_PX * (len(parts) - 1))
    x = 0
    for part in parts:
        row[: part.shape[0], x : x + part.shape[1]] = part
        x += part.shape[1] + _GAP_PX
    return row


def _caption(study: ClusterStudy, outcome: MaskOutcome) -> str:
    words = [f"mask: {outcome.source}"]
    if not math.isnan(outcome.threshold) and study.coverage is not None:
        most = float(study.coverage.max(initial=0))
        words.append(
            f"kept from {outcome.threshold:.4g} of {most:g} frames on ({outcome.threshold_rule})"
        )
    if outcome.field_lost is not None:
        hard, soft = outcome.field_lost
        words.append(f"field lost: {hard:.1%} hard, {soft:.1%} soft, of the covered area")
    return "; ".join(words)
