"""Results on disk: coverage and alpha as FITS, a preview, every number as JSON.

A folder of results appears, or is replaced, as a whole: the files are made in a
folder of their own and moved in when all are complete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage import __version__
from napari_zecoverage.core.alpha import margin_in_pixels
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import InTheWayError, OutputError, reason_of
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.placing import (
    folder_in_the_making,
    foreign_in_the_way,
    not_written,
    place_for,
)
from napari_zecoverage.core.plain_json import plain
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import draw_preview
from napari_zecoverage.versions import versions_of
from napari_zecoverage.zemosaic.coverage_map import write_coverage_map
from napari_zecoverage.zemosaic.fits_writing import was_written_by_us
from napari_zecoverage.zemosaic.tile_header import PARAMETER_CARDS, mask_cards, study_header

COVERAGE_NAME: Final = "coverage.fits"
ALPHA_NAME: Final = "alpha.fits"
PREVIEW_NAME: Final = "preview.png"
SUMMARY_NAME: Final = "summary.json"

RESULT_NAMES: Final = (COVERAGE_NAME, ALPHA_NAME, PREVIEW_NAME, SUMMARY_NAME)
"""Every name that `write_results` may give to a file."""

SUMMARY_VERSION: Final = 1
"""Raised whenever a number of the summary is renamed or changes its meaning."""

MEANING: Final = {
    "shape": "[height, width] in pixels",
    "offset": "[y, x] of the reference frame's first pixel on the canvas",
    "matrix": "3x3, a frame's (x, y) to the reference frame's (x, y), in pixels from 0 at the "
    "middle of the first pixel",
    "times_counted": "how often ZeMosaic stacks the frame: it repeats the frames of a cluster of "
    "fewer than 5",
    "coverage": "frames per pixel of the canvas, repeats included",
    "rectangles": "[y0, x0, y1, x1], half open: rows y0 to y1 - 1, columns x0 to x1 - 1. "
    "strict_crop and saved_rect are on the canvas, edge_trim is relative to what the strict crop "
    "left",
    "threshold_frames": "the number of frames that coverage was compared with, also of a "
    "coverage mask that was dropped; null when there was none, or it was discarded",
    "field_lost": "shares (0 to 1) of the area that any frame covers. hard: not opaque in the "
    "saved tile, or cut off. soft: mean of 1 - alpha, what is cut off counts as wholly lost",
    "alpha": "of the whole canvas, 0 to 1; nonzero_frac is the share of pixels above 0. null "
    "when it is not known. Of a mask that was dropped: what it would have been",
    "null": "not known, or not a number",
}

_THINGS: Final = "the results"
_LIBRARIES: Final = ("numpy", "scipy", "astropy", "astroalign", "sep", "opencv-python-headless")


@dataclass(frozen=True)
class Results:
    """What was written.

    Attributes
    ----------
    folder : Path
        Absolute.
    files : tuple of Path
        In it; no `COVERAGE_NAME` without coverage, no `ALPHA_NAME` without a mask.
    """

    folder: Path
    files: tuple[Path, ...]


def write_results(
    folder: str | PathLike[str],
    study: ClusterStudy,
    outcome: MaskOutcome,
    *,
    force: bool = False,
) -> Results:
    """Write what was found in a cluster, and what ZeMosaic would do with it.

    Parameters
    ----------
    folder : path-like
        Made when it is not there. Files of other names in it are left alone.
    study : ClusterStudy
    outcome : MaskOutcome
        Made for that study.
    force : bool, default: False
        Replace the results that are there already, when the new ones are
        complete; of the old ones none stays beside the new. What only has their
        names, and is not ours, is kept under another name.

    Returns
    -------
    Results

    Raises
    ------
    OutputError
        The files cannot be written, or there are some already; what was there
        is as it was.
    """
    check_target(folder, force=force)
    target = absolute(folder)
    foreign = _foreign_names(target)
    pieces: dict[str, Callable[[Path], None]] = {}
    if study.coverage is not None:
        pieces[COVERAGE_NAME] = lambda path: write_coverage(path, study)
    if outcome.alpha is not None:
        pieces[ALPHA_NAME] = lambda path: write_alpha(path, study, outcome)
    pieces[PREVIEW_NAME] = lambda path: write_preview(path, study, outcome)
    pieces[SUMMARY_NAME] = lambda path: write_summary(path, study, outcome)
    try:
        with folder_in_the_making(
            target, RESULT_NAMES, _THINGS, is_foreign=lambda path: path.name in foreign
        ) as aside:
            for name, write in pieces.items():
                write(aside / name)
    except cv2.error as error:
        raise not_written(target, _THINGS, error) from error
    return Results(target, tuple(target / name for name in pieces))


def check_target(folder: str | PathLike[str], *, force: bool = False) -> None:
    """Refuse a folder that results cannot go into, before any work is done for it.

    Raises
    ------
    OutputError
        It is a file, holds results already (and not `force`), or cannot be written to.
    """
    target = place_for(folder, _THINGS)
    try:
        present = [name for name in RESULT_NAMES if os.path.lexists(target / name)]
        in_the_way = [name for name in present if (target / name).is_dir()]
        foreign = () if in_the_way else _foreign_names(target)
    except OSError as error:
        raise OutputError(target, f"cannot be looked at ({reason_of(error)}).") from error
    if in_the_way:
        raise OutputError(target, f"has a folder called {in_the_way[0]}; name another folder.")
    if foreign and not force:
        raise foreign_in_the_way(target, foreign, "of results that this program wrote", _THINGS)
    if present and not force:
        raise InTheWayError(
            target,
            f"holds results already ({', '.join(present)}). Name another folder, or say that they "
            "are to be replaced.",
        )


def _foreign_names(target: Path) -> tuple[str, ...]:
    """Return which of our names belong to something that we did not write."""
    summary = was_written_by_us(target / SUMMARY_NAME)
    return tuple(
        name
        for name in RESULT_NAMES
        if os.path.lexists(target / name)
        # A picture does not say who drew it: it came with the summary.
        and not (summary if name == PREVIEW_NAME else was_written_by_us(target / name))
    )


# --- one file each -------------------------------------------------------------------------


def write_coverage(path: str | PathLike[str], study: ClusterStudy) -> None:
    """Write the coverage: float32 (H, W), BUNIT "count", the canvas's WCS where there is one.

    Raises
    ------
    ValueError
        The study has no coverage.
    """
    write_coverage_map(path, study)


def write_alpha(path: str | PathLike[str], study: ClusterStudy, outcome: MaskOutcome) -> None:
    """Write alpha: float32 (H, W), 0 to 1, with the canvas's WCS and the thresholds as cards.

    Raises
    ------
    ValueError
        The outcome has no mask.
    """
    if outcome.alpha is None:
        raise ValueError("this outcome has no alpha")
    # Not at the top: see core.celestial.
    from astropy.io import fits

    header = study_header(study, "ALPHA")
    header["BUNIT"] = ("", "Alpha has no unit: 0 hidden, 1 opaque")
    header.extend(mask_cards(outcome))
    alpha = np.asarray(outcome.alpha, dtype=np.float32)
    fits.PrimaryHDU(alpha, header=header).writeto(path)


def write_preview(path: str | PathLike[str], study: ClusterStudy, outcome: MaskOutcome) -> None:
    """Write the picture of `draw_preview` as PNG."""
    done, encoded = cv2.imencode(".png", draw_preview(study, outcome)[..., ::-1])
    if not done:
        raise OutputError(path, "the preview cannot be made into a PNG.")
    Path(path).write_bytes(encoded.tobytes())


def write_summary(path: str | PathLike[str], study: ClusterStudy, outcome: MaskOutcome) -> None:
    """Write every number as JSON: what is not known, or not a number, is null."""
    # Plain ASCII: a file name that is no text at all is then still JSON.
    text = json.dumps(summary_of(study, outcome), indent=2, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="ascii")


def summary_of(study: ClusterStudy, outcome: MaskOutcome) -> dict[str, Any]:
    """Return every number of a study and an outcome as plain JSON values.

    `MEANING`, which is part of it, says what they mean.
    """
    return {
        "schema_version": SUMMARY_VERSION,
        "made_by": {"napari-zecoverage": __version__, **versions_of(_LIBRARIES)},
        "meaning": MEANING,
        "cluster": _cluster_numbers(study),
        "study": {
            "summary": study.summary,
            "options": plain(study.options),
            "canvas": {**plain(study.canvas), "padded": study.canvas.padded},
            "has_wcs": study.wcs_header is not None,
            "frames_used": study.frames_used,
            "frames_aligned": study.frames_aligned,
            "frames_rescued": study.frames_rescued,
            "frames_left_out": study.frames_left_out,
            "coverage": _coverage_numbers(study.coverage),
            "notes": list(study.notes),
        },
        "parameters": {name: getattr(outcome.parameters, name) for name in PARAMETER_CARDS},
        "parameters_notes": list(outcome.parameters.notes),
        "outcome": {
            "source": outcome.source,
            "threshold_frames": plain(outcome.threshold),
            "threshold_rule": outcome.threshold_rule,
            "margin_px": _margin_px(study, outcome),
            "notes": list(outcome.notes),
            "field_lost": plain(outcome.field_lost),
            "alpha": plain(outcome.alpha_stats),
            "strict_crop": _rectangle(outcome.strict_crop),
            "edge_trim": _rectangle(outcome.edge_trim),
            "saved_rect": _rectangle(outcome.saved_rect),
        },
    }


def _cluster_numbers(study: ClusterStudy) -> dict[str, Any]:
    cluster = study.cluster
    frames = [
        {
            "path": str(frame.path),
            "used": registration.used,
            "times_counted": cluster.counted.count(index) if registration.used else 0,
            "method": registration.method,
            "matrix": plain(registration.matrix),
            "rms_px": plain(registration.rms_px),
            "n_stars": int(registration.n_stars),
            "reason": registration.reason,
            "date": frame.date and frame.date.isoformat(),
            "night": frame.night and frame.night.isoformat(),
            "filter": frame.filter,
            "mount": frame.mount,
            "exposure_s": plain(frame.exposure_s),
        }
        for index, (frame, registration) in enumerate(
            zip(cluster.frames, study.registrations, strict=True)
        )
    ]
    reference = [each["path"] for each in frames if each["method"] == "reference"]
    return {
        "name": cluster.name,
        "frame_shape": list(cluster.shape),
        "reference": reference[0] if reference else None,
        "nights": {night.isoformat(): count for night, count in cluster.nights.items()},
        "filters": cluster.filters,
        "frames": frames,
        "left_out": [{"path": path, "reason": reason} for path, reason in cluster.left_out],
        "notes": list(cluster.notes),
    }


def _coverage_numbers(coverage: NDArray[np.float32] | None) -> dict[str, Any] | None:
    if coverage is None:
        return None
    counts, pixels = np.unique(coverage, return_counts=True)
    return {
        "min": float(coverage.min()),
        "max": float(coverage.max()),
        "nonzero_frac": np.count_nonzero(coverage) / coverage.size,
        "pixels_of_count": {f"{count:g}": int(n) for count, n in zip(counts, pixels, strict=True)},
    }


def _margin_px(study: ClusterStudy, outcome: MaskOutcome) -> float:
    """Return the width of alpha's ramp; the coverage mask has none at 0 % (ZEMOSAIC.md §11)."""
    percent = outcome.parameters.margin_percent
    if percent <= 0 and outcome.source == "coverage":
        return 0.0
    return margin_in_pixels(study.canvas.shape, percent)


def _rectangle(rect: Rect | None) -> list[int] | None:
    return None if rect is None else [int(side) for side in rect]
