"""Masked master tiles for ZeMosaic's "existing master tiles" mode.

A tile is written as ZeMosaic writes its own (ZEMOSAIC.md §5 "FITS", §8), with three
differences, each for the reader's good: all four ``CDi_j`` are spelled out (ZeMosaic's
own tile of an unrotated field is refused by it, §10o), the counts are of the frames that
are really in it (ZeMosaic counts its repeats of a small cluster), and a pixel without a
picture is never opaque (§10h, §10j). Where ZeMosaic has such pixels, it takes their
zeros for the smallest value and subtracts nothing: its tile then lies higher than ours by
the smallest value that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.coverage_map import coverage_hdu
from napari_zecoverage.zemosaic.existing_tile import ALPHA_NAME
from napari_zecoverage.zemosaic.fits_writing import write_fits
from napari_zecoverage.zemosaic.master_tile_header import tile_header
from napari_zecoverage.zemosaic.run_names import TILE_NAME
from napari_zecoverage.zemosaic.saved_pixels import UnusableTileError, saved_pixels
from napari_zecoverage.zemosaic.tiles_folder import (
    check_tiles_folder,
    notes_on_tiles,
    refuse_own_folder,
)

_LARGEST_ID: Final = 2**31 - 1


def write_master_tile(
    path: str | PathLike[str],
    study: ClusterStudy,
    outcome: MaskOutcome,
    *,
    tile_id: int = 0,
    overwrite: bool = False,
    allow_without_wcs: bool = False,
    with_coverage: bool = True,
) -> Path:
    """Write the master tile that ZeMosaic would have made with this mask.

    HDU 0 is float32 (3, H, W), cut to `MaskOutcome.saved_rect`, ``ALPHA`` uint8 0 or 255
    (ZEMOSAIC.md §5.10). Opaque is what `MaskOutcome.opaque` says, but for pixels without
    a value in any channel, or emptied by `nanize_threshold`: those would be opaque and
    black. As ZeMosaic does, the least opaque value is taken off all channels (card
    ZCBASE, ADU); under ALPHA 0 the data are 0, so that ZeMosaic never turns the mask over.
    What ZeMosaic may do to the colours of a stack (``poststack_equalize_rgb``) is not done.

    MT_NFRAMES, by which ZeMosaic weighs the tile, counts each frame that is in the stack
    once: with ZeMosaic's own way of counting the repeats of a small cluster, a tile of
    one frame would weigh as much as one of five. ZCNFRAME counts the repeats, too.

    Parameters
    ----------
    path : path-like
        Its folder is made when it is not there.
    study : ClusterStudy
        With a tile.
    outcome : MaskOutcome
        Made for that study.
    tile_id : int, default: 0
        ZMT_ID.
    overwrite : bool, default: False
        Replace a file of that name; one that this program did not write is kept beside it.
    allow_without_wcs : bool, default: False
        Write a tile even if the reference frame has no WCS. ZeMosaic refuses such a tile;
        its HISTORY says so.
    with_coverage : bool, default: True
        Put the coverage behind it as HDU ``COVERAGE``, which lecropper finds (§9).

    Returns
    -------
    Path
        The file, absolute. It is there whole, or not at all.

    Raises
    ------
    UnusableTileError
        The study has no tile or no WCS, or nothing of the tile would be shown.
    OutputError
        The file cannot be written, there is one already, or it is a frame of the cluster;
        it is as it was.
    """
    # Slow to import: here, so that the window opens at once.
    from astropy.io import fits

    target = absolute(path)
    if not 0 <= tile_id <= _LARGEST_ID:
        raise OutputError(target, f"tile_id must be a whole number from 0 on, not {tile_id!r}.")
    refuse_own_folder(target.parent)
    if study.wcs_header is None and not allow_without_wcs:
        raise UnusableTileError(
            target,
            "the reference frame has no WCS that ZeMosaic accepts, and without one it refuses the "
            "tile. Let ZeMosaic (or ASTAP) solve the frames first, then study them again.",
        )
    saved = saved_pixels(target, study, outcome)
    primary = fits.PrimaryHDU(saved.planes, header=tile_header(study, outcome, saved, tile_id))
    alpha = fits.ImageHDU(saved.alpha, name=ALPHA_NAME)
    alpha.header["ALPHADSC"] = ("255=opaque, 0=transparent", "Only these two values")
    hdus = [primary, alpha]
    if with_coverage and study.coverage is not None:
        hdus.append(coverage_hdu(study, outcome.saved_rect))
    return write_fits(target, hdus, of=study.cluster, overwrite=overwrite)


@dataclass(frozen=True)
class WrittenTiles:
    """What `write_master_tiles` did.

    Attributes
    ----------
    folder : Path
        Absolute: what is to be given to ZeMosaic as its input folder.
    tiles : tuple of Path
        Written, in order.
    left_out : tuple of (str, str)
        Name and reason of each cluster that no tile can be made of.
    notes : tuple of str
        What the user should know before ZeMosaic opens the folder, in words.
    """

    folder: Path
    tiles: tuple[Path, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def write_master_tiles(
    clusters: Iterable[tuple[ClusterStudy, MaskOutcome]],
    folder: str | PathLike[str],
    *,
    tile_ids: Iterable[int] | None = None,
    overwrite: bool = False,
    with_coverage: bool = True,
    on_written: Callable[[Path], Any] | None = None,
) -> WrittenTiles:
    """Write the masked tiles of a run: ``master_tile_000.fits`` and so on.

    Parameters
    ----------
    clusters : iterable of (ClusterStudy, MaskOutcome)
        Taken one at a time, each written before the next is asked for: of a generator,
        one study is in memory at a time.
    folder : path-like
        Made when it is not there. Not ZeMosaic's own ``zemosaic_temp_master_tiles``.
    tile_ids : iterable of int, optional
        Number of each cluster's tile; 0, 1, 2, … when left out. A cluster that is left
        out keeps its number.
    overwrite : bool, default: False
        Replace tiles of these names, as `write_master_tile` does. Others in the folder stay,
        and a note names them.
    with_coverage : bool, default: True
        As for `write_master_tile`.
    on_written : callable, optional
        Told each file that is complete.

    Returns
    -------
    WrittenTiles

    Raises
    ------
    OutputError
        The folder holds tiles already (and not `overwrite`), is ZeMosaic's own, or cannot
        be written to. Tiles that were complete by then stay.
    """
    target = absolute(folder)
    check_tiles_folder(target, overwrite=overwrite)
    written: list[Path] = []
    left_out: list[tuple[str, str]] = []
    # What is given more than there are numbers for is a mistake of the caller's.
    numbered = enumerate(clusters) if tile_ids is None else zip(tile_ids, clusters, strict=True)
    for number, (study, outcome) in numbered:
        path = target / TILE_NAME.format(number)
        if path in written:
            raise OutputError(path, f"two clusters have the tile number {number}.")
        try:
            write_master_tile(
                path,
                study,
                outcome,
                tile_id=number,
                overwrite=overwrite,
                with_coverage=with_coverage,
            )
        except UnusableTileError as error:
            left_out.append((study.cluster.name, error.reason))
            continue
        written.append(path)
        if on_written is not None:
            on_written(path)
    notes = notes_on_tiles(target, written)
    return WrittenTiles(target, tuple(written), tuple(left_out), tuple(notes))
