"""What the dock has done in threads: plain data in, plain data out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from napari.layers import Image, Vectors

from napari_zecoverage.core.cache import StudyCache, read_study
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import RunFolderError, StudyCancelledError
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.rim_distance import RimDistance, rim_distance
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.picture import StretchKind, as_bytes, kept_edge, stretch
from napari_zecoverage.preview import Preview
from napari_zecoverage.sky import sky_position
from napari_zecoverage.ui.live import Job
from napari_zecoverage.zemosaic.manifests import read_snapshot
from napari_zecoverage.zemosaic.run_folder import find_clusters
from napari_zecoverage.zemosaic.tile_comparison import tile_beside

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_zecoverage.core.advice import Advice
    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.many import StudiedCluster, StudiedRun

_TELL_EVERY_S: Final = 0.1


class Found(NamedTuple):
    """What lies where the user pointed: clusters, and the settings of the run they are of."""

    clusters: list[Cluster]
    snapshot: Mapping[str, Any] | None
    source: str | list[str] | None = None
    is_run: bool = False  # at once, when it is one cluster


class Look(NamedTuple):
    """How a picture is stretched."""

    kind: StretchKind
    strength: float


class Studied(NamedTuple):
    """What a run gives: the study, and its tile fit to be looked at.

    `not_kept_in` is the folder of the cache where it could not be kept there.
    """

    study: ClusterStudy
    shown: NDArray[Any] | None
    look: Look
    beside: MasterTile | None = None
    source: str | None = None
    not_kept_in: Path | None = None


class MasterTile(NamedTuple):
    """The tile that a ZeMosaic run holds of the cluster: fit to be looked at, and in words."""

    shown: tuple[NDArray[Any], tuple[int, int]] | None
    lines: tuple[str, ...]


class Pictures(NamedTuple):
    """The tile, and the run's own, stretched otherwise."""

    shown: NDArray[Any] | None
    master_tile: NDArray[Any] | None


class HeadersRead(NamedTuple):
    """How many frames were looked at, of how many."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"Looking at the frames' headers: {self.done} of {self.total}"


def find(source: str | list[str], run: bool, job: Job) -> Found:
    """Look for clusters, and for the settings of the run that they are of."""
    told = time.monotonic()

    def report(done: int, total: int) -> None:
        # Headers are read quicker than the window can tell of each.
        nonlocal told
        now = time.monotonic()
        if now - told >= _TELL_EVERY_S:
            told = now
            job.report(HeadersRead(done, total))

    clusters = find_clusters(source, progress=report, should_stop=job.should_stop)
    _stop_if_asked(job)
    folder = clusters[0].run_folder
    try:
        snapshot = None if folder is None else read_snapshot(folder)
    except RunFolderError:
        # The clusters' notes tell of it.
        snapshot = None
    return Found(clusters, snapshot, source, run)


def make_sample(job: Job) -> Found:
    """Make the sample, and find its cluster."""
    from napari_zecoverage.sample import sample_folder

    clusters = [replace(each, name="sample") for each in find_clusters(sample_folder())]
    _stop_if_asked(job)
    return Found(clusters, None)


def _stop_if_asked(job: Job) -> None:
    """End a job that cannot be stopped on its way: what it found is not wanted any more."""
    if job.should_stop():
        raise StudyCancelledError("cancelled; nothing was opened")


def study_one(
    cluster: Cluster,
    options: StudyOptions,
    snapshot: Mapping[str, Any] | None,
    cache: StudyCache,
    look: Look,
    job: Job,
) -> Studied:
    """Study a cluster, and make its tile fit to be looked at."""
    study = study_cluster(
        cluster, options, progress=job.report, should_stop=job.should_stop, cache=cache
    )
    import_ahead()
    studied = with_picture(study, look)._replace(
        beside=_master_tile(study, snapshot, look),
        not_kept_in=None if cache.path_of(cluster, options).exists() else cache.directory,
    )
    _stop_if_asked(job)
    return studied


def read(path: str, look: Look, job: Job) -> Studied:
    """Read a studied cluster from its file."""
    study = read_study(path)
    _stop_if_asked(job)
    import_ahead()
    return with_picture(study, look)._replace(source=path)


def import_ahead() -> None:
    """Import what the first study shown needs: here nobody waits for it, later the window would."""
    # The plots bring matplotlib, the table of the run Dask; napari takes SciPy for its first
    # layer, pandas for lines; the fringe is measured with sparse matrices.
    for name in (
        "napari_zecoverage.ui.inspect.tabs",
        "napari_zecoverage.many",
        "pandas",
        "astropy.wcs",
        "scipy.ndimage",
        "scipy.sparse.linalg",
    ):
        with suppress(ImportError):
            import_module(name)
    # napari makes the first layer of a kind slowly: it reads all the units that there are, and
    # the fonts and colours that it knows.
    Image(np.zeros((2, 2), np.uint8))
    Vectors(np.zeros((0, 2, 2), np.float32), ndim=2)


def _master_tile(
    study: ClusterStudy, snapshot: Mapping[str, Any] | None, look: Look
) -> MasterTile | None:
    beside = tile_beside(study, snapshot)
    if beside is None:
        return None
    lines = tuple(f"ZeMosaic's tile: {line}" for line in beside.lines)
    if beside.tile is None or beside.rect is None:
        return MasterTile(None, lines)
    seen = np.where(beside.tile.opaque[..., None], beside.tile.pixels, np.float32(np.nan))
    shown = as_bytes(stretch(seen, *look))
    return MasterTile((shown, (beside.rect.y0, beside.rect.x0)), lines)


def edge_of(request: tuple[ClusterStudy, Preview]) -> NDArray[Any]:
    """Return the outline of what is kept."""
    study, preview = request
    return kept_edge(study, preview.outcome, preview.removed)


def rim_of(request: tuple[ClusterStudy, Preview]) -> RimDistance | None:
    """Return how far the pixels are from the rim, of what a preview shows."""
    study, preview = request
    return rim_distance(study, preview.outcome)


def with_picture(study: ClusterStudy, look: Look) -> Studied:
    """Make ready what the window shows first of a study: its tile, fit to be looked at, its WCS."""
    shown = None if study.tile is None else as_bytes(stretch(study.tile, *look))
    # The WCS is read once; the cursor's first question would wait for it, and for whoever
    # else is at work with astropy.
    sky_position(study, 0, 0)
    return Studied(study, shown, look)


def stretch_again(
    request: tuple[ClusterStudy, Mapping[str, Any] | None, bool, Look],
) -> Pictures:
    """Stretch the pictures otherwise."""
    study, snapshot, with_master_tile, look = request
    # Read again rather than kept: few look at it, and it is as large as the tile.
    beside = _master_tile(study, snapshot, look) if with_master_tile else None
    shown = None if beside is None or beside.shown is None else beside.shown[0]
    return Pictures(with_picture(study, look).shown, shown)


def found_in(
    study: ClusterStudy,
    fringe: Fringe | None,
    judged: JudgedCluster,
    advice: Advice,
    file: Path,
) -> StudiedCluster:
    """Return what studying all clusters would tell of the one shown; `file` is its study."""
    # Bring Dask, which a single cluster does not need; imported ahead.
    from napari_zecoverage.cluster_work import answer_of
    from napari_zecoverage.many import studied_cluster

    cluster = study.cluster
    return studied_cluster(cluster, answer_of(cluster, study, fringe, judged, advice), file)


class RunStep(NamedTuple):
    """How far a run is, and the cluster that was finished, if one was."""

    done: int
    total: int
    text: str
    finished: StudiedCluster | None


class RunFinished(NamedTuple):
    """All clusters of a run have been studied; each was told when it was finished."""

    text: str
    run: StudiedRun


def study_all(
    clusters: Sequence[Cluster],
    options: StudyOptions,
    parameters: MaskParameters,
    tolerated: AdviceOptions,
    cache: StudyCache,
    job: Job,
) -> RunFinished:
    """Study, measure and judge every cluster of a run, several at a time."""
    # Brings Dask, which a single cluster does not need.
    from napari_zecoverage.many import RunProgress, study_many

    def report(progress: RunProgress) -> None:
        step = RunStep(progress.done, progress.total, str(progress), progress.finished)
        job.report(step)

    run = study_many(
        clusters,
        options,
        parameters=parameters,
        advice_options=tolerated,
        cache=cache,
        progress=report,
        should_stop=job.should_stop,
    )
    failed = sum(bool(each.error) for each in run.clusters)
    text = f"{len(run.clusters)} clusters studied"
    return RunFinished(f"{text}, {failed} of them failed." if failed else f"{text}.", run)
