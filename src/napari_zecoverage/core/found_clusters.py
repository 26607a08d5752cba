"""The clusters of frames in what the user points at, going by its folders."""

from __future__ import annotations

import itertools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ClusterError
from napari_zecoverage.core.frame_search import folders_with_frames
from napari_zecoverage.core.frames import FRAME_ENDINGS
from napari_zecoverage.core.paths import absolute

_log = logging.getLogger(__name__)


def find_frame_clusters(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[Cluster]:
    """Find the clusters of frames in what the user points at, going by its folders.

    Parameters
    ----------
    source : path-like or iterable of path-like
        A frame; a folder, whose frames are a cluster, and each of whose
        sub-folders with frames is another; or a list of these, whose files
        together are one cluster. Hidden folders and those that ZeMosaic writes
        its own files to are passed over.
    progress : callable, optional
        Given how many frames were looked at, and how many there are: of the list's
        files, then of each folder with its sub-folders.
    should_stop : callable, optional
        Asked at each folder and at each frame.

    Returns
    -------
    list of Cluster
        At least one.

    Raises
    ------
    ClusterError
        There is no frame; the message names the folder and the endings that
        were looked for.
    StudyCancelledError
        `should_stop` said so.
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_place(absolute(source), progress, should_stop)
    given = [absolute(each) for each in source]
    files = [place for place in given if not os.path.isdir(place)]
    clusters = []
    if files or not given:
        clusters.append(Cluster.from_files(files, progress=progress, should_stop=should_stop))
    for place in given:
        if os.path.isdir(place):
            clusters += _from_place(place, progress, should_stop)
    return clusters


def with_own_names(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Tell clusters of one name apart by a number after it: figures and the advice go by names.

    Parameters
    ----------
    clusters : sequence of Cluster

    Returns
    -------
    list of Cluster
        In the same order; the first of a name keeps it.
    """
    taken = {each.name for each in clusters}
    seen: Counter[str] = Counter()
    named = []
    for cluster in clusters:
        seen[cluster.name] += 1
        name = cluster.name
        if seen[name] > 1:
            numbers = itertools.count(seen[name])
            name = next(n for k in numbers if (n := f"{cluster.name} ({k})") not in taken)
            taken.add(name)
        named.append(cluster if name == cluster.name else replace(cluster, name=name))
    return named


def _from_place(
    place: Path,
    progress: Callable[[int, int], object] | None,
    should_stop: Callable[[], bool] | None,
) -> list[Cluster]:
    if not os.path.isdir(place):
        if not os.path.exists(place):
            raise ClusterError(f"{place}: there is no such file or folder.")
        return [Cluster.from_files([place], progress=progress, should_stop=should_stop)]
    clusters: list[Cluster] = []
    failures = []
    folders = list(folders_with_frames(place, should_stop=should_stop))
    total = sum(len(files) for _, files in folders)
    before = 0

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

    for folder, files in folders:
        name = folder.name if folder == place else folder.relative_to(place).as_posix()
        try:
            clusters.append(
                Cluster.from_files(
                    files, name or str(folder), progress=report, should_stop=should_stop
                )
            )
        except ClusterError as error:
            # One bad folder does not keep the others from being opened.
            failures.append(f"{folder}: {error}")
            _log.warning("%s: %s", folder, error)
        before += len(files)
    if clusters and failures:
        first = clusters[0]
        clusters[0] = replace(first, notes=(*first.notes, *failures))
    if not clusters and failures:
        raise ClusterError("\n".join(failures))
    if not clusters:
        raise ClusterError(
            f"{place}: there are no frames in this folder or its sub-folders; "
            f"looked for files that end in {', '.join(FRAME_ENDINGS)}."
        )
    return clusters
