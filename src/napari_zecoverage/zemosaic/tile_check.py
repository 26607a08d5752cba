"""What in a tile would keep ZeMosaic from using it well as an existing one (ZEMOSAIC.md §8)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np

from napari_zecoverage.core.celestial import PIXEL_SCALE_RANGE
from napari_zecoverage.core.errors import FrameError
from napari_zecoverage.core.fits_headers import CardValue
from napari_zecoverage.core.frames import look_at_frame
from napari_zecoverage.zemosaic.existing_tile import (
    WEIGHT_CARDS,
    MasterTile,
    MasterTileError,
    read_master_tile,
)
from napari_zecoverage.zemosaic.saved_pixels import EMPTY_BELOW
from napari_zecoverage.zemosaic.tiles_folder import ignored_folder

FLIP_MARGIN: Final = 0.05
"""ZeMosaic turns ALPHA over when that fits the data's share better by more (ZEMOSAIC.md §8)."""

MOST_BLACK: Final = 0.001
"""Share of the opaque pixels that may be black in all channels without a word."""


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
    ignored = ignored_folder(path.parent)
    if ignored:
        problems.append(f"ZeMosaic passes over the folder {ignored}; move the tile elsewhere.")
    return problems


def _storage_problems(tile: MasterTile) -> list[str]:
    problems = []
    if tile.cards.get("BITPIX") != -32:
        problems.append(f"Its values are BITPIX {tile.cards.get('BITPIX')}, not float32 (-32).")
    # To signed integers ZeMosaic does apply them (ZEMOSAIC.md §1).
    if tile.cards.get("BITPIX") not in (16, 32, 64):
        scaling = _scaling(tile.cards)
        problems += [f"It has {each}, which ZeMosaic does not apply." for each in scaling]
    if tile.not_finite:
        problems.append(f"{tile.not_finite} of its pixels have values that are not finite.")
    if float(np.abs(tile.pixels).max(initial=0)) <= EMPTY_BELOW:
        problems.append("It is empty: every value is 0.")
    return problems


def _scaling(cards: Mapping[str, CardValue]) -> list[str]:
    """Return the cards that scale what is stored, with their values."""
    return [
        f"{card} {cards[card]}"
        for card, neutral in (("BSCALE", 1), ("BZERO", 0))
        if cards.get(card, neutral) != neutral
    ]


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
    problems += [
        f"Its ALPHA has {each}: what is stored is not what it means. Write plain bytes, 0 or 255, "
        "as ZeMosaic does."
        for each in _scaling(tile.alpha_cards)
    ]
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
