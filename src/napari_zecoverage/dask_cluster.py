"""Clusters of a run worked on by the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import cv2

from napari_zecoverage.cluster_work import (
    DIED,
    FIGURES,
    POLL_S,
    Answer,
    Event,
    Events,
    Job,
    largest_first,
    with_threads,
    work_on,
)
from napari_zecoverage.core.errors import StudyError

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)

CONNECT_S: Final = 10.0
"""A scheduler that does not answer for so long is not there."""

WORKERLESS_S: Final = 60.0
"""A scheduler that has had no worker for so long is given up."""


@contextmanager
def connected(scheduler: str | Client) -> Iterator[Client]:
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
        # A client that comes to nothing would wait for it once more when it is thrown away.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(asyncio.run, _call_on(scheduler)).result()
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # whatever a wrong address, or another program there, leads to
        reason = str(error) or f"nothing came within {CONNECT_S:g} s"
        raise StudyError(
            f"no Dask scheduler answers at {scheduler} ({reason}). Start one with: dask "
            "scheduler; it shows its address, as tcp://host:8786."
        ) from error
    try:
        yield client
    finally:
        # The workers see that nobody asks any more, and stop.
        client.close()


async def _call_on(scheduler: str) -> None:
    """Connect to a scheduler, and hang up; what listens and never answers is not waited for."""
    from distributed import Security
    from distributed.comm import connect

    how = Security().get_connection_args("client")
    async with asyncio.timeout(CONNECT_S):
        comm = await connect(scheduler, timeout=CONNECT_S, **how)
        await comm.close()


def on_cluster(jobs: Mapping[int, Job], client: Client, workers: int | None) -> Events:
    """Work on the workers of a Dask cluster, which itself gives what a lost one had to others."""
    run = uuid.uuid4().hex
    numbers = itertools.count()
    waiting = largest_first(jobs)[::-1]
    running: dict[int, Future[Any]] = {}
    woken: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
    seen = time.monotonic()
    try:
        while waiting or running:
            there = _count_workers(client)
            if there:
                seen = time.monotonic()
            elif time.monotonic() - seen > WORKERLESS_S:
                raise StudyError(_workerless(client))
            # One for each worker: more would wait in a worker while others have nothing to do.
            # And one for a cluster that gets itself workers when there is something to do.
            while waiting and len(running) < (workers or max(1, there)):
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


def _workerless(client: Client) -> str:
    address = client.scheduler.address if client.scheduler is not None else ""
    return (
        f"the Dask scheduler at {address} has had no worker for {WORKERLESS_S:g} s. Start one, "
        f"where napari-zecoverage is installed, with: dask worker {address}"
    )


def _count_workers(client: Client) -> int:
    try:
        return len(client.nthreads())
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
        return Answer(error=f"each worker that it was given to {DIED}")
    except Exception as error:  # whatever a worker of another make may send
        log.info("a worker failed", exc_info=error)
        return Answer(
            error=f"the worker failed ({type(error).__name__}: {error}); it needs the same "
            "version of napari-zecoverage"
        )
    if not isinstance(answer, Answer):
        return Answer(error="the worker sent something else than an answer")
    if not answer.cancelled and answer.figures != FIGURES:
        return Answer(
            error="the worker needs the same version of napari-zecoverage as this program"
        )
    return answer


_ONE_CLUSTER: Final = threading.Lock()
"""A worker of several threads has them all work on one cluster: that bounds its memory."""


def _work_on_worker(job: Job) -> Answer:
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    if job.cache is not None and job.cache[0] is not None and not os.path.isdir(job.cache[0]):
        # Another machine without that disk keeps its studies for itself.
        job = job._replace(cache=(None, job.cache[1]))

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
        return work_on(with_threads(job, threads), should_stop)
    finally:
        cv2.setNumThreads(threads_before)
        _ONE_CLUSTER.release()
