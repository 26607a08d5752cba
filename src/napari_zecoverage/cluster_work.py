"""One cluster of a run, studied, measured and judged; and what is told of that while it goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from napari_zecoverage.core.advice import Advice, advise_judged
from napari_zecoverage.core.cache import StudyCache
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import StudyCancelledError, ZecoverageError
from napari_zecoverage.core.fringe import CountFringe, Fringe
from napari_zecoverage.core.judged import JudgedCluster, judge_with_fringe
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy, StopCallback
from napari_zecoverage.core.study import study_cluster

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""`should_stop` is asked so often while nothing comes in."""

_NO_TILE: Final = "The fringe was not measured: no tile was stacked."

DIED: Final = "died: it was killed, or memory was short"
"""What is said of who worked on a cluster and is gone."""


FIGURES: Final = 2
"""Raised whenever figures come out otherwise than before: those of two makes are not mixed."""


class Job(NamedTuple):
    """One cluster, and all that a worker must know."""

    cluster: Cluster
    options: StudyOptions
    parameters: MaskParameters
    advice_options: AdviceOptions
    cache: tuple[str | None, int] | None
    """Folder (None for the usual one) and size of the cache; None for none."""


class Answer(NamedTuple):
    """What a worker sends back: figures and words."""

    summary: str = ""
    error: str = ""
    judged: JudgedCluster | None = None
    fringe_counts: tuple[CountFringe, ...] = ()
    advice: Advice | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    cancelled: bool = False
    figures: int = 0
    """`FIGURES` of whoever worked on it."""


def work_on(job: Job, should_stop: StopCallback) -> Answer:
    """Study, measure and judge one cluster; whatever goes wrong is in the answer."""
    start = time.perf_counter()
    try:
        answer = _examine(job, should_stop)
    except StudyCancelledError:
        answer = Answer(cancelled=True)
    except (ZecoverageError, MemoryError) as error:
        log.info("%s: the reason", job.cluster.name, exc_info=error)
        answer = Answer(error=str(error) or "there is not enough memory")
    except Exception as error:  # one bad cluster is not the end of a run
        log.warning("%s: unexpected error", job.cluster.name, exc_info=error)
        answer = Answer(
            error=f"unexpected {type(error).__name__}: {error}. This is a fault of the program."
        )
    return answer._replace(seconds=time.perf_counter() - start, figures=FIGURES)


def _examine(job: Job, should_stop: StopCallback) -> Answer:
    store = StudyCache(*job.cache) if job.cache is not None else False
    study = study_cluster(job.cluster, job.options, should_stop=should_stop, cache=store)
    fringe, judged = judge_with_fringe(study, job.parameters, should_stop=should_stop)
    advice = advise_judged(judged, job.parameters, options=job.advice_options)
    return answer_of(job.cluster, study, fringe, judged, advice)


def answer_of(
    cluster: Cluster,
    study: ClusterStudy,
    fringe: Fringe | None,
    judged: JudgedCluster,
    advice: Advice,
) -> Answer:
    """Return what there is to say of a cluster that was studied, measured and judged."""
    notes = (_NO_TILE,) if fringe is None else fringe.notes
    return Answer(
        summary=study.summary,
        judged=judged,
        fringe_counts=() if fringe is None else fringe.counts,
        advice=advice,
        # A study from the cache knows only what was to be said when it was made.
        notes=tuple(dict.fromkeys((*cluster.notes, *study.notes, *notes))),
    )


def with_threads(job: Job, threads: int) -> Job:
    """Return a job that works on so many frames at the same time, unless it says how many."""
    if job.options.workers:
        return job
    return job._replace(options=replace(job.options, workers=threads))


def largest_first(jobs: Mapping[int, Job]) -> list[int]:
    """Order clusters by their work, so that at the end none is left over for one worker."""

    def work(index: int) -> int:
        cluster = jobs[index].cluster
        return len(cluster.frames) * cluster.shape[0] * cluster.shape[1]

    return sorted(jobs, key=work, reverse=True)


class Event(NamedTuple):
    """A cluster was begun (no answer), or finished, or `should_stop` ended it half way."""

    number: int
    """Of the job."""
    answer: Answer | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was ended half way."""
        return self.answer is not None and self.answer.cancelled


Events = Generator[Event | None, None, None]
"""What happens; None where nothing did for `POLL_S`."""
