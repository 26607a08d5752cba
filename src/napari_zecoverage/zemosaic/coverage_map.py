"""The coverage as lecropper finds it: a COVERAGE HDU in a tile, or a sidecar beside a picture.

lecropper takes an HDU of the name COVERAGE behind the first one, of the picture's
height and width, or the first HDU of ``<stem>_coverage.fits`` (ZEMOSAIC.md §9).
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.fits_writing import write_fits
from napari_zecoverage.zemosaic.tile_header import study_header

# astropy is slow to import: it is imported where a file is made, so the window opens at once.
if TYPE_CHECKING:
    from astropy.io import fits

COVERAGE_NAME: Final = "COVERAGE"
"""EXTNAME of the coverage."""


def coverage_hdu(study: ClusterStudy, rect: Rect | None = None) -> fits.ImageHDU:
    """Return the coverage as an HDU to put behind a tile's others.

    Parameters
    ----------
    study : ClusterStudy
    rect : Rect, optional
        What of the canvas the tile keeps; all of it when left out.

    Returns
    -------
    astropy.io.fits.ImageHDU
        float32 (H, W), frames per pixel, BUNIT "count", with the WCS where there is one.

    Raises
    ------
    ValueError
        The study has no coverage.
    """
    from astropy.io import fits

    counts, header = _counts(study, rect)
    return fits.ImageHDU(counts, header=header)


def write_coverage_map(
    path: str | PathLike[str],
    study: ClusterStudy,
    rect: Rect | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write the coverage as a file of its own, which `sidecar_path` makes a sidecar.

    Parameters
    ----------
    path : path-like
        Not ``master_tile_*.fits``: ZeMosaic would take it for a tile.
    study : ClusterStudy
    rect : Rect, optional
        What of the canvas is written; all of it when left out.
    overwrite : bool, default: False
        Replace a file of that name; one that this program did not write is kept beside it.

    Returns
    -------
    Path
        The file, absolute: float32 (H, W), BUNIT "count".

    Raises
    ------
    ValueError
        The study has no coverage.
    OutputError
        The file cannot be written, there is one already, or it is a frame of the cluster;
        it is as it was.
    """
    from astropy.io import fits

    target = absolute(path)
    if _is_taken_for_a_tile(target.name):
        raise OutputError(
            target,
            "ZeMosaic would take a file of this name for a master tile; give it another ending "
            f"(such as {sidecar_path(target).name}).",
        )
    counts, header = _counts(study, rect)
    primary = fits.PrimaryHDU(counts, header=header)
    return write_fits(target, [primary], of=study.cluster, overwrite=overwrite)


def sidecar_path(image: str | PathLike[str]) -> Path:
    """Return the name under which lecropper finds the coverage of a picture.

    ``<stem>_coverage.fits``; for a master tile ``<stem>_coverage.fts``, which lecropper
    takes as well while ZeMosaic's search for ``master_tile_*.fits`` passes over it.
    """
    place = Path(image)
    sidecar = place.with_name(f"{place.stem}_coverage.fits")
    return sidecar.with_suffix(".fts") if _is_taken_for_a_tile(sidecar.name) else sidecar


def _is_taken_for_a_tile(name: str) -> bool:
    lowered = name.lower()
    return lowered.startswith("master_tile_") and lowered.endswith(".fits")


def _counts(study: ClusterStudy, rect: Rect | None) -> tuple[NDArray[np.float32], fits.Header]:
    if study.coverage is None:
        raise ValueError("this study has no coverage")
    counts = study.coverage if rect is None else study.coverage[rect.slices]
    header = study_header(study, COVERAGE_NAME, rect)
    header["BUNIT"] = ("count", "Frames per pixel")
    header["ZCMAX"] = (float(counts.max(initial=0)), "Largest coverage, frames")
    return np.asarray(counts, dtype=np.float32), header
