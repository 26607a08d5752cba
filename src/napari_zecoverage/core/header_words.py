"""What a frame's header says of the observation, in the words that ZeMosaic knows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Final, Literal

from napari_zecoverage.core.fits_headers import CardValue, is_number

Mount = Literal["EQ", "ALT_AZ", "UNKNOWN"]

_EQUATORIAL_WORDS: Final = {"1", "EQ", "EQUATORIAL"}
_ALTAZ_WORDS: Final = {"0", "ALT_AZ", "ALT-AZ", "ALT AZ", "ALTAZ"}


def mount_of_word(word: str) -> Mount | None:
    """Return the mount that ZeMosaic takes a word for (ZEMOSAIC.md §4), in either case of letters.

    Parameters
    ----------
    word : str
        ``"1"``, ``"EQ"``, ``"0"``, ``"ALTAZ"`` and the like.

    Returns
    -------
    {"EQ", "ALT_AZ"} or None
        None for any other word.
    """
    word = word.strip().upper()
    if word in _EQUATORIAL_WORDS:
        return "EQ"
    return "ALT_AZ" if word in _ALTAZ_WORDS else None


def text_of(cards: Mapping[str, CardValue], keyword: str) -> str | None:
    """Return a card as text, without blanks round it; None without it, or of T and F."""
    value = cards.get(keyword)
    return None if value is None or isinstance(value, bool) else str(value).strip() or None


def exposure_of(cards: Mapping[str, CardValue]) -> float | None:
    """Return EXPTIME, else EXPOSURE, in seconds; None when neither is a time."""
    for keyword in ("EXPTIME", "EXPOSURE"):
        value = cards.get(keyword)
        if is_number(value) and math.isfinite(value) and value >= 0:
            return float(value)
    return None


def observed_at(cards: Mapping[str, CardValue]) -> dt.datetime | None:
    """Return DATE-OBS as a moment in UTC."""
    text = text_of(cards, "DATE-OBS")
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def night_of(observed: dt.datetime | None) -> dt.date | None:
    """Return the night of a moment: the date twelve hours before it."""
    try:
        return None if observed is None else (observed - dt.timedelta(hours=12)).date()
    except OverflowError:  # the first day of the calendar
        return None


def mount_of(cards: Mapping[str, CardValue]) -> Mount:
    """Read the mount from the words that ZeMosaic knows (ZEMOSAIC.md §4)."""
    for keyword in ("MOUNT_MODE", "_EQMODE_MODE", "EQMODE"):
        mount = mount_of_word(str(cards.get(keyword, "")))
        if mount is not None:
            return mount
    return "UNKNOWN"
