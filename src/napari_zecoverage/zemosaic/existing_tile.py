"""A master tile that is there already, opened.

Written for ZeMosaic's own tiles (ZEMOSAIC.md §5 "FITS"), and for ours, which look the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import FileError, FrameError, reason_of
from napari_zecoverage.core.fits_headers import STORAGE, CardValue, Hdu, look_at_hdus
from napari_zecoverage.core.frames import RESULT_CREATOR, read_frame
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.ramp import Mask

ALPHA_NAME: Final = "ALPHA"
"""EXTNAME of a tile's mask."""

OPAQUE_FROM: Final = 128
"""ALPHA from here on is opaque to ZeMosaic (ZEMOSAIC.md §8)."""

WEIGHT_CARDS: Final = ("MT_NFRAMES", "ZMT_NALGN", "ZMT_NRAW", "NRAWPROC", "NRAWINIT")
"""ZeMosaic weighs an existing tile by the first of these that it has (ZEMOSAIC.md §8)."""


class MasterTileError(FileError):
    """A master tile cannot be opened."""


@dataclass(frozen=True, eq=False)
class MasterTile:
    """A master tile as it is on disk.

    Attributes
    ----------
    path : Path
        Absolute.
    pixels : (H, W, 3) float32 array
        RGB, 0 where the file has no finite value. ZeMosaic takes the darkest opaque
        value off, so that 0 is not the sensor's 0.
    alpha : (H, W) uint8 array or None
        0 to 255; None for a tile without ALPHA. Other types of number are cut to
        uint8, as ZeMosaic does: a share of 0.8 is then 0.
    wcs_header : str or None
        The WCS, one card a line; None where a CTYPE, CRPIX or CRVAL is missing. Also of a WCS
        that ZeMosaic would refuse: `check_master_tile` tells.
    cards : mapping
        Of the first HDU.
    alpha_cards : mapping or None
        Of the ALPHA HDU.
    tile_id : int or None
        ZMT_ID.
    told : tuple of str
        What the header says, in words.
    not_finite : int
        Pixels with a value that is not finite in the file.
    """

    path: Path
    pixels: NDArray[np.float32]
    alpha: NDArray[np.uint8] | None
    wcs_header: str | None
    cards: Mapping[str, CardValue]
    alpha_cards: Mapping[str, CardValue] | None
    tile_id: int | None
    told: tuple[str, ...]
    not_finite: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def opaque(self) -> Mask:
        """(H, W) bool: what ZeMosaic shows of it; without ALPHA, what is not black."""
        if self.alpha is not None:
            return np.asarray(self.alpha >= OPAQUE_FROM)
        return np.asarray(self.pixels.any(axis=2))


# --- reading -------------------------------------------------------------------------------


def read_master_tile(path: str | PathLike[str]) -> MasterTile:
    """Open a master tile.

    Parameters
    ----------
    path : path-like
        A FITS file of three planes, not compressed.

    Returns
    -------
    MasterTile

    Raises
    ------
    MasterTileError
        It is missing, damaged, cut short, or not a picture of three colours.
    """
    place = absolute(path)
    try:
        hdus = _hdus(place)
        shape = _shape(place, hdus[0])
        alpha_hdu = next((each for each in hdus[1:] if _name(each) == ALPHA_NAME), None)
        alpha = None if alpha_hdu is None else _read_alpha(place, alpha_hdu, shape)
        frame = read_frame(place)
    except MasterTileError:
        raise
    except FrameError as error:
        raise MasterTileError(place, error.reason) from error
    except (OSError, MemoryError) as error:
        raise MasterTileError(place, f"it cannot be read ({reason_of(error)}).") from error
    if frame.pixels.shape[:2] != shape:
        raise MasterTileError(place, "its planes and its header do not agree; copy it again.")
    cards = hdus[0].cards
    return MasterTile(
        path=place,
        pixels=frame.pixels,
        alpha=alpha,
        wcs_header=_wcs_text(hdus[0]),
        cards=cards,
        alpha_cards=None if alpha_hdu is None else alpha_hdu.cards,
        tile_id=_whole(cards.get("ZMT_ID")),
        told=tuple(_tell(cards, alpha)),
        not_finite=0 if frame.finite is None else int(np.count_nonzero(~frame.finite)),
    )


def _hdus(place: Path) -> tuple[Hdu, ...]:
    if place.is_file():
        with open(place, "rb") as stream:
            if stream.read(2) == b"\x1f\x8b":
                raise MasterTileError(place, "it is compressed; ZeMosaic's tiles are not. Unpack.")
    return look_at_hdus(place)


def _shape(place: Path, hdu: Hdu) -> tuple[int, int]:
    axes = [hdu.cards.get(f"NAXIS{number}") for number in (3, 2, 1)]
    if hdu.cards.get("NAXIS") != 3 or axes[0] != 3:
        raise MasterTileError(
            place,
            "it is not a master tile: its first HDU is no picture of three planes "
            "(3 × height × width).",
        )
    height, width = _whole(axes[1]), _whole(axes[2])
    if not height or not width:
        raise MasterTileError(place, "it is not a master tile: it has no pixels.")
    return height, width


def _name(hdu: Hdu) -> str:
    return str(hdu.cards.get("EXTNAME", "")).strip().upper()


def _read_alpha(place: Path, hdu: Hdu, shape: tuple[int, int]) -> NDArray[np.uint8]:
    cards = hdu.cards
    lengths = cards.get("NAXIS"), cards.get("NAXIS2"), cards.get("NAXIS1")
    if lengths != (2, *shape) or cards.get("XTENSION") != "IMAGE":
        raise MasterTileError(place, "its ALPHA is not of the size of its planes.")
    dtype = np.dtype(STORAGE[int(cards["BITPIX"])])
    count = shape[0] * shape[1]
    if place.stat().st_size < hdu.data_offset + count * dtype.itemsize:
        raise MasterTileError(place, "its ALPHA is cut short; copy it again.")
    with open(place, "rb") as stream:
        stream.seek(hdu.data_offset)
        stored = np.fromfile(stream, dtype, count)
    if stored.size < count:
        raise MasterTileError(place, "its ALPHA is cut short; copy it again.")
    if dtype.kind == "f":
        stored = np.nan_to_num(stored.astype(np.float64), posinf=255.0, neginf=0.0)
    return np.asarray(np.clip(stored, 0, 255), dtype=np.uint8).reshape(shape)


def _whole(value: CardValue | None) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def _wcs_text(hdu: Hdu) -> str | None:
    """Return the cards of the WCS, None where one is missing that tells the place."""
    needed = ("CTYPE1", "CTYPE2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2")
    for keyword in needed:
        value = hdu.cards.get(keyword)
        kind = str if keyword.startswith("CTYPE") else (int, float)
        if not isinstance(value, kind) or isinstance(value, bool):
            return None
    return "\n".join(hdu.wcs_cards)


# --- what the header says ------------------------------------------------------------------


def _tell(cards: Mapping[str, CardValue], alpha: NDArray[np.uint8] | None) -> list[str]:
    """Say in words what the header says of how the tile was made."""
    said = [_made_by(cards), _frames(cards)]
    said += [_padding(cards), _quality_crop(cards), _stacking(cards), _gains(cards)]
    if "ZMT_REF" in cards:
        said.append(f"Its reference frame is {cards['ZMT_REF']}.")
    if cards.get("ZMT_EMPT"):
        said.append("ZeMosaic found it EMPTY: no value in it, nothing of it is shown.")
    emptied = _whole(cards.get("ZMT_NANC"))
    if emptied:
        said.append(f"{emptied} values were not finite and are 0 in the file.")
    if alpha is None:
        said.append("It has no ALPHA: no mask was saved with it.")
    else:
        said.append(f"Its ALPHA shows {np.mean(alpha >= OPAQUE_FROM):.1%} of it.")
    return [sentence for sentence in said if sentence]


def _made_by(cards: Mapping[str, CardValue]) -> str:
    number = _whole(cards.get("ZMT_ID"))
    which = "" if number is None else f" {number}"
    if str(cards.get("CREATOR", "")).startswith(RESULT_CREATOR):
        threshold = cards.get("ZCTHRESH")
        rule = f", kept from {threshold:g} frames on" if isinstance(threshold, float) else ""
        source = cards.get("ZCSOURCE", "unknown")
        return f"Master tile{which}, written by {cards['CREATOR']} with the {source} mask{rule}."
    if "ZMT_TYPE" in cards:
        return f"{cards['ZMT_TYPE']}{which} of ZeMosaic."
    return "Its header does not say that it is a master tile of ZeMosaic."


def _frames(cards: Mapping[str, CardValue]) -> str:
    given, aligned = cards.get("ZMT_NRAW"), cards.get("ZMT_NALGN")
    weight = next(((each, cards[each]) for each in WEIGHT_CARDS if each in cards), None)
    parts = []
    if given is not None:
        parts.append(f"{given} frames were given to it")
    if aligned is not None:
        parts.append(f"{aligned} of them aligned" if parts else f"{aligned} frames aligned")
    if weight is not None:
        parts.append(f"ZeMosaic weighs it by {weight[0]} = {weight[1]}")
    if not parts:
        return "Its header does not say how many frames are in it."
    text = "; ".join(parts) + "."
    ours = str(cards.get("CREATOR", "")).startswith(RESULT_CREATOR)
    if not ours and _whole(given) == 5:
        # ZEMOSAIC.md §3: fewer frames are repeated to 5, and all counts are of the repeats.
        text += " A count of 5 may be of fewer frames, which ZeMosaic repeats."
    return text


def _padding(cards: Mapping[str, CardValue]) -> str:
    if cards.get("ZMT_PAD") is not True:
        return ""
    text = "Its canvas was padded"
    if "ZMT_PADHW" in cards:
        text += f" (height,width {cards['ZMT_PADHW']})"
    if "ZMT_PADX" in cards and "ZMT_PADY" in cards:
        text += (
            f"; the reference frame began at column {cards['ZMT_PADX']}, row {cards['ZMT_PADY']}"
        )
    return text + ", before any crop."


def _quality_crop(cards: Mapping[str, CardValue]) -> str:
    if cards.get("ZMT_QCRO") is not True:
        return ""
    box = re.findall(r"-?\d+", str(cards.get("ZMT_QBOX", "")))
    if len(box) != 4:
        return "The quality crop cut it."
    y0, x0, y1, x1 = box
    return f"The quality crop kept rows {y0} to {y1} and columns {x0} to {x1} of the canvas."


def _stacking(cards: Mapping[str, CardValue]) -> str:
    words = {
        "ZMT_NORM": "normalisation",
        "ZMT_WGHT": "weights",
        "ZMT_REJ": "rejection",
        "ZMT_COMB": "combined by",
    }
    found = [f"{word} {cards[card]}" for card, word in words.items() if card in cards]
    return f"Stacked with {', '.join(found)}." if found else ""


def _gains(cards: Mapping[str, CardValue]) -> str:
    gains = [cards.get(f"RGBGAIN{channel}") for channel in "RGB"]
    numbers = [each for each in gains if isinstance(each, (int, float))]
    if len(numbers) < 3 or all(each == 1 for each in numbers):
        return ""
    told = ", ".join(f"{each:.3g}" for each in numbers)
    return f"ZeMosaic evened its colours: R, G, B were multiplied by {told}."
