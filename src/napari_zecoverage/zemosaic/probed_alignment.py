"""What a ZeMosaic's alignment answered, beside where the made-up frames must lie."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.coverage import Canvas, find_footprint
from napari_zecoverage.zemosaic.bounded_run import Run
from napari_zecoverage.zemosaic.findings import Finding
from napari_zecoverage.zemosaic.installation import Interpreter
from napari_zecoverage.zemosaic.made_up import FRAME_SHAPE, SMALL, WIDE, Motion, matrix_of
from napari_zecoverage.zemosaic.probing import bytes_of, failure_of

KEPT_SHARE: Final = 0.95
LOST_SHARE: Final = 0.05
EXTRA_SHARE: Final = 0.01
GRADED_SHARE: Final = 0.01
RIM_PX: Final = 3
"""The alignment's cubic kernel may lose so much of a frame's rim (ZEMOSAIC.md §12)."""

MAX_SIDE_PX: Final = 2048
Mask = NDArray[np.bool_]


class _Aligned(NamedTuple):
    """Where an aligned frame has numbers, and where it has numbers other than zero."""

    finite: Mask
    shows: Mask


class _Scene(NamedTuple):
    """What the alignment made of one made-up cluster.

    `kinds` tells each aligned frame other than the reference (see `_kind_of`). `graded`:
    some covered pixels have fewer frames than the best, so a threshold can tell them apart.
    """

    shape: tuple[int, int] | None
    kinds: tuple[str, ...]
    frames: int
    most: int
    graded: bool
    agreement: float


def alignment_findings(
    run: Run, chosen: Interpreter, timeout_s: float, memory_mb: int
) -> list[Finding]:
    """Say what the alignment counts as covered, and when it pads the canvas."""
    failure = failure_of(run, "The alignment", chosen, timeout_s, memory_mb)
    if failure:
        return [Finding("alignment", "not-run", None, failure)]
    scenes = _scenes_of(run.answer.get("result"))
    if scenes is None:
        text = "The alignment's answer makes no sense (not two clusters of aligned frames)."
        return [Finding("alignment", "not-run", None, text)]
    taken, small, wide = scenes
    return [_footprint_finding(taken, small, wide), *_canvas_findings(small, wide)]


def _scenes_of(result: Any) -> tuple[bool, _Scene, _Scene] | None:
    """Return whether footprints can be asked for, and both scenes; None: not understood."""
    runs = result.get("runs") if isinstance(result, dict) else None
    if not isinstance(runs, list) or len(runs) != 2:
        return None
    scenes = []
    for run, motions in zip(runs, (SMALL, WIDE), strict=True):
        if not isinstance(run, dict):
            return None
        with_footprint = _aligned_of(run.get("with"), len(motions))
        without = _aligned_of(run.get("without"), len(motions))
        if with_footprint is None or without is None:
            return None
        scene = _look_at(with_footprint, without, motions)
        if scene is None:
            return None
        scenes.append(scene)
    return all(run.get("taken") is True for run in runs), scenes[0], scenes[1]


def _aligned_of(spelled: Any, count: int) -> list[_Aligned | None] | None:
    """Return the aligned frames of an answer, None among them where one failed."""
    if not isinstance(spelled, list) or len(spelled) != count:
        return None
    frames: list[_Aligned | None] = []
    for each in spelled:
        if each is None:
            frames.append(None)
            continue
        shape = each.get("shape") if isinstance(each, dict) else None
        if not isinstance(shape, list) or len(shape) != 2:
            return None
        height, width = shape
        if not all(type(side) is int and 1 <= side <= MAX_SIDE_PX for side in shape):
            return None
        length = (height * width + 7) // 8
        finite, zero = bytes_of(each.get("finite"), length), bytes_of(each.get("zero"), length)
        if finite is None or zero is None:
            return None
        has_numbers = _unpacked(finite, height, width)
        frames.append(_Aligned(has_numbers, has_numbers & ~_unpacked(zero, height, width)))
    return frames


def _unpacked(raw: bytes, height: int, width: int) -> Mask:
    bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=height * width)
    return bits.reshape(height, width).astype(np.bool_)


def _look_at(
    aligned: list[_Aligned | None],
    without: list[_Aligned | None],
    motions: tuple[Motion, ...],
) -> _Scene | None:
    """Compare aligned frames with where they must lie; None when they share no canvas."""
    shapes = {each.finite.shape for each in (*aligned, *without) if each is not None}
    if not shapes:
        return _Scene(None, (), len(motions), 0, False, 0.0)
    height, width = max(shapes)
    frame_height, frame_width = FRAME_SHAPE
    if len(shapes) > 1 or height < frame_height or width < frame_width:
        return None
    offset = ((height - frame_height) // 2, (width - frame_width) // 2)
    canvas = Canvas((height, width), offset, FRAME_SHAPE)
    truths = [
        find_footprint(canvas.from_frame(matrix_of(each)), FRAME_SHAPE, canvas.shape).mask()
        for each in motions
    ]
    kinds = tuple(
        _kind_of(seen, other, truth)
        for seen, other, truth in zip(aligned[1:], without[1:], truths[1:], strict=True)
        if seen is not None
    )
    counted = np.zeros(canvas.shape, dtype=np.int32)
    true = np.zeros(canvas.shape, dtype=np.int32)
    for seen, truth in zip(aligned, truths, strict=True):
        if seen is not None:
            counted += seen.finite
            true += truth
    most = int(counted.max())
    covered = np.count_nonzero(counted)
    below = np.count_nonzero((counted > 0) & (counted < most))
    graded = bool(below > GRADED_SHARE * covered)
    return _Scene(
        canvas.shape,
        kinds,
        len(motions),
        most,
        graded,
        _agreement(counted, true),
    )


def _agreement(counted: NDArray[np.int32], true: NDArray[np.int32]) -> float:
    """Return the worst intersection over union of the kept areas over all thresholds."""
    shares = []
    for threshold in range(1, int(true.max()) + 1):
        kept, right = counted >= threshold, true >= threshold
        shares.append(np.count_nonzero(kept & right) / np.count_nonzero(kept | right))
    return min(shares, default=0.0)


def _kind_of(seen: _Aligned, without: _Aligned | None, truth: Mask) -> str:
    """Tell what the footprint did to an aligned frame.

    "right"; "zeros" or "extra": also counted where the frame shows nothing, with zeros
    or other numbers there; "lost": nothing is left, though without its footprint the
    frame lies where it must; else "unclear".
    """
    square = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), dtype=np.uint8)
    sure = cv2.erode(truth.view(np.uint8), square).view(np.bool_)
    near = cv2.dilate(truth.view(np.uint8), square[1:-1, 1:-1]).view(np.bool_)
    if not sure.any():
        return "unclear"
    kept = float(seen.shows[sure].mean())
    if kept < LOST_SHARE:
        lies_right = without is not None and float(without.shows[sure].mean()) >= KEPT_SHARE
        return "lost" if lies_right else "unclear"
    if kept < KEPT_SHARE:
        return "unclear"
    beyond = seen.finite & ~near
    extra = np.count_nonzero(beyond)
    if extra <= EXTRA_SHARE * np.count_nonzero(truth):
        return "right"
    return "zeros" if 2 * np.count_nonzero(beyond & ~seen.shows) >= extra else "extra"


def _footprint_finding(taken: bool, small: _Scene, wide: _Scene) -> Finding:
    kinds = Counter(small.kinds + wide.kinds)
    aligned = kinds.total()
    if not aligned:
        text = "The alignment aligned no frame of two made-up clusters; its footprints are unknown."
        return Finding("alignment", "nothing-aligned", None, text)
    graded = small.graded or wide.graded
    counts = (
        f"Of a made-up cluster of {wide.frames} frames it counts at most {wide.most} on a pixel."
    )
    if not taken:
        text = f"Its alignment knows no footprints: coverage is not counted there. {counts}"
        return Finding("alignment", "no-footprint", False, text)
    if 2 * kinds["lost"] > aligned:
        text = (
            f"Its alignment turns the footprint upside down: of {aligned} frames that it aligned, "
            f"{kinds['lost']} lost all that they show, while without footprints they lie where "
            f"they must. {counts}"
        )
        return Finding("alignment", "upside-down", False, text)
    if kinds["lost"] or kinds["unclear"]:
        text = (
            f"What its alignment counts is not understood: of {aligned} aligned frames "
            f"{kinds['unclear']} lie elsewhere than they must, {kinds['lost']} are lost. {counts}"
        )
        return Finding("alignment", "unclear", None, text)
    wrong = kinds["zeros"] + kinds["extra"]
    if not wrong:
        text = f"Its alignment counts each frame where it shows something. {counts}"
        return Finding("alignment", "right", True, text)
    with_what = "zeros that it shifted in" if kinds["zeros"] else "pixels where a frame has nothing"
    text = (
        f"Its alignment counts {with_what} as covered: {wrong} of {aligned} frames; the kept areas "
        f"agree with the true ones to {min(small.agreement, wide.agreement):.1%} (intersection "
        f"over union, worst threshold). {counts}"
    )
    if not graded:
        text += " Every pixel has the same count, which no threshold can tell apart."
        return Finding("alignment", "everything-counted", False, text)
    return Finding("alignment", "zeros-counted" if kinds["zeros"] else "too-much", False, text)


def _canvas_findings(small: _Scene, wide: _Scene) -> list[Finding]:
    if small.shape is None or wide.shape is None:
        return []
    pads = (small.shape != FRAME_SHAPE, wide.shape != FRAME_SHAPE)
    height, width = wide.shape
    size = f"{FRAME_SHAPE[1]}×{FRAME_SHAPE[0]} becomes {width}×{height}"
    if pads == (False, True):
        text = f"It pads the canvas only when a frame covers less than 95 % of it ({size})."
        return [Finding("canvas", "when-needed", True, text)]
    if pads == (True, True):
        text = (
            f"It pads the canvas also when every frame covers 95 % of it ({size}): the margin is "
            "a share of the padded side then, and the edge trim never runs."
        )
        return [Finding("canvas", "always", False, text)]
    if pads == (False, False):
        text = "It did not pad the canvas, not even where frames lie far apart."
        return [Finding("canvas", "never", False, text)]
    text = "It padded the canvas where frames lie close, and not where they lie far apart."
    return [Finding("canvas", "unclear", False, text)]
