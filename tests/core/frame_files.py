"""Files of frames, and what debayering must make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from napari_zecoverage.core.errors import FrameError
from napari_zecoverage.core.frame_pixels import Frame
from napari_zecoverage.core.frames import look_at_frame, read_frame

few_examples = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BLOCK = 2880


def write(path: Path, data: NDArray, **cards: object) -> Path:
    header = fits.Header()
    for keyword, value in cards.items():
        header[keyword.replace("__", "-")] = value
    fits.PrimaryHDU(data, header).writeto(path)
    return path


def with_cards(path: Path, text_cards: list[str], data: bytes = b"") -> Path:
    """Write a FITS file from card texts, valid or not."""
    header = "".join(card.ljust(80) for card in [*text_cards, "END"])
    header = header.ljust(-(-len(header) // BLOCK) * BLOCK)
    path.write_bytes(header.encode("latin-1") + data)
    return path


def mosaic_of(colours: NDArray, pattern: str) -> NDArray:
    """Sample a (H, W, 3) scene through a colour filter array."""
    plane = np.empty(colours.shape[:2], colours.dtype)
    for row in range(2):
        for column in range(2):
            channel = "RGB".index(pattern[2 * row + column])
            plane[row::2, column::2] = colours[row::2, column::2, channel]
    return plane


def plain_bilinear(plane: NDArray, pattern: str) -> NDArray:
    """Debayer pixel by pixel in double precision; the outermost pixels are left NaN."""
    height, width = plane.shape
    rgb = np.full((height, width, 3), np.nan)
    at = [["RGB".index(pattern[2 * row + column]) for column in range(2)] for row in range(2)]
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            for channel in range(3):
                if at[y % 2][x % 2] == channel:
                    rgb[y, x, channel] = plane[y, x]
                    continue
                # The nearest of that colour: beside, above and below, else on the diagonals.
                for steps in (
                    ((0, 1), (0, -1), (1, 0), (-1, 0)),
                    ((1, 1), (1, -1), (-1, 1), (-1, -1)),
                ):
                    near = [
                        plane[y + dy, x + dx]
                        for dy, dx in steps
                        if at[(y + dy) % 2][(x + dx) % 2] == channel
                    ]
                    if near:
                        rgb[y, x, channel] = np.mean(near, dtype=float)
                        break
    return rgb


def scaled(path: Path, stored: NDArray, scale: float, zero: float) -> Path:
    """Write stored values with BSCALE and BZERO beside them."""
    write(path, stored)
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header["BSCALE"] = scale
        hdus[0].header["BZERO"] = zero
    return path


def solved(scale: float = 2.4, **changes: object) -> dict[str, object]:
    """Return the cards of a good WCS of `scale` arc seconds a pixel, rotated by 30°."""
    step = scale / 3600
    cards: dict[str, object] = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 192.7,
        "CRVAL2": 41.1,
        "CRPIX1": 10.0,
        "CRPIX2": 4.0,
        "CD1_1": -step * np.cos(0.5),
        "CD1_2": step * np.sin(0.5),
        "CD2_1": step * np.sin(0.5),
        "CD2_2": step * np.cos(0.5),
    }
    cards.update(changes)
    return {keyword: value for keyword, value in cards.items() if value is not None}


GOOD_CARDS = [
    "SIMPLE  =                    T",
    "BITPIX  =                   16",
    "NAXIS   =                    2",
]


def size_cards(width: object, height: object) -> list[str]:
    return [f"NAXIS1  = {width!s:>20}", f"NAXIS2  = {height!s:>20}"]


def taken_or_refused(path: Path) -> None:
    for look in (look_at_frame, read_frame):
        try:
            result = look(path)
        except FrameError as error:
            assert error.path == str(path)
            assert error.reason
            continue
        if isinstance(result, Frame):
            assert result.pixels.ndim == 3
            assert result.pixels.shape[2] == 3
            assert np.isfinite(result.pixels).all()
