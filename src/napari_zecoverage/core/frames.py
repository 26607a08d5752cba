"""One raw frame from its file, arranged as ZeMosaic arranges it (ZEMOSAIC.md §1).

`look_at_frame` reads the header only, `read_frame` the pixels. Both take FITS
files (.fit, .fits, .fts, also gzipped and tile-compressed) and ZeMosaic's .npy
caches. What a file is, is decided by its first bytes and not by its name.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from napari_zecoverage.core.celestial import celestial_wcs
from napari_zecoverage.core.errors import FrameUnreadableError
from napari_zecoverage.core.fits_headers import cards_of_text
from napari_zecoverage.core.frame_pixels import (
    Frame,
    colour_frame,
    debayered_frame,
    pattern_of,
    physical_values,
)
from napari_zecoverage.core.header_words import (
    Mount,
    exposure_of,
    longitude_of,
    mount_of,
    night_of,
    observed_at,
    text_of,
)
from napari_zecoverage.core.opening import file_trouble, opened
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.stored_picture import (
    StoredPicture,
    arrangement,
    find_picture,
    stored_values,
)

_PLAIN_ENDINGS: Final = (".fit", ".fits", ".fts")
FRAME_ENDINGS: Final = (
    *_PLAIN_ENDINGS,
    *(ending + packed for ending in _PLAIN_ENDINGS for packed in (".gz", ".fz")),
    ".fz",
    ".npy",
)
"""How the names of frames end, in lower case."""

RESULT_CREATOR: Final = "napari-zecoverage "
"""How the card CREATOR of our own results begins: they are no frames."""


@dataclass(frozen=True)
class FrameInfo:
    """What a frame's header says; no pixels are read for it.

    Attributes
    ----------
    path : Path
        The file, absolute.
    shape : tuple of int
        (height, width) of the picture as ZeMosaic arranges it, in pixels.
    is_cfa : bool
        The file holds one plane; ZeMosaic debayers every such frame.
    bayer_pattern : str or None
        The pattern that is used; None when not `is_cfa`.
    date : datetime or None
        DATE-OBS, in UTC.
    night : date or None
        The night it belongs to: the date at the noon before DATE-OBS, in mean solar
        time where the header tells the site's longitude, else in UTC.
    filter : str or None
        FILTER.
    mount : {"EQ", "ALT_AZ", "UNKNOWN"}
        MOUNT_MODE, else EQMODE (ZEMOSAIC.md §4).
    exposure_s : float or None
        EXPTIME, else EXPOSURE, in seconds.
    instrument, object_name : str or None
        INSTRUME and OBJECT.
    wcs_header : str or None
        The cards of the celestial WCS, one a line, when ZeMosaic would accept
        it; else None. `astropy.io.fits.Header.fromstring` reads it.
    direction : tuple of float or None
        Unit vector (x, y, z) the frame's centre points to; None without WCS.
    size_bytes, mtime_ns : int
        Of the file that the pixels are read from.
    creator : str or None
        CREATOR.
    pixels_path : Path or None
        The .npy cache that the pixels are read from, where that is not `path`.
    """

    path: Path
    shape: tuple[int, int]
    is_cfa: bool
    bayer_pattern: str | None
    date: dt.datetime | None
    night: dt.date | None
    filter: str | None
    mount: Mount
    exposure_s: float | None
    instrument: str | None
    object_name: str | None
    wcs_header: str | None
    direction: tuple[float, float, float] | None
    size_bytes: int
    mtime_ns: int
    creator: str | None = None
    pixels_path: Path | None = None

    @property
    def source(self) -> Path:
        """The file that the pixels are read from: what `read_frame` is given."""
        return self.pixels_path or self.path


def look_at_frame(path: str | os.PathLike[str]) -> FrameInfo:
    """Read a frame's header, and none of its pixels.

    Parameters
    ----------
    path : path-like
        A FITS file, gzipped or tile-compressed or neither, or one of ZeMosaic's
        .npy caches. Of a gzipped file only the beginning is unpacked when its
        first HDU holds the picture.

    Returns
    -------
    FrameInfo
        The WCS is judged by ZEMOSAIC.md §1: CTYPE of right ascension and
        declination, CRVAL, CRPIX, all four CDi_j or all four PCi_j with CDELT,
        a scale over 0.3″ and up to 15″ a pixel, a finite footprint. Its
        direction is that of the centre (W/2, H/2), else of CRVAL (§3).

    Raises
    ------
    FrameUnreadableError
        The file is missing, damaged, truncated, or not a frame.
    FrameShapeError
        Its axes are not those of a picture that ZeMosaic takes.
    FrameTooLargeError
        It promises more than `MAX_FRAME_PIXELS`.
    """
    place = absolute(path)
    with file_trouble(place), opened(place) as stream:
        status = os.stat(place)
        picture = find_picture(place, stream)
    return _described_frame(place, picture, status)


def look_at_cached_frame(
    raw: str | os.PathLike[str], cache: str | os.PathLike[str], header_text: str
) -> FrameInfo:
    """Look at a frame whose pixels ZeMosaic kept in a cache, and its header apart from them.

    Parameters
    ----------
    raw : path-like
        The raw frame, by which the user knows it; need not be there any more.
    cache : path-like
        ZeMosaic's .npy cache of its pixels.
    header_text : str
        The raw frame's header, one card a line.

    Returns
    -------
    FrameInfo
        Of the raw frame, with `FrameInfo.pixels_path` set; not a colour filter
        mosaic, for the cache is debayered.

    Raises
    ------
    FrameUnreadableError, FrameShapeError, FrameTooLargeError
        As for `look_at_frame`, about the cache.
    """
    place = absolute(cache)
    with file_trouble(place), opened(place) as stream:
        status = os.stat(place)
        picture = find_picture(place, stream)
    if picture.kind != "npy":
        raise FrameUnreadableError(place, "it is not one of ZeMosaic's .npy caches.")
    cards, wcs_cards = cards_of_text(header_text)
    picture = replace(picture, cards=cards, described=cards, wcs_cards=wcs_cards)
    return replace(_described_frame(place, picture, status), path=Path(raw), pixels_path=place)


def _described_frame(path: Path, picture: StoredPicture, status: os.stat_result) -> FrameInfo:
    height, width, is_cfa = arrangement(path, picture)
    wcs_header, direction = celestial_wcs(picture.wcs_cards, (height, width))
    observed = observed_at(picture.described)
    return FrameInfo(
        path=path,
        shape=(height, width),
        is_cfa=is_cfa,
        bayer_pattern=pattern_of(picture.cards) if is_cfa else None,
        date=observed,
        night=night_of(observed, longitude_of(picture.described)),
        filter=text_of(picture.described, "FILTER"),
        mount=mount_of(picture.described),
        exposure_s=exposure_of(picture.described),
        instrument=text_of(picture.described, "INSTRUME"),
        object_name=text_of(picture.described, "OBJECT"),
        wcs_header=wcs_header,
        direction=direction,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        creator=text_of(picture.described, "CREATOR"),
    )


def read_frame(path: str | os.PathLike[str]) -> Frame:
    """Read a frame as ZeMosaic reads it (ZEMOSAIC.md §1), but for its hot pixels.

    BSCALE and BZERO count for signed integers only; nothing is scaled to 0–1 or
    turned over (ROWORDER is not read), BLANK is not read either. Every frame of
    one plane is debayered, those of mono cameras too: stretched from its
    minimum and maximum to 0–65535, interpolated bilinearly by OpenCV, and
    mapped back, so its values are in steps of (maximum − minimum) / 65535.

    Hot pixels are left alone, where ZeMosaic replaces them by a local median:
    the tile made here is for looking at. Debayered, they look like stars that
    stay where they are from frame to frame, so `Frame.hot` names them, and
    `star_picture` is a picture without them to register by.

    Parameters
    ----------
    path : path-like
        As for `look_at_frame`.

    Returns
    -------
    Frame
        Values that are not finite become 0. In a debayered frame
        `Frame.finite` marks all pixels that such a value is interpolated into
        (its 3 × 3 neighbourhood), in others each pixel with such a value in
        any channel.

    Raises
    ------
    FrameUnreadableError, FrameShapeError, FrameTooLargeError
        As for `look_at_frame`.
    """
    place = absolute(path)
    with file_trouble(place):
        with opened(place) as stream:
            picture = find_picture(place, stream)
            _, _, is_cfa = arrangement(place, picture)
            stored = stored_values(place, stream, picture)
        values = physical_values(stored, picture.cards)
    if is_cfa:
        return debayered_frame(values, pattern_of(picture.cards))
    return colour_frame(values)
