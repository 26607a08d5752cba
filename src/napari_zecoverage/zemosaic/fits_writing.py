"""FITS files put in their place: whole or not at all, and nobody else's is lost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from napari_zecoverage.core.errors import OutputError, reason_of
from napari_zecoverage.core.frames import RESULT_CREATOR
from napari_zecoverage.core.placing import file_in_the_making, is_marked

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster

_LOOKED_AT_BYTES: Final = 2**15


def write_fits(target: Path, hdus: Sequence[Any], *, of: Cluster, overwrite: bool) -> Path:
    """Write a FITS file beside its place and swap it in: it is there whole, or not at all.

    Parameters
    ----------
    target : Path
        Absolute. Its folder is made when it is not there.
    hdus : sequence of astropy HDUs
        The first one a primary HDU. Checksums are added.
    of : Cluster
        What the file is of: its frames are never replaced.
    overwrite : bool
        Replace a file of that name. One that this program did not write is kept beside it
        as ``NAME.kept-1`` and so on.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    OutputError
        There is a file already, it is a frame of the cluster, or it cannot be written; what
        was there is as it was.
    """
    from astropy.io import fits

    try:
        _refuse_taken(target, of, overwrite)
        with file_in_the_making(target, is_foreign=_is_foreign) as unfinished:
            with open(unfinished, "wb") as stream:
                fits.HDUList(list(hdus)).writeto(stream, checksum=True)
                stream.flush()
                os.fsync(stream.fileno())
            _refuse_taken(target, of, overwrite)
    except OSError as error:
        raise OutputError(
            target,
            f"cannot be written ({reason_of(error)}). Nothing was changed there; make room, or "
            "name another place.",
        ) from error
    return target


def was_written_by_us(path: Path) -> bool:
    """Tell whether the beginning of a file says so: CREATOR in FITS, `made_by` in JSON.

    Raises
    ------
    OSError
        It cannot be looked at.
    """
    return is_marked(path, RESULT_CREATOR.strip(), within=_LOOKED_AT_BYTES)


def _is_foreign(path: Path) -> bool:
    return not was_written_by_us(path)


def _refuse_taken(target: Path, of: Cluster, overwrite: bool) -> None:
    if target.is_dir():
        raise OutputError(target, "is a folder; name a file.")
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputError(
            target, "is there already. Name another place, or say that it is to be replaced."
        )
    place = os.path.realpath(target)
    if any(place == os.path.realpath(frame.path) for frame in of.frames):
        raise OutputError(target, f"is a frame of {of.name}, and stays. Name another place.")
