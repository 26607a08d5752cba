"""The header of a master tile: ZeMosaic's cards, as far as they are true, and ours."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from napari_zecoverage import __version__
from napari_zecoverage.core.errors import FrameError
from napari_zecoverage.core.fits_headers import CardValue, look_at_hdus
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.parameters import StackMethod
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.saved_pixels import SavedPixels
from napari_zecoverage.zemosaic.tile_header import cropped_wcs, mask_cards, study_cards

# astropy is slow to import: it is imported where a file is made, so the window opens at once.
if TYPE_CHECKING:
    from astropy.io import fits

_HISTORY_WIDTH: Final = 72  # letters of a HISTORY card

_REJECTION: Final[Mapping[StackMethod, str]] = {
    "winsorized": "winsorized_sigma_clip",
    "kappa_sigma": "kappa_sigma",
}
_REFERENCE_CARDS: Final = (
    "OBJECT",
    "DATE-OBS",
    "DATE-AVG",
    "FILTER",
    "INSTRUME",
    "FOCALLEN",
    "XPIXSZ",
    "YPIXSZ",
    "GAIN",
    "OFFSET",
)


def tile_header(
    study: ClusterStudy, outcome: MaskOutcome, saved: SavedPixels, tile_id: int
) -> fits.Header:
    """Return the header of a tile.

    Parameters
    ----------
    study : ClusterStudy
    outcome : MaskOutcome
        Made for that study.
    saved : SavedPixels
        What is below the header.
    tile_id : int
        ZMT_ID.

    Returns
    -------
    astropy.io.fits.Header
    """
    from astropy.io import fits

    header = fits.Header()
    if study.wcs_header is not None:
        header.extend(cropped_wcs(study.wcs_header, outcome.saved_rect), strip=False)
    _add_zemosaic_cards(header, study, saved, tile_id)
    reference = _reference(study)
    if reference is not None:
        header["ZMT_REF"] = _printable(reference.path.name)
        for keyword, value in _reference_cards(reference).items():
            header[keyword] = value
    _add_exposure(header, study)
    header.extend(study_cards(study))
    header.extend(mask_cards(outcome))
    header["ZCBASE"] = (saved.base, "[adu] Taken off all channels")
    header["ZCHOLES"] = (saved.holes, "Pixels shown by the mask without a picture")
    rects = (
        ("ZCSAVED", outcome.saved_rect, "y0,x0,y1,x1 of the tile on the canvas"),
        ("ZCCROP", outcome.strict_crop, "Strict crop: y0,x0,y1,x1 on the canvas"),
        ("ZCTRIM", outcome.edge_trim, "Edge trim: y0,x0,y1,x1 after that crop"),
    )
    for keyword, rect, comment in rects:
        header[keyword] = ("none" if rect is None else ",".join(map(str, rect)), comment)
    for line in _history(study, outcome, saved):
        for piece in textwrap.wrap(_printable(line), _HISTORY_WIDTH):
            header.add_history(piece)
    return header


def _add_zemosaic_cards(
    header: fits.Header, study: ClusterStudy, saved: SavedPixels, tile_id: int
) -> None:
    """Add the cards of ZeMosaic's own tiles (ZEMOSAIC.md §5), as far as they are true of ours."""
    canvas, options = study.canvas, study.options
    frames = _frames_in(study)
    top, left = canvas.offset
    before, after = canvas.frame_shape, canvas.shape
    header["ZMT_TYPE"] = ("Master Tile", "Made for ZeMosaic")
    header["ZMT_ID"] = (tile_id, "Number of the tile")
    header["ZMT_NRAW"] = (len(study.cluster.frames), "Frames of the cluster")
    header["HIERARCH ZMT_NALGN"] = (frames, "Frames aligned")
    header["HIERARCH MT_NFRAMES"] = (frames, "Frames stacked, each counted once")
    header["ZMT_PAD"] = (canvas.padded, "Canvas larger than a frame")
    header["ZMT_PADX"] = (left, "[px] First column of the reference frame")
    header["ZMT_PADY"] = (top, "[px] First row of the reference frame")
    # Height,width of a frame and of the canvas. Text of unknown length goes without a comment,
    # which astropy would cut, with a warning.
    header["HIERARCH ZMT_PADHW"] = f"{before[0]},{before[1]}->{after[0]},{after[1]}"
    header["ZMT_NORM"] = (
        "none" if options.background == "off" else f"background_{options.background}",
        "How frames were matched",
    )
    header["ZMT_WGHT"] = ("none", "Weights of the frames")
    header["ZMT_REJ"] = (_REJECTION.get(options.stack, "none"), "Rejection")
    header["ZMT_COMB"] = ("median" if options.stack == "median" else "mean", "Combined by")
    header["ALPHAEXT"] = (1, "HDU of the mask")
    header["ZMT_QCRO"] = (False, "No quality crop")
    header["ZMT_NANZ"] = (int(saved.zeroed > 0), "Values that were not finite are 0")
    header["ZMT_NANC"] = (saved.zeroed, "Number of these values")


def _frames_in(study: ClusterStudy) -> int:
    """Return how many different frames are in the stack."""
    return sum(each.used for each in study.registrations)


def _reference(study: ClusterStudy) -> FrameInfo | None:
    pairs = zip(study.cluster.frames, study.registrations, strict=True)
    return next((frame for frame, each in pairs if each.method == "reference"), None)


def _reference_cards(frame: FrameInfo) -> dict[str, CardValue]:
    """Return what a tile takes from its reference frame's header, read anew if it is there."""
    try:
        hdus = look_at_hdus(frame.path)
        cards = {**(hdus[1].cards if len(hdus) > 1 else {}), **hdus[0].cards}
    except FrameError:
        # The studied frames may be gone; what was seen of them is not.
        cards = {}
    known: Mapping[str, CardValue | None] = {
        "OBJECT": frame.object_name,
        "FILTER": frame.filter,
        "INSTRUME": frame.instrument,
        "DATE-OBS": None if frame.date is None else _fits_date(frame),
    }
    found: dict[str, CardValue] = {}
    for keyword in _REFERENCE_CARDS:
        value = cards.get(keyword, known.get(keyword))
        if isinstance(value, str):
            value = _printable(value)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            continue
        found[keyword] = value
    return found


def _fits_date(frame: FrameInfo) -> str:
    assert frame.date is not None
    return frame.date.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _add_exposure(header: fits.Header, study: ClusterStudy) -> None:
    """Add the light that is in the tile; nothing where a frame does not tell its share."""
    times = _exposures(study)
    if times and None not in times:
        total = float(sum(each for each in times if each is not None))
        if not math.isfinite(total):
            return  # damaged headers; FITS has no such number
        header["EXPTOTAL"] = (total, "[s] Of the frames stacked, each counted once")
        header["NEXP_SUM"] = (len(times), "Exposures in EXPTOTAL")


def _exposures(study: ClusterStudy) -> list[float | None]:
    pairs = zip(study.cluster.frames, study.registrations, strict=True)
    return [frame.exposure_s for frame, each in pairs if each.used]


def _history(study: ClusterStudy, outcome: MaskOutcome, saved: SavedPixels) -> list[str]:
    frames, counted = _frames_in(study), study.frames_used
    lines = [
        (
            f"Masked master tile, stacked and written by napari-zecoverage {__version__} for the "
            "existing-master-tiles mode of ZeMosaic."
        ),
        f"{frames} frames were stacked. MT_NFRAMES, ZMT_NALGN and EXPTOTAL count each once.",
    ]
    if counted != frames:
        lines.append(
            f"As in ZeMosaic, the frames of this small cluster were repeated: coverage and stack "
            f"are of {counted}."
        )
    lines.append(f"Mask: {outcome.source}, threshold rule {outcome.threshold_rule}.")
    lines += outcome.notes
    lines.append(
        f"{saved.base:.6f} ADU were taken off all channels, so that the darkest pixel shown is 0."
    )
    if saved.holes:
        lines.append(f"{saved.holes} pixels that the mask shows have no picture: ALPHA is 0 there.")
    if study.wcs_header is None:
        lines.append("NO WCS: ZeMosaic refuses this tile.")
    return lines


def _printable(text: str) -> str:
    """Return text as FITS allows it: printable ASCII, one line, short enough for a card."""
    plain = text.translate({0x2013: "-", 0x2014: "-", 0x2212: "-", 0x2265: ">=", 0xD7: "x"})
    return re.sub(r"[^ -~]", "?", plain)[:2000]
