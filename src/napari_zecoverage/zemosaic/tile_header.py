"""Header cards of what is written for ZeMosaic: the WCS, the study, the mask."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from napari_zecoverage import __version__
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.frames import RESULT_CREATOR
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.studied import ClusterStudy

# astropy is slow to import: it is imported where a file is made, so the window opens at once.
if TYPE_CHECKING:
    from astropy.io import fits

# FITS keywords have eight letters at most.
PARAMETER_CARDS: Final = {
    "min_coverage_abs": "ZCMINABS",
    "min_coverage_frac": "ZCMINFRA",
    "morph_open_px": "ZCMORPH",
    "margin_percent": "ZCMARGIN",
    "decay": "ZCDECAY",
    "nanize": "ZCNANIZE",
    "nanize_threshold": "ZCNANTHR",
    "strict_overlap_crop_enabled": "ZCSTRICT",
    "strict_overlap_crop_alpha_threshold": "ZCSTRALP",
    "strict_overlap_crop_min_nonzero_frac": "ZCSTRFRA",
    "strict_overlap_crop_bbox_pad_px": "ZCSTRPAD",
    "strict_overlap_crop_min_size_px": "ZCSTRMIN",
}
"""The card of each threshold."""

_SCALING_CARD: Final = re.compile(r"CDELT[12]|CROTA[12]|PC[12]_[12]|CD[12]_[12]|WCSAXES")


def cropped_wcs(wcs_header: str, rect: Rect | None = None) -> fits.Header:
    """Return a canvas's WCS as it is in a rectangle of it, spelled for every reader.

    CRPIX loses the rectangle's first column and row. The scale is written as all four
    ``CDi_j``, zeros too: ZeMosaic refuses a matrix with terms left out, as astropy
    leaves out those of an unrotated one (ZEMOSAIC.md §10o). ``PCi_j`` with ``CDELTi`` is
    turned into it. Distortions (SIP, PV) count from CRPIX and stay as they are.

    Parameters
    ----------
    wcs_header : str
        The canvas's WCS: one card a line.
    rect : Rect, optional
        Of the canvas; all of it when left out.

    Returns
    -------
    astropy.io.fits.Header
        WCS cards only, ``WCSAXES`` (2) first, as in ZeMosaic's own tiles: the planes of
        a picture have no axis on the sky.
    """
    from astropy.io import fits

    canvas = fits.Header.fromstring(wcs_header, sep="\n")
    matrix = _matrix(canvas)
    header = fits.Header()
    header["WCSAXES"] = (2, "Axes of the WCS; the planes have none")
    for card in canvas.cards:
        if not _SCALING_CARD.fullmatch(card.keyword):
            header.append(card)
    if rect is not None:
        header["CRPIX1"] -= rect.x0
        header["CRPIX2"] -= rect.y0
    for keyword, value in matrix.items():
        header[keyword] = (value, "[deg/px]")
    return header


def _matrix(header: fits.Header) -> dict[str, float]:
    """Return all four CDi_j, from CDi_j or PCi_j and CDELTi (FITS standard 4.0, 8.1)."""
    axes = [(row, column) for row in (1, 2) for column in (1, 2)]
    if any(f"CD{row}_{column}" in header for row, column in axes):
        return {f"CD{i}_{j}": float(header.get(f"CD{i}_{j}", 0.0)) for i, j in axes}
    return {
        f"CD{i}_{j}": float(header.get(f"CDELT{i}", 1.0))
        * float(header.get(f"PC{i}_{j}", 1.0 if i == j else 0.0))
        for i, j in axes
    }


def study_header(study: ClusterStudy, name: str, rect: Rect | None = None) -> fits.Header:
    """Return the canvas's WCS, if there is one, the name of the HDU and what was studied.

    Parameters
    ----------
    study : ClusterStudy
    name : str
        EXTNAME.
    rect : Rect, optional
        What of the canvas is written; all of it when left out.

    Returns
    -------
    astropy.io.fits.Header
    """
    from astropy.io import fits

    header = fits.Header()
    if study.wcs_header is not None:
        header.extend(cropped_wcs(study.wcs_header, rect), strip=False)
    header["EXTNAME"] = name
    header.extend(study_cards(study))
    return header


def study_cards(study: ClusterStudy) -> list[tuple[str, str | int, str]]:
    """Return our cards on a study: keyword, value, comment."""
    return [
        ("CREATOR", f"{RESULT_CREATOR}{__version__}", ""),
        ("ZCNFRAME", study.frames_used, "Frames counted, repeats included"),
        ("ZCNALIGN", study.frames_aligned, "Frames aligned by their stars"),
        ("ZCNRESCU", study.frames_rescued, "Frames aligned by phase correlation"),
        ("ZCNLEFT", study.frames_left_out, "Frames left out"),
        ("ZCCANVAS", study.options.canvas, "Which canvas was asked for"),
        ("ZCPADY", study.canvas.offset[0], "Reference frame's first row on the canvas"),
        ("ZCPADX", study.canvas.offset[1], "Reference frame's first column on the canvas"),
    ]


def mask_cards(outcome: MaskOutcome) -> list[tuple[str, str | bool | int | float | None, str]]:
    """Return our cards on a mask, its thresholds among them: keyword, value, comment."""
    threshold = float(outcome.threshold) if math.isfinite(outcome.threshold) else None
    return [
        ("ZCSOURCE", outcome.source, "Which mask it is"),
        ("ZCTHRESH", threshold, "Coverage is kept from here on, frames"),
        ("ZCRULE", outcome.threshold_rule, "What set the threshold"),
        *(
            (card, getattr(outcome.parameters, name), name)
            for name, card in PARAMETER_CARDS.items()
        ),
    ]
