"""Masked master tiles for ZeMosaic's "existing master tiles" mode, and the check of one.

A tile is written as ZeMosaic writes its own (ZEMOSAIC.md §5 "FITS", §8), with three
differences, each for the reader's good: all four ``CDi_j`` are spelled out (ZeMosaic's
own tile of an unrotated field is refused by it, §10o), the counts are of the frames that
are really in it (ZeMosaic counts its repeats of a small cluster), and a pixel without a
picture is never opaque (§10h, §10j).
"""

from __future__ import annotations

import math
import os
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from napari_zecoverage import __version__
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import FrameError, OutputError
from napari_zecoverage.core.frames import (
    PIXEL_SCALE_RANGE,
    CardValue,
    FrameInfo,
    look_at_frame,
    look_at_hdus,
)
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.parameters import StackMethod
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.coverage_map import coverage_hdu, write_whole
from napari_zecoverage.zemosaic.existing_tile import (
    ALPHA_NAME,
    WEIGHT_CARDS,
    MasterTile,
    MasterTileError,
    read_master_tile,
)
from napari_zecoverage.zemosaic.tile_header import cropped_wcs, mask_cards, study_cards

TILE_NAME: Final = "master_tile_{:03d}.fits"
"""What ZeMosaic calls its tiles, and looks for (ZEMOSAIC.md §2, §8)."""

OWN_TILES_FOLDER: Final = "zemosaic_temp_master_tiles"
"""Where ZeMosaic keeps the tiles of a run; nobody else writes there."""

LEAST_TILES: Final = 2
"""ZeMosaic's "existing master tiles" mode wants so many (ZEMOSAIC.md §8)."""

EMPTY_BELOW: Final = 1e-8
"""A tile whose values stay below this is empty to ZeMosaic (ZEMOSAIC.md §5.11)."""

FLIP_MARGIN: Final = 0.05
"""ZeMosaic turns ALPHA over when that fits the data's share better by more (ZEMOSAIC.md §8)."""

MOST_BLACK: Final = 0.001
"""Share of the opaque pixels that may be black in all channels without a word."""

_IGNORED_PART: Final = re.compile(r"reject|rejet", re.IGNORECASE)
_IGNORED_FOLDERS: Final = ("quarantine", "trash", "failed")
_TILE_FILE: Final = re.compile(r"master_tile_.*\.fits", re.IGNORECASE)
_HISTORY_WIDTH: Final = 72  # letters of a HISTORY card
_LARGEST_ID: Final = 2**31 - 1

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


class UnusableTileError(OutputError):
    """No tile can be made of a study that ZeMosaic would take; nothing was written."""


# --- writing -------------------------------------------------------------------------------


def write_master_tile(
    path: str | PathLike[str],
    study: ClusterStudy,
    outcome: MaskOutcome,
    *,
    tile_id: int = 0,
    overwrite: bool = False,
    allow_without_wcs: bool = False,
    with_coverage: bool = True,
) -> Path:
    """Write the master tile that ZeMosaic would have made with this mask.

    HDU 0 is float32 (3, H, W), cut to `MaskOutcome.saved_rect`, ``ALPHA`` uint8 0 or 255
    (ZEMOSAIC.md §5.10). Opaque is what `MaskOutcome.opaque` says, but for pixels without
    a value in any channel, or emptied by `nanize_threshold`: those would be opaque and
    black. As ZeMosaic does, the least opaque value is taken off all channels (card
    ZCBASE, ADU); under ALPHA 0 the data are 0, so that ZeMosaic never turns the mask over.
    What ZeMosaic may do to the colours of a stack (``poststack_equalize_rgb``) is not done.

    MT_NFRAMES, by which ZeMosaic weighs the tile, counts each frame that is in the stack
    once: with ZeMosaic's own way of counting the repeats of a small cluster, a tile of
    one frame would weigh as much as one of five. ZCNFRAME counts the repeats, too.

    Parameters
    ----------
    path : path-like
        Its folder is made when it is not there.
    study : ClusterStudy
        With a tile.
    outcome : MaskOutcome
        Made for that study.
    tile_id : int, default: 0
        ZMT_ID.
    overwrite : bool, default: False
        Replace a file of that name.
    allow_without_wcs : bool, default: False
        Write a tile even if the reference frame has no WCS. ZeMosaic refuses such a tile;
        its HISTORY says so.
    with_coverage : bool, default: True
        Put the coverage behind it as HDU ``COVERAGE``, which lecropper finds (§9).

    Returns
    -------
    Path
        The file, absolute. It is there whole, or not at all.

    Raises
    ------
    UnusableTileError
        The study has no tile or no WCS, or nothing of the tile would be shown.
    OutputError
        The file cannot be written, or there is one already; it is as it was.
    """
    target = Path(os.path.abspath(os.path.expanduser(path)))
    if not 0 <= tile_id <= _LARGEST_ID:
        raise OutputError(target, f"tile_id must be a whole number from 0 on, not {tile_id!r}.")
    _refuse_own_folder(target.parent)
    if study.wcs_header is None and not allow_without_wcs:
        raise UnusableTileError(
            target,
            "the reference frame has no WCS that ZeMosaic accepts, and without one it refuses the "
            "tile. Let ZeMosaic (or ASTAP) solve the frames first, then study them again.",
        )
    saved = _saved_pixels(target, study, outcome)
    primary = fits.PrimaryHDU(saved.planes, header=_tile_header(study, outcome, saved, tile_id))
    alpha = fits.ImageHDU(saved.alpha, name=ALPHA_NAME)
    alpha.header["ALPHADSC"] = ("255=opaque, 0=transparent", "Only these two values")
    hdus = [primary, alpha]
    if with_coverage and study.coverage is not None:
        hdus.append(coverage_hdu(study, outcome.saved_rect))
    return write_whole(target, hdus, overwrite=overwrite)


@dataclass(frozen=True)
class WrittenTiles:
    """What `write_master_tiles` did.

    Attributes
    ----------
    folder : Path
        Absolute: what is to be given to ZeMosaic as its input folder.
    tiles : tuple of Path
        Written, in order.
    left_out : tuple of (str, str)
        Name and reason of each cluster that no tile can be made of.
    notes : tuple of str
        What the user should know before ZeMosaic opens the folder, in words.
    """

    folder: Path
    tiles: tuple[Path, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def write_master_tiles(
    clusters: Iterable[tuple[ClusterStudy, MaskOutcome]],
    folder: str | PathLike[str],
    *,
    tile_ids: Iterable[int] | None = None,
    overwrite: bool = False,
    with_coverage: bool = True,
    on_written: Callable[[Path], Any] | None = None,
) -> WrittenTiles:
    """Write the masked tiles of a run: ``master_tile_000.fits`` and so on.

    Parameters
    ----------
    clusters : iterable of (ClusterStudy, MaskOutcome)
        Taken one at a time, each written before the next is asked for: of a generator,
        one study is in memory at a time.
    folder : path-like
        Made when it is not there. Not ZeMosaic's own `OWN_TILES_FOLDER`.
    tile_ids : iterable of int, optional
        Number of each cluster's tile; 0, 1, 2, … when left out. A cluster that is left
        out keeps its number.
    overwrite : bool, default: False
        Replace tiles of these names. Others in the folder stay, and a note names them.
    with_coverage : bool, default: True
        As for `write_master_tile`.
    on_written : callable, optional
        Told each file that is complete.

    Returns
    -------
    WrittenTiles

    Raises
    ------
    OutputError
        The folder holds tiles already (and not `overwrite`), is ZeMosaic's own, or cannot
        be written to. Tiles that were complete by then stay.
    """
    target = Path(os.path.abspath(os.path.expanduser(folder)))
    check_tiles_folder(target, overwrite=overwrite)
    written: list[Path] = []
    left_out: list[tuple[str, str]] = []
    # What is given more than there are numbers for is a mistake of the caller's.
    numbered = enumerate(clusters) if tile_ids is None else zip(tile_ids, clusters, strict=True)
    for number, (study, outcome) in numbered:
        path = target / TILE_NAME.format(number)
        if path in written:
            raise OutputError(path, f"two clusters have the tile number {number}.")
        try:
            write_master_tile(
                path,
                study,
                outcome,
                tile_id=number,
                overwrite=overwrite,
                with_coverage=with_coverage,
            )
        except UnusableTileError as error:
            left_out.append((study.cluster.name, error.reason))
            continue
        written.append(path)
        if on_written is not None:
            on_written(path)
    notes = notes_on_tiles(target, written)
    return WrittenTiles(target, tuple(written), tuple(left_out), tuple(notes))


def check_tiles_folder(folder: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse a folder that tiles cannot go into, before any work is done for them.

    Raises
    ------
    OutputError
        It is a file, ZeMosaic's own, one that ZeMosaic passes over, or holds tiles
        already (and not `overwrite`).
    """
    target = Path(os.path.abspath(os.path.expanduser(folder)))
    _refuse_own_folder(target)
    ignored = _ignored_folder(target)
    if ignored:
        raise OutputError(
            target,
            f"ZeMosaic passes over folders called like {ignored}; name another one for the tiles.",
        )
    existing = next(each for each in (target, *target.parents) if os.path.lexists(each))
    if not existing.is_dir():
        raise OutputError(target, f"{existing} is not a folder; name another one for the tiles.")
    present = _tiles_in(target)
    if present and not overwrite:
        raise OutputError(
            target,
            f"holds master tiles already ({_some_names(present)}). Name another folder, or say "
            "that they are to be replaced.",
        )


def _refuse_own_folder(folder: Path) -> None:
    if OWN_TILES_FOLDER in (part.lower() for part in folder.parts):
        raise OutputError(
            folder,
            f"is a ZeMosaic run's own {OWN_TILES_FOLDER}, whose tiles it counts and removes "
            "itself. Name a folder of your own.",
        )


def _ignored_folder(folder: Path) -> str:
    """Return the part of a path for which ZeMosaic passes over what is in it (§8), or ""."""
    for part in folder.parts:
        if _IGNORED_PART.search(part) or part.lower() in _IGNORED_FOLDERS:
            return part
    return ""


def _tiles_in(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if _TILE_FILE.fullmatch(each.name))
    except OSError:
        return []


def _some_names(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def notes_on_tiles(folder: Path, written: Sequence[Path]) -> list[str]:
    """Say what ZeMosaic's existing-master-tiles mode would make of a folder (ZEMOSAIC.md §8).

    Parameters
    ----------
    folder : Path
        Where the tiles are.
    written : sequence of Path
        The tiles in it that were just written.

    Returns
    -------
    list of str
        In words; empty when it takes the written tiles and no others.
    """
    notes = []
    mine = {each.name for each in written}
    others = [name for name in _tiles_in(folder) if name not in mine]
    count = len(mine) + len(others)
    if count < LEAST_TILES:
        notes.append(
            f"ZeMosaic's existing-master-tiles mode needs at least {LEAST_TILES} tiles; there "
            f"{'is' if count == 1 else 'are'} {count}."
        )
    if others:
        notes.append(
            f"Also in the folder: {_some_names(others)}. ZeMosaic takes these as well; move them "
            "away if it should not."
        )
    return notes


# --- the pixels ----------------------------------------------------------------------------


class _Saved(NamedTuple):
    planes: NDArray[np.float32]  # (3, H, W), 0 under alpha 0
    alpha: NDArray[np.uint8]  # (H, W), 0 or 255
    base: float  # ADU that were taken off
    holes: int  # pixels that the mask shows, and that have no picture
    zeroed: int  # values that were not finite


def _saved_pixels(target: Path, study: ClusterStudy, outcome: MaskOutcome) -> _Saved:
    if study.tile is None:
        raise UnusableTileError(
            target, "this study has no stack (stack none); study the cluster with one."
        )
    rect = outcome.saved_rect
    try:
        shown = outcome.opaque[rect.slices]
    except ValueError as error:
        raise UnusableTileError(target, f"{error}.") from error
    pixels = study.tile[rect.slices]
    if shown.shape != pixels.shape[:2] or shown.size == 0:
        raise UnusableTileError(target, "the mask is not of this study; apply it again.")
    finite = np.isfinite(pixels)
    opaque = shown & finite.all(axis=2)
    emptied = _emptied(outcome, rect)
    if emptied is not None:
        opaque &= ~emptied
        finite &= ~emptied[..., None]
    if not opaque.any():
        raise UnusableTileError(
            target, "nothing of the tile would be shown; choose milder thresholds."
        )
    base = float(pixels[opaque].min())
    planes = np.zeros((3, *opaque.shape), dtype=np.float32)
    for channel, plane in enumerate(planes):
        np.subtract(pixels[..., channel], np.float32(base), out=plane, where=opaque)
        np.maximum(plane, 0.0, out=plane)
    if float(planes.max()) <= EMPTY_BELOW:
        raise UnusableTileError(target, "the tile is empty: all that is shown has one value.")
    return _Saved(
        planes=planes,
        alpha=np.where(opaque, 255, 0).astype(np.uint8),
        base=base,
        holes=int(np.count_nonzero(shown & ~opaque)),
        zeroed=int(finite.size - np.count_nonzero(finite)),
    )


def _emptied(outcome: MaskOutcome, rect: Rect) -> Mask | None:
    """Return where the step empties the tile (ZEMOSAIC.md §5.7), None without a mask."""
    if outcome.alpha is None:
        return None
    return np.asarray(outcome.alpha[rect.slices] <= outcome.parameters.nanize_threshold)


# --- the header ----------------------------------------------------------------------------


def _tile_header(
    study: ClusterStudy, outcome: MaskOutcome, saved: _Saved, tile_id: int
) -> fits.Header:
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
    header: fits.Header, study: ClusterStudy, saved: _Saved, tile_id: int
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
    times = _exposures(study.cluster, study)
    if times and None not in times:
        total = sum(each for each in times if each is not None)
        header["EXPTOTAL"] = (total, "[s] Of the frames stacked, each counted once")
        header["NEXP_SUM"] = (len(times), "Exposures in EXPTOTAL")


def _exposures(cluster: Cluster, study: ClusterStudy) -> list[float | None]:
    pairs = zip(cluster.frames, study.registrations, strict=True)
    return [frame.exposure_s for frame, each in pairs if each.used]


def _history(study: ClusterStudy, outcome: MaskOutcome, saved: _Saved) -> list[str]:
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


# --- the check -----------------------------------------------------------------------------


def check_master_tile(path: str | PathLike[str]) -> list[str]:
    """Say what in a tile would keep ZeMosaic from using it well as an existing one.

    By the rules of ZEMOSAIC.md §8. That ZeMosaic wants at least `LEAST_TILES` such tiles
    is not told here.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    list of str
        A sentence a problem; empty when ZeMosaic would take the tile as it is.
    """
    try:
        tile = read_master_tile(path)
        wcs_accepted = look_at_frame(tile.path).wcs_header is not None
    except (MasterTileError, FrameError) as error:
        return [f"It cannot be opened: {error.reason}"]
    return [
        *_name_problems(tile.path),
        *_storage_problems(tile),
        *_wcs_problems(tile, wcs_accepted),
        *_alpha_problems(tile),
        *_weight_problems(tile),
    ]


def _name_problems(path: Path) -> list[str]:
    problems = []
    name = path.name.lower()
    if "final_mosaic" in name or name.startswith("zemosaic_mt"):
        problems.append(f"ZeMosaic passes over files called like {path.name}; rename it.")
    ignored = _ignored_folder(path.parent)
    if ignored:
        problems.append(f"ZeMosaic passes over the folder {ignored}; move the tile elsewhere.")
    return problems


def _storage_problems(tile: MasterTile) -> list[str]:
    problems = []
    if tile.cards.get("BITPIX") != -32:
        problems.append(f"Its values are BITPIX {tile.cards.get('BITPIX')}, not float32 (-32).")
    for card, neutral in (("BSCALE", 1), ("BZERO", 0)):
        if tile.cards.get(card, neutral) != neutral:
            problems.append(f"It has {card} {tile.cards[card]}, which ZeMosaic does not apply.")
    if tile.not_finite:
        problems.append(f"{tile.not_finite} of its pixels have values that are not finite.")
    if float(np.abs(tile.pixels).max(initial=0)) <= EMPTY_BELOW:
        problems.append("It is empty: every value is 0.")
    return problems


def _wcs_problems(tile: MasterTile, accepted: bool) -> list[str]:
    if accepted:
        return []
    if tile.wcs_header is None:
        return ["It has no WCS, and ZeMosaic refuses it."]
    spelled = [
        all(f"{kind}{row}_{column}" in tile.cards for row in (1, 2) for column in (1, 2))
        for kind in ("CD", "PC")
    ]
    if not any(spelled):
        return [
            (
                "Its WCS leaves out terms of its matrix, as that of an unrotated field, and "
                "ZeMosaic refuses it; all four CDi_j must be there."
            )
        ]
    low, high = PIXEL_SCALE_RANGE
    return [
        (
            "ZeMosaic refuses its WCS: axes of right ascension and declination, a scale over "
            f"{low:g} and up to {high:g} arc seconds a pixel and a finite footprint are needed."
        )
    ]


def _alpha_problems(tile: MasterTile) -> list[str]:
    if tile.alpha is None or tile.alpha_cards is None:
        return ["It has no ALPHA: all of it is shown, its rim too."]
    problems = []
    if tile.alpha_cards.get("BITPIX") != 8:
        problems.append(
            f"Its ALPHA is BITPIX {tile.alpha_cards.get('BITPIX')}; ZeMosaic cuts it to uint8, "
            "which makes 0 of every share below 1."
        )
    opaque = tile.opaque
    shown = float(opaque.mean())
    filled = float(tile.pixels.any(axis=2).mean())
    if not shown:
        problems.append("Its ALPHA shows nothing.")
    if is_turned_over(shown, filled):
        problems.append(
            f"ZeMosaic would turn its ALPHA over: {shown:.0%} are opaque, {filled:.0%} have data. "
            "Data must be 0 where ALPHA is."
        )
    black = int(np.count_nonzero(opaque & ~tile.pixels.any(axis=2)))
    if shown and black > MOST_BLACK * np.count_nonzero(opaque):
        problems.append(f"{black} of its opaque pixels are black: they show as holes.")
    return problems


def is_turned_over(opaque: float, filled: float) -> bool:
    """Tell whether ZeMosaic turns an ALPHA over (ZEMOSAIC.md §8).

    Parameters
    ----------
    opaque, filled : float
        Shares, 0 to 1, of the pixels that are opaque and that have data other than 0.

    Returns
    -------
    bool
        True when 1 − `opaque` is nearer to `filled` by more than `FLIP_MARGIN`.
    """
    return abs(opaque - filled) - abs(1.0 - opaque - filled) > FLIP_MARGIN


def _weight_problems(tile: MasterTile) -> list[str]:
    card = next((each for each in WEIGHT_CARDS if each in tile.cards), None)
    if card is None:
        return [f"It has none of {', '.join(WEIGHT_CARDS)}: ZeMosaic cannot weigh it."]
    value = tile.cards[card]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        return [f"ZeMosaic weighs it by {card}, which is {value!r}; a number above 0 is needed."]
    return []
