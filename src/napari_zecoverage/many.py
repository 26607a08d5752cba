"""Many clusters at once: each studied, measured and judged, on Dask, and one advice for all.

What is found is the same wherever, and by however many, it is worked on. Studied clusters
stay where they were made, in the cache; only figures travel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_zecoverage.cluster_work import Answer, Job
from napari_zecoverage.core.advice import Advice, RunAdvice, advise_run
from napari_zecoverage.core.cache import StudyCache
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import StudyCancelledError, StudyError
from napari_zecoverage.core.found_clusters import with_own_names
from napari_zecoverage.core.fringe import CountFringe
from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.studied import StopCallback
from napari_zecoverage.workers import working
from napari_zecoverage.zemosaic.gating import gate

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True, eq=False)
class StudiedCluster:
    """What was found in one cluster of a run; no pixels.

    Attributes
    ----------
    cluster : Cluster
        Of clusters with one name the second and later ones have a number after it.
    summary : str
        What was found, in one line; empty when nothing was.
    skipped : str
        Why it was not studied: ZeMosaic makes no coverage of it. Else empty.
    error : str
        Why it could not be studied. Empty when it went well.
    study_file : Path or None
        The studied cluster in the cache, where this machine has it.
    judged : JudgedCluster or None
        What every mask would do to it.
    fringe_counts : tuple of CountFringe
        The fringe at each coverage count; empty when it was not measured.
    advice : Advice or None
        For this cluster alone.
    seconds : float
        What it took.
    notes : tuple of str
        What the user should know about it, in words.
    """

    cluster: Cluster
    summary: str = ""
    skipped: str = ""
    error: str = ""
    study_file: Path | None = None
    judged: JudgedCluster | None = None
    fringe_counts: tuple[CountFringe, ...] = ()
    advice: Advice | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class StudiedRun:
    """What was found in the clusters of a run.

    Attributes
    ----------
    clusters : tuple of StudiedCluster
        One a cluster that was given, in that order.
    advice : RunAdvice or None
        One for all; None when no cluster could be judged.
    parameters : MaskParameters
        The settings that the thresholds are advised for.
    options : StudyOptions
    advice_options : AdviceOptions
    scheduler : str
        What worked on it, for people.
    """

    clusters: tuple[StudiedCluster, ...]
    advice: RunAdvice | None
    parameters: MaskParameters
    options: StudyOptions
    advice_options: AdviceOptions
    scheduler: str

    @property
    def judged(self) -> tuple[JudgedCluster, ...]:
        """Those that were judged, in order."""
        return tuple(each.judged for each in self.clusters if each.judged is not None)


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    Attributes
    ----------
    done, total : int
        Clusters.
    name : str
        The cluster that was begun or finished.
    text : str
        What of it, for people.
    finished : StudiedCluster or None
        Its line, when it was finished.
    """

    done: int
    total: int
    name: str
    text: str
    finished: StudiedCluster | None = None

    def __str__(self) -> str:
        return f"{self.done}/{self.total} clusters; {self.name}: {self.text}"


RunProgressCallback = Callable[[RunProgress], Any]


def study_many(
    clusters: Sequence[Cluster],
    options: StudyOptions | None = None,
    *,
    parameters: MaskParameters | None = None,
    advice_options: AdviceOptions | None = None,
    scheduler: str | Client | None = None,
    workers: int | None = None,
    cache: StudyCache | bool = True,
    progress: RunProgressCallback | None = None,
    should_stop: StopCallback | None = None,
) -> StudiedRun:
    """Study, measure and judge many clusters, and advise thresholds for all of them.

    The result does not depend on where and by how many it is worked on. One
    cluster that cannot be studied is a line with its error. A run that was
    ended early opens, the next time, what is in the cache.

    Parameters
    ----------
    clusters : sequence of Cluster
        Those of which ZeMosaic makes no coverage are lines with that reason.
    options : StudyOptions, optional
        Its defaults when left out. Its `workers` counts the frames that are
        worked on at the same time within one cluster.
    parameters : MaskParameters, optional
        All settings but the thresholds, which are advised; ZeMosaic's defaults
        when left out.
    advice_options : AdviceOptions, optional
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler, as ``"tcp://host:8786"``; needs the extra
        ``distributed``, there too. The frames must be found under the same paths
        by its workers. None for processes of this machine.
    workers : int, optional
        At most so many clusters at the same time. By default as many as there
        are cores and free memory for, or workers of the scheduler. With 1 the
        calling process does all by itself.
    cache : StudyCache or bool, optional
        True for the user's cache, False for none.
    progress : callable, optional
        Called with a `RunProgress`, from the calling thread, when a cluster is
        begun and when it is finished.
    should_stop : callable, optional
        Asked from the calling thread about ten times a second, and by the
        workers after each step: with one process from more threads than one.
        True ends all.

    Returns
    -------
    StudiedRun

    Raises
    ------
    StudyCancelledError
        `should_stop` said so. What was finished is in the cache.
    StudyError
        The scheduler, or processes of this machine, cannot be used.

    Notes
    -----
    The processes are started anew (spawn), so a script calls this from under
    ``if __name__ == "__main__":``.
    """
    if workers is not None and workers < 1:
        raise StudyError(f"workers: at least one is needed, not {workers}")
    asked = should_stop or _never
    report = progress or _silent
    options = options or StudyOptions()
    parameters = parameters or MaskParameters()
    advice_options = advice_options or AdviceOptions()
    store = StudyCache() if cache is True else cache or None
    if store is not None:
        # A worker that does not find the folder takes it for one of another machine.
        with suppress(OSError):
            store.directory.mkdir(parents=True, exist_ok=True)
    named = with_own_names(clusters)
    lines: dict[int, StudiedCluster] = {}
    jobs: dict[int, Job] = {}
    for index, cluster in enumerate(named):
        gating = gate(cluster, None)
        if gating.coverage_exists:
            place = None if store is None else (str(store.directory), store.max_bytes)
            jobs[index] = Job(cluster, options, parameters, advice_options, place)
        else:
            lines[index] = StudiedCluster(cluster, skipped=gating.reason)
    with working(jobs, scheduler, workers, asked) as (way, words), closing(way) as events:
        for event in events:
            if asked() or (event is not None and event.is_cancelled):
                kept = "; finished clusters are kept" if store is not None else ""
                raise StudyCancelledError(f"the run was cancelled{kept}")
            if event is None:
                continue
            name = named[event.number].name
            if event.answer is None:
                report(RunProgress(len(lines), len(named), name, "begun"))
                continue
            job = jobs[event.number]
            file = None if store is None else store.path_of(job.cluster, job.options)
            line = studied_cluster(job.cluster, event.answer, file)
            lines[event.number] = line
            text = line.error or line.summary
            report(RunProgress(len(lines), len(named), name, text, line))
    ordered = tuple(lines[index] for index in range(len(named)))
    judged = [each.judged for each in ordered if each.judged is not None]
    return StudiedRun(
        clusters=ordered,
        advice=advise_run(judged, parameters, options=advice_options) if judged else None,
        parameters=parameters,
        options=options,
        advice_options=advice_options,
        scheduler=words,
    )


def _never() -> bool:
    return False


def _silent(_: RunProgress) -> None:
    return None


def studied_cluster(cluster: Cluster, answer: Answer, file: Path | None) -> StudiedCluster:
    """Return what was found in a cluster; `file` is where its study would lie in the cache."""
    return StudiedCluster(
        cluster=cluster,
        summary=answer.summary,
        error=answer.error,
        # A worker elsewhere may have kept it on a disk that this machine has not.
        study_file=file if file is not None and file.is_file() else None,
        judged=answer.judged,
        fringe_counts=answer.fringe_counts,
        advice=answer.advice,
        seconds=answer.seconds,
        notes=answer.notes,
    )
