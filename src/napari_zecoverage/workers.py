"""Who works on the clusters of a run: this process, processes of this machine, or a Dask cluster.

By default as many processes as there are cores and memory for: matching stars holds
Python's lock, so threads alone would wait for each other. Each process has one cluster at a
time, of which it reads one frame after another and stacks one band of rows after another:
its memory depends on the size of a frame, never on how many there are.
"""

from __future__ import annotations

import itertools
import logging
import math
import multiprocessing
import os
import queue
import signal
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import dask.local
import dask.multiprocessing
import psutil
from dask.system import CPU_COUNT

from napari_zecoverage.core.advice import Advice, advise_judged
from napari_zecoverage.core.cache import StudyCache
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import StudyCancelledError, StudyError, ZecoverageError
from napari_zecoverage.core.fringe import CountFringe, Fringe, measure_fringe
from napari_zecoverage.core.judged import JudgedCluster, judge
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy, StopCallback
from napari_zecoverage.core.study import study_cluster

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""`should_stop` is asked so often while nothing comes in."""

CONNECT_S: Final = 10.0
"""A scheduler that does not answer for so long is not there."""

BASE_BYTES: Final = 300 * 2**20
"""What a worker process needs before its first frame: Python and the libraries."""

BYTES_PER_PIXEL: Final = 110
"""What studying, measuring and judging need for each pixel of the canvas, one frame at a time."""

BYTES_PER_FRAME_PIXEL: Final = 60
"""What each further frame that is worked on at the same time needs for each of its pixels."""

MEMORY_SHARE: Final = 0.7
"""Of the free memory; the rest is the system's, for the files that are read."""


# --- one cluster ---------------------------------------------------------------------------


class Job(NamedTuple):
    """One cluster, and all that a worker must know."""

    cluster: Cluster
    options: StudyOptions
    parameters: MaskParameters
    advice_options: AdviceOptions
    cache: tuple[str, int] | None
    """Folder and size of the cache; None for none."""


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
    return answer._replace(seconds=time.perf_counter() - start)


def _examine(job: Job, should_stop: StopCallback) -> Answer:
    store: StudyCache | bool = False
    if job.cache is not None:
        folder, size = job.cache
        # Another machine without that disk keeps its studies for itself.
        store = StudyCache(folder if os.path.isdir(folder) else None, size)
    study = study_cluster(job.cluster, job.options, should_stop=should_stop, cache=store)
    fringe, notes = _measured(study, should_stop)
    judged = judge(study, job.parameters, fringe=fringe, should_stop=should_stop)
    return Answer(
        summary=study.summary,
        judged=judged,
        fringe_counts=() if fringe is None else fringe.counts,
        advice=advise_judged(judged, job.parameters, options=job.advice_options),
        # A study from the cache knows only what was to be said when it was made.
        notes=tuple(dict.fromkeys((*job.cluster.notes, *study.notes, *notes))),
    )


def _measured(
    study: ClusterStudy, should_stop: StopCallback
) -> tuple[Fringe | None, tuple[str, ...]]:
    if study.tile is None:
        return None, ("The fringe was not measured: no tile was stacked.",)
    fringe = measure_fringe(study, should_stop=should_stop)
    return fringe, fringe.notes


# --- where it is worked on -----------------------------------------------------------------


class Event(NamedTuple):
    """A cluster was begun (no answer), or finished."""

    number: int
    """Of the job."""
    answer: Answer | None = None


Events = Generator[Event | None, None, None]
"""What happens; None where nothing did for `POLL_S`."""


@contextmanager
def working(
    jobs: Mapping[int, Job],
    scheduler: str | Client | None,
    workers: int | None,
    should_stop: StopCallback,
) -> Iterator[tuple[Events, str]]:
    """Choose where to work; give what happens there, as `Events`, and how to call it."""
    if scheduler is not None:
        with _client(scheduler) as client:
            address = client.scheduler.address if client.scheduler is not None else ""
            yield _on_cluster(jobs, client, workers), f"the Dask cluster at {address}"
        return
    processes = workers or fitting_processes([each.cluster for each in jobs.values()])
    processes = min(processes, max(1, len(jobs)))
    if processes == 1:
        yield _in_this_process(jobs, should_stop), "this process"
        return
    threads = max(1, CPU_COUNT // processes)
    words = f"{processes} processes of {threads} {'thread' if threads == 1 else 'threads'}"
    yield _in_processes(jobs, processes, threads), words


def fitting_processes(clusters: Sequence[Cluster]) -> int:
    """Tell how many clusters this machine has cores and free memory for at the same time.

    Parameters
    ----------
    clusters : sequence of Cluster

    Returns
    -------
    int
        At least 1.
    """
    if not clusters:
        return 1
    need = max(memory_of(each) for each in clusters)
    free = psutil.virtual_memory().available * MEMORY_SHARE
    return int(max(1, min(CPU_COUNT, len(clusters), free // need)))


def memory_of(cluster: Cluster, threads: int = 1) -> int:
    """Estimate what a process that works on a cluster takes at most, in bytes.

    It does not grow with the number of frames: frames are read one after
    another, and the tile is stacked band by band.

    Parameters
    ----------
    cluster : Cluster
    threads : int, optional
        Frames that are worked on at the same time.
    """
    height, width = cluster.shape
    # The largest canvas: any turn of the field has room on it (ZEMOSAIC.md §12).
    canvas = math.hypot(height, width) ** 2
    frames = threads * height * width
    return int(BASE_BYTES + canvas * BYTES_PER_PIXEL + frames * BYTES_PER_FRAME_PIXEL)


# In this process


def _in_this_process(jobs: Mapping[int, Job], should_stop: StopCallback) -> Events:
    """Work on one after another."""
    for index, job in jobs.items():
        yield Event(index)
        graph = {index: (partial(work_on, job, should_stop),)}
        answer = dask.local.get_sync(graph, index, callbacks=[])
        yield None if answer.cancelled else Event(index, answer)


# In processes of this machine


def _in_processes(jobs: Mapping[int, Job], processes: int, threads: int) -> Events:
    """Work in processes; when one dies, find out over which cluster, and go on without it."""
    waiting = dict(jobs)
    suspects: list[int] = []
    while waiting:
        # Each suspect alone, so that it is known which is to blame.
        alone = suspects[:1]
        batch = {index: waiting[index] for index in alone or _largest_first(waiting)}
        begun: set[int] = set()
        try:
            with closing(_in_pool(batch, 1 if alone else processes, threads)) as events:
                for event in events:
                    if event is not None and event.answer is None:
                        begun.add(event.number)
                    elif event is not None:
                        begun.discard(event.number)
                        del waiting[event.number]
                    yield event
        except BrokenProcessPool as error:
            log.info("a worker process died", exc_info=error)
            if alone:
                del waiting[alone[0]]
                yield Event(alone[0], Answer(error=f"its worker process {_DIED}"))
            else:
                suspects = sorted(begun)
                # Most likely memory was short.
                processes = max(1, processes // 2)
        if alone:
            del suspects[0]


def _largest_first(jobs: Mapping[int, Job]) -> list[int]:
    """Order clusters by their work, so that at the end none is left over for one worker."""

    def work(index: int) -> int:
        cluster = jobs[index].cluster
        return len(cluster.frames) * cluster.shape[0] * cluster.shape[1]

    return sorted(jobs, key=work, reverse=True)


_DIED: Final = "died: it was killed, or memory was short"


def _in_pool(jobs: Mapping[int, Job], processes: int, threads: int) -> Events:
    """Work in new processes, which are gone when this ends, however it ends."""
    # Not forked: what threads and Qt hold in this process would be copied half way through.
    context = multiprocessing.get_context("spawn")
    stop, ready = context.Event(), context.Event()
    pool = ProcessPoolExecutor(
        processes,
        mp_context=context,
        initializer=_begin_process,
        initargs=(stop, ready, threads),
    )
    happened: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

    # Dask begins with the last by name.
    index_of = {f"{len(jobs) - place:09d}": index for place, index in enumerate(jobs)}

    def begun(key: str, *_: object) -> None:
        if stop.is_set():
            raise StudyCancelledError("the run was cancelled")
        happened.put(Event(index_of[key]))

    def finished(key: str, answer: Answer, *_: object) -> None:
        happened.put(Event(index_of[key], answer))

    def compute() -> None:
        graph = {key: (partial(_work_in_process, jobs[k]),) for key, k in index_of.items()}
        try:
            dask.multiprocessing.get(
                graph,
                list(graph),
                pool=pool,
                # Never more handed out than is worked on.
                chunksize=1,
                optimize_graph=False,
                callbacks=[(None, None, begun, finished, None)],
            )
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
            happened.put(error)
        else:
            happened.put(None)

    computing = threading.Thread(target=compute, name="zecoverage-run", daemon=True)
    computing.start()
    try:
        while True:
            try:
                item = happened.get(timeout=POLL_S)
            except queue.Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, BrokenProcessPool) and not ready.is_set():
                raise StudyError(
                    "worker processes cannot be started. A script must call study_many from under "
                    '`if __name__ == "__main__":`; workers=1 does without them.'
                ) from item
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        computing.join()


class _Process(NamedTuple):
    """What a worker process knows."""

    should_stop: StopCallback
    threads: int


_process: _Process | None = None


def _begin_process(stop: Any, ready: Any, threads: int) -> None:
    """Make a worker process end with its parent, and only with it."""
    global _process
    # Ctrl-C reaches all processes of a terminal; the parent tells us what follows from it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    cv2.setNumThreads(threads)
    _process = _Process(stop.is_set, threads)
    ready.set()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _work_in_process(job: Job) -> Answer:
    assert _process is not None
    return work_on(_with_threads(job, _process.threads), _process.should_stop)


def _with_threads(job: Job, threads: int) -> Job:
    if job.options.workers:
        return job
    return job._replace(options=replace(job.options, workers=threads))


# On a Dask cluster


@contextmanager
def _client(scheduler: str | Client) -> Iterator[Client]:
    """Connect to a scheduler; a client that was given stays open."""
    try:
        from distributed import Client
    except ImportError as error:
        raise StudyError(
            "a scheduler needs dask.distributed: pip install 'napari-zecoverage[distributed]'"
        ) from error
    if isinstance(scheduler, Client):
        yield scheduler
        return
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"no Dask scheduler answers at {scheduler} ({error}); it is given as tcp://host:8786"
        ) from error
    try:
        yield client
    finally:
        # The workers see that nobody asks any more, and stop.
        client.close()


def _on_cluster(jobs: Mapping[int, Job], client: Client, workers: int | None) -> Events:
    """Work on the workers of a Dask cluster, which itself gives what a lost one had to others."""
    run = uuid.uuid4().hex
    numbers = itertools.count()
    waiting = _largest_first(jobs)[::-1]
    running: dict[int, Future[Any]] = {}
    woken: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
    try:
        while waiting or running:
            # One for each worker: more would wait in a worker while others have nothing to do.
            while waiting and len(running) < (workers or _count_workers(client)):
                index = waiting.pop()
                future = client.submit(
                    partial(_work_on_worker, jobs[index]),
                    key=f"zecoverage-{run}-{next(numbers)}",
                    pure=False,
                )
                running[index] = future
                future.add_done_callback(woken.put)
                yield Event(index)
            try:
                woken.get(timeout=POLL_S)
            except queue.Empty:
                yield None
            for index in [index for index, future in running.items() if future.done()]:
                answer = _answer_of(running.pop(index))
                if answer.cancelled:
                    # Not by us: the cluster had second thoughts about where to do it.
                    waiting.append(index)
                else:
                    yield Event(index, answer)
            if client.status == "closed":
                raise StudyError(_LOST)
    finally:
        with suppress(Exception):
            client.cancel(list(running.values()))


_LOST: Final = "the Dask scheduler is gone; what was finished is in the workers' cache"


def _count_workers(client: Client) -> int:
    try:
        return max(1, len(client.nthreads()))
    except (OSError, TimeoutError) as error:
        raise StudyError(_LOST) from error


def _answer_of(future: Future[Any]) -> Answer:
    from distributed import KilledWorker

    if future.cancelled():
        raise StudyError(_LOST)
    try:
        answer = future.result()
    except KilledWorker as error:
        log.info("workers died", exc_info=error)
        return Answer(error=f"each worker that it was given to {_DIED}")
    except Exception as error:  # whatever a worker of another make may send
        log.info("a worker failed", exc_info=error)
        return Answer(
            error=f"the worker failed ({type(error).__name__}: {error}); it needs the same "
            "version of napari-zecoverage"
        )
    if not isinstance(answer, Answer):
        return Answer(error="the worker sent something else than an answer")
    return answer


_ONE_CLUSTER: Final = threading.Lock()
"""A worker of several threads has them all work on one cluster: that bounds its memory."""


def _work_on_worker(job: Job) -> Answer:
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def should_stop() -> bool:
        """Tell whether nobody waits for the answer any more."""
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing"

    while not _ONE_CLUSTER.acquire(timeout=POLL_S):
        if should_stop():
            return Answer(cancelled=True)
    threads_before = cv2.getNumThreads()
    try:
        threads = worker.state.nthreads
        cv2.setNumThreads(threads)
        return work_on(_with_threads(job, threads), should_stop)
    finally:
        cv2.setNumThreads(threads_before)
        _ONE_CLUSTER.release()
