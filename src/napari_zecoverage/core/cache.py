"""Studied clusters on disk: as files of their own, and as a cache of bounded size."""

from __future__ import annotations

import hashlib
import json
import logging
import operator
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.errors import FileError, OutputError, ZecoverageError, reason_of
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.paths import absolute, cache_folder
from napari_zecoverage.core.placing import file_in_the_making, remove_forgotten
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.stacking import FrameBackground
from napari_zecoverage.core.studied import ClusterStudy

log = logging.getLogger(__name__)

STUDY_SUFFIX: Final = ".zestudy"
"""A studied cluster: a NumPy .npz whose `study` entry is JSON."""

SCHEMA_VERSION: Final = 3
"""Raised whenever a study's meaning or its file changes; older entries are then rebuilt."""

DEFAULT_MAX_BYTES: Final = 4 * 2**30


class StudyFileError(FileError):
    """A file does not hold a studied cluster."""


class StudyUnreadError(StudyFileError):
    """The system did not let a file be read; what is in it may be as good as ever."""


def write_study(path: str | PathLike[str], study: ClusterStudy) -> Path:
    """Write a studied cluster to a file of its own.

    Parameters
    ----------
    path : path-like
        The file; replaced as a whole when it is complete.
    study : ClusterStudy

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        It cannot be written; an older file is as it was.
    """
    target = absolute(path)
    arrays: dict[str, NDArray[Any]] = {"study": np.array(json.dumps(_describe(study)))}
    if study.coverage is not None:
        # Coverage is counts: half the bytes hold them.
        arrays["coverage"] = study.coverage.astype(np.uint16)
    if study.tile is not None:
        arrays["tile"] = study.tile
    try:
        with file_in_the_making(target) as unfinished, open(unfinished, "xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise OutputError(
            target, f"the studied cluster cannot be written ({reason_of(error)})"
        ) from error
    return target


def read_study(path: str | PathLike[str]) -> ClusterStudy:
    """Read what `write_study` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ClusterStudy

    Raises
    ------
    StudyFileError
        The file is missing, damaged, of another version, or something else;
        `StudyUnreadError` where the system does not let it be read.
    """
    path = absolute(path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            # NumPy stops reading before a checksum is compared.
            if archive.zip.testzip() is not None:
                raise StudyFileError(path, "is damaged; study it again")
            described = json.loads(str(archive["study"]))
            if described["schema_version"] != SCHEMA_VERSION:
                raise StudyFileError(path, "was written by another version; study it again")
            # Only what was written may be missing: a damaged directory hides entries.
            coverage = archive["coverage"] if described["has_coverage"] else None
            tile = archive["tile"] if described["has_tile"] else None
        return _rebuild(described, coverage, tile)
    except FileNotFoundError as error:
        raise StudyFileError(path, "there is no such file") from error
    except (ZecoverageError, MemoryError):
        raise
    except OSError as error:
        raise StudyUnreadError(path, f"cannot be read ({reason_of(error)})") from error
    except Exception as error:
        raise StudyFileError(path, f"does not hold a studied cluster ({error})") from error


def _describe(study: ClusterStudy) -> dict[str, Any]:
    """Put everything but the arrays into plain JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "has_coverage": study.coverage is not None,
        "has_tile": study.tile is not None,
        "cluster": {
            "name": study.cluster.name,
            "frames": [_describe_frame(each) for each in study.cluster.frames],
            "left_out": study.cluster.left_out,
            "notes": study.cluster.notes,
            "tile_id": study.cluster.tile_id,
            "missing": study.cluster.missing,
            "master_tile": _text_of(study.cluster.master_tile),
            "run_folder": _text_of(study.cluster.run_folder),
        },
        "options": asdict(study.options),
        "registrations": [
            {**asdict(each), "matrix": None if each.matrix is None else each.matrix.tolist()}
            for each in study.registrations
        ],
        "canvas": asdict(study.canvas),
        "wcs_header": study.wcs_header,
        "notes": study.notes,
        "backgrounds": [each and each._asdict() for each in study.backgrounds],
    }


def _describe_frame(frame: FrameInfo) -> dict[str, Any]:
    return {
        **asdict(frame),
        "path": str(frame.path),
        "pixels_path": _text_of(frame.pixels_path),
        "date": frame.date and frame.date.isoformat(),
        "night": frame.night and frame.night.isoformat(),
    }


def _text_of(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path_of(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _rebuild(
    described: Mapping[str, Any], coverage: NDArray[Any] | None, tile: NDArray[Any] | None
) -> ClusterStudy:
    """Turn `_describe`'s values and the arrays into a study again; refuse what does not fit."""
    cluster = described["cluster"]
    canvas = Canvas(**{name: tuple(value) for name, value in described["canvas"].items()})
    if coverage is not None and (coverage.shape != canvas.shape or coverage.dtype != np.uint16):
        raise ValueError(f"a coverage map of shape {coverage.shape}, {coverage.dtype}")
    if tile is not None and (tile.shape != (*canvas.shape, 3) or tile.dtype != np.float32):
        raise ValueError(f"a tile of shape {tile.shape}, {tile.dtype}")
    return ClusterStudy(
        cluster=Cluster(
            name=cluster["name"],
            frames=tuple(_rebuild_frame(each) for each in cluster["frames"]),
            left_out=tuple((path, reason) for path, reason in cluster["left_out"]),
            notes=tuple(cluster["notes"]),
            tile_id=None if cluster["tile_id"] is None else operator.index(cluster["tile_id"]),
            missing=tuple((path, reason) for path, reason in cluster["missing"]),
            master_tile=_path_of(cluster["master_tile"]),
            run_folder=_path_of(cluster["run_folder"]),
        ),
        options=StudyOptions(**described["options"]),
        registrations=tuple(_rebuild_registration(each) for each in described["registrations"]),
        canvas=canvas,
        coverage=None if coverage is None else coverage.astype(np.float32),
        tile=tile,
        wcs_header=described["wcs_header"],
        notes=tuple(described["notes"]),
        backgrounds=tuple(_rebuild_background(each) for each in described["backgrounds"]),
    )


def _rebuild_background(values: Mapping[str, Any] | None) -> FrameBackground | None:
    if values is None:
        return None
    red, green, blue = (float(each) for each in values["slope"])
    slope = (red, green, blue)
    red, green, blue = (float(each) for each in values["offset"])
    return FrameBackground(slope, (red, green, blue))


def _rebuild_frame(values: Mapping[str, Any]) -> FrameInfo:
    direction = values["direction"]
    return FrameInfo(
        **{
            **values,
            "path": Path(values["path"]),
            "pixels_path": _path_of(values["pixels_path"]),
            "shape": tuple(values["shape"]),
            "date": values["date"] and datetime.fromisoformat(values["date"]),
            "night": values["night"] and date.fromisoformat(values["night"]),
            "direction": None if direction is None else tuple(direction),
        }
    )


def _rebuild_registration(values: Mapping[str, Any]) -> Registration:
    matrix = values["matrix"]
    if matrix is not None:
        matrix = np.array(matrix, dtype=np.float64)
        if matrix.shape != (3, 3):
            raise ValueError(f"a transform of shape {matrix.shape}")
    return Registration(**{**values, "matrix": matrix})


class StudyCache:
    """A folder of studied clusters that forgets the ones not used for longest.

    A full, read-only or otherwise broken folder costs time, never a result:
    the study is then made again, and a warning is logged.

    Parameters
    ----------
    directory : path-like, optional
        Where; by default a folder of the user's cache, which the environment
        variable ``ZECOVERAGE_CACHE_DIR`` moves.
    max_bytes : int, optional
        What all entries together may take.
    """

    def __init__(
        self, directory: str | PathLike[str] | None = None, max_bytes: int = DEFAULT_MAX_BYTES
    ) -> None:
        self.directory = cache_folder() / "studies" if directory is None else absolute(directory)
        self.max_bytes = max_bytes

    def path_of(self, cluster: Cluster, options: StudyOptions) -> Path:
        """Return the entry's file: named after the frames' identity and what makes a result."""
        settings = asdict(options)
        del settings["workers"]
        identity = {
            "schema_version": SCHEMA_VERSION,
            "frames": cluster.identity,
            "options": settings,
        }
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return self.directory / f"{digest[:32]}{STUDY_SUFFIX}"

    def load(self, cluster: Cluster, options: StudyOptions) -> ClusterStudy | None:
        """Return the study of this cluster with these options, None when there is none.

        A damaged entry is removed.
        """
        path = self.path_of(cluster, options)
        if not path.exists():
            return None
        try:
            study = read_study(path)
        except StudyFileError as error:
            log.warning("%s; it is made again", error)
            if not isinstance(error, StudyUnreadError):
                _remove(path)
            return None
        try:
            os.utime(path)
        except OSError as error:
            log.debug("%s: %s", path, error)
        return _renewed(study, cluster)

    def store(self, study: ClusterStudy) -> None:
        """Keep a study, and drop the entries not used for longest beyond `max_bytes`."""
        path = self.path_of(study.cluster, study.options)
        try:
            write_study(path, study)
        except OutputError as error:
            log.warning("%s; it will be made again next time", error)
            return
        self._shrink(keep=path)

    def entries(self) -> list[Path]:
        """Return the entries' files, the one not used for longest first."""
        found = []
        try:
            for each in self.directory.glob(f"*{STUDY_SUFFIX}"):
                # What another process is writing is no entry yet; it may also have removed one.
                if not each.name.startswith("."):
                    with suppress(FileNotFoundError):
                        found.append((each.stat().st_mtime_ns, each))
        except OSError as error:
            log.debug("%s: %s", self.directory, error)
            return []
        return [path for _, path in sorted(found)]

    def size_bytes(self) -> int:
        """Return what all entries together take."""
        return sum(_size(each) for each in self.entries())

    def clear(self) -> int:
        """Remove all entries and return how many there were. Other files are left alone."""
        remove_forgotten(self.directory)
        return sum(_remove(each) for each in self.entries())

    def _shrink(self, keep: Path) -> None:
        remove_forgotten(self.directory)
        entries = self.entries()
        excess = sum(_size(each) for each in entries) - self.max_bytes
        for each in entries:
            if excess <= 0:
                return
            size = _size(each)
            if each != keep and _remove(each):
                excess -= size


def _renewed(study: ClusterStudy, cluster: Cluster) -> ClusterStudy:
    """Put the cluster as it is known now into its study: a name or a note may have changed."""
    old, notes = study.cluster.notes, study.notes
    if notes[: len(old)] == old:
        notes = (*cluster.notes, *notes[len(old) :])
    return replace(study, cluster=cluster, notes=notes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        # By another process: it is gone all the same.
        return True
    except OSError as error:
        log.warning("%s cannot be removed (%s)", path, reason_of(error))
        return False
    return True
