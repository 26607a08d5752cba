"""One raw frame from its file, arranged as ZeMosaic arranges it (ZEMOSAIC.md §1).

`look_at_frame` reads the header only, `read_frame` the pixels. Both take FITS
files (.fit, .fits, .fts, also gzipped and tile-compressed) and ZeMosaic's .npy
caches. What a file is, is decided by its first bytes and not by its name.

Headers are read here rather than by astropy's file layer: a frame is looked at
and read by several threads at once, where silencing astropy's warnings (a
setting of the whole process) is not safe, and the bytes that a header promises
have to be compared with those that are there before memory is taken.
"""

from __future__ import annotations

import datetime as dt
import gzip
import logging
import math
import os
import re
import stat
import threading
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, Literal, NoReturn, TypeGuard, cast

import cv2
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray

from napari_zecoverage.core.errors import (
    FrameError,
    FrameShapeError,
    FrameTooLargeError,
    FrameUnreadableError,
)

Mount = Literal["EQ", "ALT_AZ", "UNKNOWN"]
CardValue = str | bool | int | float

_PLAIN_ENDINGS: Final = (".fit", ".fits", ".fts")
FRAME_ENDINGS: Final = (
    *_PLAIN_ENDINGS,
    *(ending + packed for ending in _PLAIN_ENDINGS for packed in (".gz", ".fz")),
    ".fz",
    ".npy",
)
"""How the names of frames end, in lower case."""

MAX_FRAME_PIXELS: Final = 2**28
"""Pixels (width × height) of the largest frame that is read; 3 GiB once it is in colour.

The largest sensors of today have 151 million.
"""

MAX_HEADER_BLOCKS: Final = 2000
"""Header blocks (2880 bytes each) after which a FITS file without an END card is given up."""

MAX_HDUS: Final = 1000
"""Header and data units that are searched for a picture."""

MIN_CFA_SIDE: Final = 3
"""Pixels on the shorter side of the smallest frame that can be debayered."""

DEFAULT_BAYER_PATTERN: Final = "GRBG"
"""The pattern ZeMosaic assumes where the header names none, or one it does not know."""

PIXEL_SCALE_RANGE: Final = (0.3, 15.0)
"""Arc seconds a pixel of a WCS that ZeMosaic accepts; the lower end is excluded."""

_BLOCK: Final = 2880
_CARD: Final = 80
_STORAGE: Final = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_DEBAYER: Final = {
    # OpenCV's older names (BayerBG for RGGB, and so on) are those of the second row.
    "RGGB": cv2.COLOR_BayerRGGB2RGB,
    "GRBG": cv2.COLOR_BayerGRBG2RGB,
    "GBRG": cv2.COLOR_BayerGBRG2RGB,
    "BGGR": cv2.COLOR_BayerBGGR2RGB,
}
# Not PLIO_1, which is for masks: astropy's decoder brings the whole process down on damaged data.
_COMPRESSIONS: Final = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS")
RESULT_CREATOR: Final = "napari-zecoverage "
"""How the card CREATOR of our own results begins: they are no frames."""

_HOT_RATIO: Final = 4.0  # a star of half its peak's width 1.5 px lends its neighbours more
_HOT_SIGMAS: Final = 6.0  # less is noise
_SAMPLE_STEP: Final = 8  # medians are taken of every 8th pixel of every 8th row
_ROWS_AT_A_TIME: Final = 512  # few steps: at each, threads pass Python's lock on
_STEPS: Final = 65535  # of the stretch before debayering

_EQUATORIAL_WORDS: Final = {"1", "EQ", "EQUATORIAL"}
_ALTAZ_WORDS: Final = {"0", "ALT_AZ", "ALT-AZ", "ALT AZ", "ALTAZ"}

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EDed][+-]?\d+)?")
_QUOTED: Final = re.compile(r"'((?:[^']|'')*)'")
_WCS_CARD: Final = re.compile(
    r"CTYPE[12]|CUNIT[12]|CRVAL[12]|CRPIX[12]|CDELT[12]|CROTA[12]|CD[12]_[12]|PC[12]_[12]"
    r"|PV[12]_\d{1,2}|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX"
    r"|(A|B|AP|BP)_(ORDER|DMAX|\d_\d)"
)


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
        The night it belongs to: the date twelve hours before DATE-OBS.
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


@dataclass(frozen=True)
class Frame:
    """A frame's pixels.

    Attributes
    ----------
    pixels : ndarray
        (H, W, 3) float32, RGB, in the file's own units; every value is finite,
        0 where the file's was not.
    finite : ndarray or None
        (H, W) bool, False where a value that was not finite has a part in
        `pixels`; None when there is none.
    hot : ndarray
        (n,) int64, flat indexes of single pixels that stand out of a colour
        filter mosaic as no star does; none in other frames.
    """

    pixels: NDArray[np.float32]
    finite: NDArray[np.bool_] | None
    hot: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class _Picture:
    """Where a file keeps its picture, and what its header says."""

    kind: Literal["plain", "compressed", "npy"]
    gzipped: bool
    hdu: int
    offset: int  # of the pixels, in bytes
    dtype: np.dtype[Any]  # as stored
    axes: tuple[int, ...]  # as stored, slowest first
    cards: Mapping[str, CardValue]
    described: Mapping[str, CardValue]  # `cards`, and behind them the first HDU's
    wcs_cards: tuple[str, ...]


@dataclass(frozen=True)
class Hdu:
    """One header and data unit of a FITS file, as its header tells it.

    Attributes
    ----------
    index : int
        0 for the first.
    cards : mapping
        Keyword → value; of a keyword that stands twice the first, without
        COMMENT and HISTORY. Text without trailing blanks.
    wcs_cards : tuple of str
        The cards of its WCS as they stand, 80 characters each.
    data_offset, data_bytes : int
        Where its data are in the file, in bytes, and how many it promises.
    """

    index: int
    cards: Mapping[str, CardValue]
    wcs_cards: tuple[str, ...]
    data_offset: int
    data_bytes: int

    @property
    def compressed(self) -> bool:
        """Whether it is a table that holds a tile-compressed image."""
        return self.cards.get("XTENSION") == "BINTABLE" and self.cards.get("ZIMAGE") is True

    @property
    def is_image(self) -> bool:
        """Whether it holds a picture, compressed or not."""
        standard = self.index == 0 or self.cards.get("XTENSION") == "IMAGE"
        return self.data_bytes > 0 and (standard or self.compressed)


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
    place = _absolute(path)
    with _file_trouble(place), _open(place) as stream:
        status = os.stat(place)
        picture = _find_picture(place, stream)
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
    place = _absolute(cache)
    with _file_trouble(place), _open(place) as stream:
        status = os.stat(place)
        picture = _find_picture(place, stream)
    if picture.kind != "npy":
        raise FrameUnreadableError(place, "it is not one of ZeMosaic's .npy caches.")
    lines = header_text[: MAX_HEADER_BLOCKS * _BLOCK].split("\n")
    cards, wcs_cards = _card_values(line[:_CARD].ljust(_CARD) for line in lines)
    picture = replace(picture, cards=cards, described=cards, wcs_cards=wcs_cards)
    return replace(_described_frame(place, picture, status), path=Path(raw), pixels_path=place)


def _described_frame(path: Path, picture: _Picture, status: os.stat_result) -> FrameInfo:
    height, width, is_cfa = _arrangement(path, picture)
    wcs_header, direction = _celestial_wcs(picture.wcs_cards, (height, width))
    observed = _observed(picture.described)
    return FrameInfo(
        path=path,
        shape=(height, width),
        is_cfa=is_cfa,
        bayer_pattern=_bayer_pattern(picture.cards) if is_cfa else None,
        date=observed,
        night=_night(observed),
        filter=_text(picture.described, "FILTER"),
        mount=_mount(picture.described),
        exposure_s=_exposure(picture.described),
        instrument=_text(picture.described, "INSTRUME"),
        object_name=_text(picture.described, "OBJECT"),
        wcs_header=wcs_header,
        direction=direction,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        creator=_text(picture.described, "CREATOR"),
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
    place = _absolute(path)
    with _file_trouble(place):
        with _open(place) as stream:
            picture = _find_picture(place, stream)
            _, _, is_cfa = _arrangement(place, picture)
            stored = _stored_pixels(place, stream, picture)
        values = _physical(stored, picture.cards)
    if is_cfa:
        return _debayered(values, _bayer_pattern(picture.cards))
    return _colour(values)


def look_at_hdus(path: str | os.PathLike[str]) -> tuple[Hdu, ...]:
    """Read all headers of a FITS file, and none of its data.

    Parameters
    ----------
    path : path-like
        A FITS file, gzipped or not.

    Returns
    -------
    tuple of Hdu
        In the file's order, at least one, `MAX_HDUS` at most.

    Raises
    ------
    FrameUnreadableError
        The file is missing, damaged within a header, or not a FITS file.
    """
    place = _absolute(path)
    with _file_trouble(place), _open(place) as stream:
        start = stream.read(9)
        if start != b"SIMPLE  =":
            reason = "it does not begin with SIMPLE" if start else "it is empty"
            raise FrameUnreadableError(place, f"it is not a FITS file: {reason}.")
        return tuple(_hdus(place, stream))


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


def star_picture(frame: Frame) -> NDArray[np.float32]:
    """Return the picture that stars are sought in: the luminance without hot pixels.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    ndarray
        (H, W) float32; the 3 × 3 pixels that a hot one was interpolated into
        have the median of the 16 pixels round them.
    """
    picture = luminance(frame.pixels)
    height, width = picture.shape
    y, x = np.divmod(frame.hot, width)
    offsets = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    round_it = np.stack(
        [
            picture[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]
            for dy, dx in offsets
            if max(abs(dy), abs(dx)) == 2
        ]
    )
    calm = np.median(round_it, axis=0)
    for dy, dx in offsets:
        if max(abs(dy), abs(dx)) < 2:
            picture[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)] = calm
    return picture


def luminance(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of a picture's three channels, the picture stars are sought in.

    Parameters
    ----------
    pixels : ndarray
        (H, W, 3) float32.

    Returns
    -------
    ndarray
        (H, W) float32. A weighted sum by OpenCV with weights of 1/3: about
        thirty times as fast as ``pixels.mean(axis=2)``, and within 3 parts in
        10⁷ (a few units in the last place) of it for values of one sign.
    """
    weights = np.full((1, 3), 1 / 3, dtype=np.float32)
    return np.asarray(cv2.transform(np.ascontiguousarray(pixels), weights), dtype=np.float32)


# Files


def _absolute(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(os.fspath(path)))


@contextmanager
def _file_trouble(path: Path) -> Iterator[None]:
    """Turn what reading a file can raise into a `FrameUnreadableError`."""
    try:
        yield
    except FrameError:
        raise
    except FileNotFoundError as error:
        raise FrameUnreadableError(path, "there is no such file.") from error
    except IsADirectoryError as error:
        raise FrameUnreadableError(path, "this is a folder; a frame's file is needed.") from error
    except PermissionError as error:
        raise FrameUnreadableError(path, "reading it is not permitted.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FrameUnreadableError(
            path, f"its compressed content is damaged or cut short ({error}); copy it again."
        ) from error
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).rstrip(".")
        raise FrameUnreadableError(path, f"it cannot be read ({reason}).") from error


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacking it on the way when it is gzipped."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe would be waited on for ever
        raise FrameUnreadableError(path, "it is not a regular file.")
    with open(path, "rb") as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if gzipped:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield cast(IO[bytes], unpacked)
        else:
            yield stream


def _find_picture(path: Path, stream: IO[bytes]) -> _Picture:
    """Find the picture in an open file, without reading its pixels."""
    gzipped = isinstance(stream, gzip.GzipFile)
    start = stream.read(9)
    stream.seek(0)
    if not start:
        raise FrameUnreadableError(path, "the file is empty.")
    if start.startswith(b"\x93NUMPY"):
        picture = _npy_picture(path, stream, gzipped)
    elif start == b"SIMPLE  =":
        picture = _fits_picture(path, stream, gzipped)
    elif path.name.lower().endswith(".npy"):
        raise FrameUnreadableError(
            path, "it is not a NumPy array file (pickled data are never opened)."
        )
    else:
        raise FrameUnreadableError(path, "it is not a FITS file: it does not begin with SIMPLE.")
    if not gzipped and picture.kind != "compressed":
        present = os.fstat(stream.fileno()).st_size - picture.offset
        promised = math.prod(picture.axes) * picture.dtype.itemsize
        if present < promised:
            _truncated(path, promised, present)
    return picture


def _truncated(path: Path, promised: int, present: int) -> NoReturn:
    raise FrameUnreadableError(
        path,
        f"it is cut short: its header promises {promised} bytes of pixels, "
        f"{max(0, present)} are there; copy it again.",
    )


def _arrangement(path: Path, picture: _Picture) -> tuple[int, int, bool]:
    """Return height, width, and whether a picture is of one plane (ZEMOSAIC.md §1)."""
    axes = picture.axes
    if len(axes) == 2 and picture.kind != "npy":
        if min(axes) < MIN_CFA_SIDE:
            raise FrameShapeError(
                path,
                f"{_by(axes)} pixels are too few to debayer; "
                f"{MIN_CFA_SIDE} × {MIN_CFA_SIDE} are the least.",
            )
        return axes[0], axes[1], True
    if len(axes) != 3 or picture.kind == "npy":
        if len(axes) != 3 or axes[2] != 3:
            wanted = (
                "a ZeMosaic cache is height × width × 3"
                if picture.kind == "npy"
                else "a frame has two axes, or three with 3 channels"
            )
            raise FrameShapeError(path, f"its shape is {_by(axes)}; {wanted}.")
        return axes[0], axes[1], False
    # A first axis of 1, 3 or 4 is taken for the channels even if the last one is 3.
    height, width, channels = (*axes[1:], axes[0]) if axes[0] in (1, 3, 4) else axes
    if channels != 3:
        raise FrameShapeError(
            path,
            f"its shape is {_by(axes)}; ZeMosaic takes three axes only with 3 channels, "
            "first or last.",
        )
    return height, width, False


def _by(axes: tuple[int, ...]) -> str:
    return " × ".join(map(str, axes))


def _check_size(path: Path, axes: tuple[int, ...]) -> None:
    """Refuse a picture that is empty, or too large, before memory is taken."""
    count = math.prod(axes)
    if count == 0:
        raise FrameShapeError(
            path, f"its shape is {_by(axes) or 'that of a single number'}; empty."
        )
    pixels = count // 3 if len(axes) == 3 else count
    if pixels > MAX_FRAME_PIXELS:
        raise FrameTooLargeError(
            path,
            f"its header promises {_by(axes)} values; frames of up to "
            f"{MAX_FRAME_PIXELS // 10**6} million pixels are read.",
        )


# NumPy files


def _npy_picture(path: Path, stream: IO[bytes], gzipped: bool) -> _Picture:
    """Read the header of a .npy file; an array of objects is refused, never unpickled."""
    try:
        with _quiet():
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                axes, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            elif version == (2, 0):
                axes, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
            else:
                raise ValueError(f"unknown version {version[0]}.{version[1]}")
    # NumPy reads the header as Python source: a damaged one raises whatever its parser raises.
    except Exception as error:
        raise FrameUnreadableError(path, f"its NumPy header is damaged ({error}).") from error
    if dtype.hasobject:
        raise FrameUnreadableError(path, "it holds pickled objects, which are never opened.")
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise FrameUnreadableError(path, f"its values are {dtype}; a ZeMosaic cache has float32.")
    if fortran:
        raise FrameShapeError(path, "it is in Fortran order; a ZeMosaic cache is in C order.")
    _check_size(path, axes)
    return _Picture("npy", gzipped, 0, stream.tell(), dtype, axes, {}, {}, ())


# FITS files


def _fits_picture(path: Path, stream: IO[bytes], gzipped: bool) -> _Picture:
    """Find the HDU that ZeMosaic takes: the first if it holds an image, else one by name."""
    hdus = []
    for hdu in _hdus(path, stream):
        hdus.append(hdu)
        if hdu.index == 0 and hdu.is_image:
            break
    images = [hdu for hdu in hdus if hdu.is_image]
    if not images:
        raise FrameUnreadableError(path, "it holds no image.")
    named = [
        hdu
        for name in ("SCI", "IMAGE", "PRIMARY")
        for hdu in images
        if str(hdu.cards.get("EXTNAME", "")).strip().upper() == name
    ]
    hdu = (named or images)[0]
    prefix = "Z" if hdu.compressed else ""
    axes = _axes(path, hdu.cards, prefix)
    _check_size(path, axes)
    method = hdu.cards.get("ZCMPTYPE")
    if hdu.compressed and method not in _COMPRESSIONS:
        raise FrameUnreadableError(
            path, f"its tile compression is {method!r}; {', '.join(_COMPRESSIONS)} are read."
        )
    if hdu.compressed and not gzipped:
        present = os.fstat(stream.fileno()).st_size - hdu.data_offset
        if present < hdu.data_bytes:
            _truncated(path, hdu.data_bytes, present)
    return _Picture(
        kind="compressed" if hdu.compressed else "plain",
        gzipped=gzipped,
        hdu=hdu.index,
        offset=hdu.data_offset,
        dtype=np.dtype(_STORAGE[_bitpix(path, hdu.cards, prefix)]),
        axes=axes,
        cards=hdu.cards,
        described={**hdus[0].cards, **hdu.cards},
        wcs_cards=hdu.wcs_cards,
    )


def _hdus(path: Path, stream: IO[bytes]) -> Iterator[Hdu]:
    """Go from header to header of an open FITS file."""
    offset = 0
    for index in range(MAX_HDUS):
        stream.seek(offset)
        images = _header_cards(path, stream, first=index == 0)
        if images is None:
            return
        cards, wcs_cards = _card_values(images)
        size = _data_bytes(path, cards)
        start = stream.tell()
        yield Hdu(index, cards, wcs_cards, start, size)
        offset = start + -(-size // _BLOCK) * _BLOCK
        if offset >= 2**62:  # further than any file reaches
            return


def _header_cards(path: Path, stream: IO[bytes], first: bool) -> list[str] | None:
    """Read one header up to its END card; None where the file has no further one."""
    images: list[str] = []
    for number in range(MAX_HEADER_BLOCKS):
        block = stream.read(_BLOCK)
        if number == 0 and not first and not block.startswith(b"XTENSION="):
            return None  # the end, or something behind the last HDU that is no HDU
        if len(block) < _BLOCK and b"END" not in block:
            raise FrameUnreadableError(path, "it is cut short within a header; copy it again.")
        text = block.decode("latin-1")
        for at in range(0, len(text), _CARD):
            image = text[at : at + _CARD]
            if image.rstrip() == "END":
                return images
            images.append(image)
    raise FrameUnreadableError(
        path, f"its header does not end within {MAX_HEADER_BLOCKS} blocks of {_BLOCK} bytes."
    )


def _card_values(images: Iterable[str]) -> tuple[dict[str, CardValue], tuple[str, ...]]:
    """Return the values by keyword, the first of a repeated one, and the WCS's cards."""
    cards: dict[str, CardValue] = {}
    wcs_cards = []
    for image in images:
        card = _parse_card(image)
        if card is not None and card[0] not in cards:
            cards[card[0]] = card[1]
            if _WCS_CARD.fullmatch(card[0]):
                wcs_cards.append(image)
    return cards, tuple(wcs_cards)


def _parse_card(image: str) -> tuple[str, CardValue] | None:
    """Return keyword and value of a header card; None when it has no value."""
    if image[8:9] == "=":
        keyword, rest = image[:8], image[9:]
    elif image.startswith("HIERARCH ") and "=" in image:
        keyword, rest = image[9:].split("=", 1)
    else:
        return None
    rest = rest.strip()
    quoted = _QUOTED.match(rest)
    if quoted:
        return keyword.strip(), quoted[1].replace("''", "'").rstrip()
    word = rest.split("/", 1)[0].strip()
    if not word:
        return None
    return keyword.strip(), _number_or_word(word)


def _number_or_word(word: str) -> CardValue:
    if word in ("T", "F"):
        return word == "T"
    if not _NUMBER.fullmatch(word):
        return word
    if word.lstrip("+-").isdigit():
        return int(word)
    return float(word.upper().replace("D", "E"))


def _bitpix(path: Path, cards: Mapping[str, CardValue], prefix: str = "") -> int:
    bitpix = cards.get(prefix + "BITPIX")
    if not _is_whole(bitpix) or bitpix not in _STORAGE:
        raise FrameUnreadableError(path, f"its header's {prefix}BITPIX is {bitpix!r}.")
    return int(bitpix)


def _axes(path: Path, cards: Mapping[str, CardValue], prefix: str = "") -> tuple[int, ...]:
    """Return the lengths of the axes, slowest first, as NumPy orders them."""
    count = cards.get(prefix + "NAXIS")
    if not _is_whole(count) or not 0 <= int(count) <= 999:
        raise FrameUnreadableError(path, f"its header's {prefix}NAXIS is {count!r}.")
    axes = []
    for number in range(int(count), 0, -1):
        length = cards.get(f"{prefix}NAXIS{number}")
        if not _is_whole(length) or int(length) < 0:
            raise FrameUnreadableError(path, f"its header's {prefix}NAXIS{number} is {length!r}.")
        axes.append(int(length))
    return tuple(axes)


def _data_bytes(path: Path, cards: Mapping[str, CardValue]) -> int:
    """Return the bytes of data that follow a header (FITS standard 4.0, equation 2)."""
    axes = _axes(path, cards)
    bits = abs(_bitpix(path, cards))
    extra, groups = cards.get("PCOUNT", 0), cards.get("GCOUNT", 1)
    if not (_is_whole(extra) and _is_whole(groups)) or int(extra) < 0 or int(groups) < 0:
        raise FrameUnreadableError(
            path, f"its header's PCOUNT and GCOUNT are {extra!r}, {groups!r}."
        )
    if not axes:
        return 0
    return bits // 8 * int(groups) * (int(extra) + math.prod(axes))


def _is_number(value: CardValue | None) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: CardValue | None) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


# What a header says


def _text(cards: Mapping[str, CardValue], keyword: str) -> str | None:
    value = cards.get(keyword)
    return None if value is None or isinstance(value, bool) else str(value).strip() or None


def _exposure(cards: Mapping[str, CardValue]) -> float | None:
    for keyword in ("EXPTIME", "EXPOSURE"):
        value = cards.get(keyword)
        if _is_number(value) and math.isfinite(value) and value >= 0:
            return float(value)
    return None


def _observed(cards: Mapping[str, CardValue]) -> dt.datetime | None:
    """Return DATE-OBS as a moment in UTC."""
    text = _text(cards, "DATE-OBS")
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _night(observed: dt.datetime | None) -> dt.date | None:
    try:
        return None if observed is None else (observed - dt.timedelta(hours=12)).date()
    except OverflowError:  # the first day of the calendar
        return None


def _mount(cards: Mapping[str, CardValue]) -> Mount:
    """Read the mount from the words that ZeMosaic knows (ZEMOSAIC.md §4)."""
    for keyword in ("MOUNT_MODE", "_EQMODE_MODE", "EQMODE"):
        mount = mount_of_word(str(cards.get(keyword, "")))
        if mount is not None:
            return mount
    return "UNKNOWN"


def _bayer_pattern(cards: Mapping[str, CardValue]) -> str:
    """Return BAYERPAT, else CFAIMAGE, else GRBG; GRBG for one that is not known."""
    named = _text(cards, "BAYERPAT") or _text(cards, "CFAIMAGE") or DEFAULT_BAYER_PATTERN
    pattern = named.upper()
    return pattern if pattern in _DEBAYER else DEFAULT_BAYER_PATTERN


_log = logging.getLogger(__name__)
_quiet_lock = threading.RLock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep astropy's warnings about a file's oddities from the user.

    Python's warning filters belong to the whole process, hence the lock.
    """
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _celestial_wcs(
    cards: tuple[str, ...], shape: tuple[int, int]
) -> tuple[str | None, tuple[float, float, float] | None]:
    """Return the WCS's cards and the direction of the picture's centre, or None twice."""
    parsed = dict(filter(None, map(_parse_card, cards)))
    if not _has_wcs_cards(parsed):
        return None, None
    height, width = shape
    try:
        with _quiet():
            header = fits.Header.fromstring("\n".join(cards), sep="\n")
            if "A_ORDER" in header:
                # astropy uses the distortion without the suffix too, but logs that it is missing.
                for keyword in ("CTYPE1", "CTYPE2"):
                    header[keyword] = header[keyword].removesuffix("-SIP") + "-SIP"
            wcs = WCS(header)
            scales = proj_plane_pixel_scales(wcs) * 3600.0
            footprint = wcs.calc_footprint(axes=(width, height))
            centre = wcs.all_pix2world([[width / 2, height / 2]], 0)[0]
            text = header.tostring(sep="\n", endcard=False, padding=False)
    except Exception:  # noqa: BLE001 - astropy and wcslib raise whatever they like for bad cards
        _log.debug("The header's WCS makes no sense.", exc_info=True)
        return None, None
    smallest, largest = PIXEL_SCALE_RANGE
    # The small excess keeps out 0.3″ itself, which no binary number is equal to.
    if not all(smallest * (1 + 1e-9) < scale <= largest * (1 + 1e-9) for scale in scales):
        return None, None
    if footprint is None or not np.isfinite(footprint).all():
        return None, None
    direction = _unit_vector(*centre) or _unit_vector(header["CRVAL1"], header["CRVAL2"])
    return text, direction


def _has_wcs_cards(cards: Mapping[str, CardValue]) -> bool:
    """Tell whether the cards are there that ZeMosaic asks for (ZEMOSAIC.md §1)."""
    kinds = [str(cards.get(keyword, "")).upper() for keyword in ("CTYPE1", "CTYPE2")]
    celestial = any(kind.startswith("RA") or kind[1:4] == "LON" for kind in kinds) and any(
        kind.startswith("DEC") or kind[1:4] == "LAT" for kind in kinds
    )

    def numbers(*keywords: str) -> bool:
        return all(_is_number(cards.get(keyword)) for keyword in keywords)

    return (
        celestial
        and numbers("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")
        and (
            numbers("CD1_1", "CD1_2", "CD2_1", "CD2_2")
            or numbers("PC1_1", "PC1_2", "PC2_1", "PC2_2", "CDELT1", "CDELT2")
        )
    )


def _unit_vector(longitude: Any, latitude: Any) -> tuple[float, float, float] | None:
    """Return the direction of a place on the sky, given in degrees."""
    lon, lat = math.radians(float(longitude)), math.radians(float(latitude))
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return None
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


# Pixels


def _stored_pixels(path: Path, stream: IO[bytes], picture: _Picture) -> NDArray[Any]:
    """Read the values as they are stored, in the file's axis order; channels moved last."""
    if picture.kind == "compressed":
        stored = _decompressed(path, picture)
    else:
        count, size = math.prod(picture.axes), picture.dtype.itemsize
        stream.seek(picture.offset)
        if picture.gzipped:
            content = stream.read(count * size)
            stored = np.frombuffer(content, picture.dtype, len(content) // size)
        else:
            stored = np.fromfile(stream, picture.dtype, count)
        if stored.size < count:
            _truncated(path, count * size, stored.size * size)
        stored = stored.reshape(picture.axes)
    if picture.kind != "npy" and stored.ndim == 3 and picture.axes[0] in (1, 3, 4):
        stored = np.moveaxis(stored, 0, 2)
    return stored


def _decompressed(path: Path, picture: _Picture) -> NDArray[Any]:
    """Unpack a tile-compressed image by astropy, without scaling it."""
    try:
        with (
            _quiet(),
            fits.open(path, mode="readonly", memmap=False, do_not_scale_image_data=True) as hdus,
        ):
            stored = np.asarray(hdus[picture.hdu].data)
    # Damaged tables make astropy and its decompressors raise errors of every kind.
    except Exception as error:
        raise FrameUnreadableError(
            path, f"its tile-compressed picture cannot be unpacked ({error}); copy it again."
        ) from error
    if stored.shape != picture.axes:
        raise FrameUnreadableError(
            path, f"its tile-compressed picture is {_by(stored.shape)}, not {_by(picture.axes)}."
        )
    return stored


def _physical(stored: NDArray[Any], cards: Mapping[str, CardValue]) -> NDArray[Any]:
    """Apply BSCALE and BZERO as ZeMosaic does: to signed integers only.

    Returns 8 and 16 bit integers as such, everything else as float32.
    """
    if stored.dtype.kind == "i":
        scale, zero = _factor(cards, "BSCALE", 1.0), _factor(cards, "BZERO", 0.0)
        if stored.dtype.itemsize == 2 and (scale, zero) == (1.0, 32768.0):
            # Unsigned 16 bit: adding 32768 is turning the topmost bit over.
            unsigned = stored.astype("=i2").view("=u2")
            unsigned ^= np.uint16(0x8000)
            return unsigned
        if (scale, zero) != (1.0, 0.0):
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = stored.astype(np.float64)
                scaled *= scale
                scaled += zero
                return scaled.astype(np.float32)
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        return stored.astype(stored.dtype.newbyteorder("="))
    with np.errstate(over="ignore", invalid="ignore"):
        return stored.astype(np.float32)


def _factor(cards: Mapping[str, CardValue], keyword: str, default: float) -> float:
    value = cards.get(keyword)
    return float(value) if _is_number(value) else default


def _colour(values: NDArray[Any]) -> Frame:
    """Make a frame of (H, W, 3) values."""
    pixels = np.ascontiguousarray(values, dtype=np.float32)
    good = np.isfinite(pixels)
    if good.all():
        return Frame(pixels, None)
    pixels[~good] = 0.0
    return Frame(pixels, np.asarray(good.all(axis=2)))


def _debayered(plane: NDArray[Any], pattern: str) -> Frame:
    """Make a frame of a (H, W) colour filter mosaic, by way of 16 bit (ZEMOSAIC.md §1)."""
    finite = None
    if plane.dtype.kind == "f":
        good = np.isfinite(plane)
        if not good.all():
            plane[~good] = 0.0
            finite = ~_spread(~good)
    low, high = float(plane.min()), float(plane.max())
    if high == low:
        return Frame(np.full((*plane.shape, 3), low, dtype=np.float32), finite)
    mosaic = _stretched(plane, low, high)
    pixels = _mapped_back(cv2.cvtColor(mosaic, _DEBAYER[pattern]), low, high)
    return Frame(pixels, finite, _hot_pixels(mosaic))


def _hot_pixels(mosaic: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Find the pixels that stand out of their eight neighbours as no star does.

    The neighbours have other colours, so each colour's sky is taken off first.
    A star lends the pixel beside its peak exp(−4 ln 2 / FWHM²) of it: more than
    a quarter from 1.5 px on. A hot pixel lends it nothing.
    """
    sky = np.empty((2, 2), dtype=np.float32)
    noise = 0.0
    for dy, dx in np.ndindex(2, 2):
        sample = mosaic[dy::2, dx::2][::_SAMPLE_STEP, ::_SAMPLE_STEP].astype(np.float32)
        sky[dy, dx] = np.median(sample)
        noise = max(noise, 1.4826 * float(np.median(np.abs(sample - sky[dy, dx]))))
    peak = mosaic == cv2.dilate(mosaic, np.ones((3, 3), dtype=np.uint8))
    for dy, dx in np.ndindex(2, 2):
        peak[dy::2, dx::2] &= mosaic[dy::2, dx::2] > sky[dy, dx] + _HOT_SIGMAS * noise
    y, x = (1 + part for part in np.nonzero(peak[1:-1, 1:-1]))

    def level(dy: int, dx: int) -> NDArray[np.float32]:
        return mosaic[y + dy, x + dx] - sky[(y + dy) % 2, (x + dx) % 2]

    beside = [(dy - 1, dx - 1) for dy, dx in np.ndindex(3, 3) if (dy, dx) != (1, 1)]
    around = np.stack([level(dy, dx) for dy, dx in beside])
    base = np.median(around, axis=0)
    reach = np.maximum(around.max(axis=0) - base, _HOT_SIGMAS * noise / _HOT_RATIO)
    hot: NDArray[np.int64] = (y * mosaic.shape[1] + x)[level(0, 0) - base > _HOT_RATIO * reach]
    return hot


def _stretched(plane: NDArray[Any], low: float, high: float) -> NDArray[np.uint16]:
    """Map low–high to 0–65535, rounded; a few rows at a time, so that double precision is cheap."""
    steps = np.empty(plane.shape, dtype=np.uint16)
    for top in range(0, plane.shape[0], _ROWS_AT_A_TIME):
        rows = plane[top : top + _ROWS_AT_A_TIME].astype(np.float64)
        rows -= low
        rows *= _STEPS / (high - low)
        steps[top : top + _ROWS_AT_A_TIME] = np.rint(rows, out=rows)
    return steps


def _mapped_back(steps: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Map 0–65535 back to low–high."""
    pixels = np.empty(steps.shape, dtype=np.float32)
    for top in range(0, steps.shape[0], _ROWS_AT_A_TIME):
        rows = steps[top : top + _ROWS_AT_A_TIME].astype(np.float64)
        rows *= (high - low) / _STEPS
        rows += low
        pixels[top : top + _ROWS_AT_A_TIME] = rows
    return pixels


def _spread(bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark every pixel that bilinear debayering computes from a marked one."""
    square = np.ones((3, 3), dtype=np.uint8)
    spread: NDArray[np.bool_] = cv2.dilate(bad.astype(np.uint8), square).astype(np.bool_)
    # OpenCV fills the outermost rows and columns with their inner neighbours.
    spread[0] |= spread[1]
    spread[-1] |= spread[-2]
    spread[:, 0] |= spread[:, 1]
    spread[:, -1] |= spread[:, -2]
    return spread
