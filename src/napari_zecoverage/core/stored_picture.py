"""The picture in a frame's file: which HDU, how it is stored, and its values as they stand.

Memory is taken only after the bytes that a header promises were found to be there.
"""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import FrameShapeError, FrameTooLargeError, FrameUnreadableError
from napari_zecoverage.core.fits_headers import STORAGE, CardValue, axes_of, bitpix_of, hdus_of
from napari_zecoverage.core.opening import quiet

MAX_FRAME_PIXELS: Final = 2**28
"""Pixels (width × height) of the largest frame that is read; 3 GiB once it is in colour.

The largest sensors of today have 151 million.
"""

MIN_CFA_SIDE: Final = 3
"""Pixels on the shorter side of the smallest frame that can be debayered."""
# Not PLIO_1, which is for masks: astropy's decoder brings the whole process down on damaged data.
_COMPRESSIONS: Final = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS")


@dataclass(frozen=True)
class StoredPicture:
    """Where a file keeps its picture, and what its header says.

    Attributes
    ----------
    kind : {"plain", "compressed", "npy"}
    gzipped : bool
        The whole file is.
    hdu : int
        0 for the first.
    offset : int
        Of the pixels, in bytes.
    dtype : numpy.dtype
        Of the values as stored.
    axes : tuple of int
        Their lengths as stored, slowest first.
    cards : mapping
        The HDU's.
    described : mapping
        `cards`, and behind them those of the first HDU.
    wcs_cards : tuple of str
        As `Hdu` has them.
    """

    kind: Literal["plain", "compressed", "npy"]
    gzipped: bool
    hdu: int
    offset: int
    dtype: np.dtype[Any]
    axes: tuple[int, ...]
    cards: Mapping[str, CardValue]
    described: Mapping[str, CardValue]
    wcs_cards: tuple[str, ...]


def find_picture(path: Path, stream: IO[bytes]) -> StoredPicture:
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


def arrangement(path: Path, picture: StoredPicture) -> tuple[int, int, bool]:
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


def stored_values(path: Path, stream: IO[bytes], picture: StoredPicture) -> NDArray[Any]:
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


def _decompressed(path: Path, picture: StoredPicture) -> NDArray[Any]:
    """Unpack a tile-compressed image by astropy, without scaling it."""
    # Here for the reason that `celestial` gives.
    from astropy.io import fits

    try:
        with (
            quiet(),
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


def _truncated(path: Path, promised: int, present: int) -> NoReturn:
    raise FrameUnreadableError(
        path,
        f"it is cut short: its header promises {promised} bytes of pixels, "
        f"{max(0, present)} are there; copy it again.",
    )


def _by(axes: tuple[int, ...]) -> str:
    return " × ".join(map(str, axes))


def _check_size(path: Path, axes: tuple[int, ...]) -> None:
    """Refuse a picture that is empty, or too large, before memory is taken."""
    count = math.prod(axes)
    if count == 0 or min(axes, default=1) < 0:
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


def _npy_picture(path: Path, stream: IO[bytes], gzipped: bool) -> StoredPicture:
    """Read the header of a .npy file; an array of objects is refused, never unpickled."""
    try:
        with quiet():
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
    return StoredPicture("npy", gzipped, 0, stream.tell(), dtype, axes, {}, {}, ())


def _fits_picture(path: Path, stream: IO[bytes], gzipped: bool) -> StoredPicture:
    """Find the HDU that ZeMosaic takes: the first if it holds an image, else one by name."""
    hdus = []
    for hdu in hdus_of(path, stream):
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
    axes = axes_of(path, hdu.cards, prefix)
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
    return StoredPicture(
        kind="compressed" if hdu.compressed else "plain",
        gzipped=gzipped,
        hdu=hdu.index,
        offset=hdu.data_offset,
        dtype=np.dtype(STORAGE[bitpix_of(path, hdu.cards, prefix)]),
        axes=axes,
        cards=hdu.cards,
        described={**hdus[0].cards, **hdu.cards},
        wcs_cards=hdu.wcs_cards,
    )
