"""What a frame's header says of the observation, in the words that ZeMosaic knows."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Final, Literal

from napari_zecoverage.core.fits_headers import CardValue, is_number

Mount = Literal["EQ", "ALT_AZ", "UNKNOWN"]

_EQUATORIAL_WORDS: Final = {"1", "EQ", "EQUATORIAL"}
_ALTAZ_WORDS: Final = {"0", "ALT_AZ", "ALT-AZ", "ALT AZ", "ALTAZ"}

_LONGITUDES: Final = ("SITELONG", "OBSGEO-L", "LONG-OBS", "LONGITUD")
_PART: Final = r"(\d+(?:\.\d*)?)"
_ANGLE: Final = re.compile(
    rf"([+-]?)\s*{_PART}(?:[\s:]+{_PART})?(?:[\s:]+{_PART})?\s*([EW]?)", re.ASCII | re.IGNORECASE
)


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


def longitude_of(cards: Mapping[str, CardValue]) -> float | None:
    """Return the site's longitude, in degrees east; None when no card tells one.

    Parameters
    ----------
    cards : mapping
        SITELONG, OBSGEO-L, LONG-OBS or LONGITUD are looked for, in this order:
        degrees east of Greenwich, or text like ``-118 07 24.5`` or ``118:07:24 W``.

    Returns
    -------
    float or None
        From −180 to 180.
    """
    for keyword in _LONGITUDES:
        value = cards.get(keyword)
        degrees = value if is_number(value) else _degrees_of(text_of(cards, keyword))
        if degrees is not None and -180 <= degrees <= 360:
            # Some programs count on beyond 180° east.
            return float(degrees if degrees <= 180 else degrees - 360)
    return None


def _degrees_of(text: str | None) -> float | None:
    found = _ANGLE.fullmatch(text or "")
    if found is None:
        return None
    sign, degrees, minutes, seconds, side = found.groups("0")
    if float(minutes) >= 60 or float(seconds) >= 60:
        return None
    angle = float(degrees) + float(minutes) / 60 + float(seconds) / 3600
    return -angle if sign == "-" or side in ("W", "w") else angle


def night_of(observed: dt.datetime | None, longitude_deg: float | None = None) -> dt.date | None:
    """Return the night of a moment: the date at the noon before it.

    Parameters
    ----------
    observed : datetime or None
        In UTC.
    longitude_deg : float, optional
        The site's, east of Greenwich; noon is that of its mean solar time. Left
        out, it is 12 h UTC: a night in East Asia or the west of America may then
        count as two.

    Returns
    -------
    date or None
        None without a moment.
    """
    if observed is None:
        return None
    try:
        return (observed + dt.timedelta(hours=(longitude_deg or 0.0) / 15 - 12)).date()
    except OverflowError:  # the first day of the calendar
        return None


def mount_of(cards: Mapping[str, CardValue]) -> Mount:
    """Read the mount from the words that ZeMosaic knows (ZEMOSAIC.md §4)."""
    for keyword in ("MOUNT_MODE", "_EQMODE_MODE", "EQMODE"):
        mount = mount_of_word(str(cards.get(keyword, "")))
        if mount is not None:
            return mount
    return "UNKNOWN"
