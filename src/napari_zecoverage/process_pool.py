"""Clusters of a run worked on in processes of this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import cv2
import dask.multiprocessing

from napari_zecoverage.cluster_work import (
    DIED,
    POLL_S,
    Answer,
    Event,
    Events,
    Job,
    largest_first,
    with_threads,
    work_on,
)
from napari_zecoverage.core.errors import StudyCancelledError, StudyError
from napari_zecoverage.core.studied import StopCallback

log = logging.getLogger(__name__)


def in_processes(jobs: Mapping[int, Job], processes: int, threads: int) -> Events:
    """Work in processes; when one dies, find out over which cluster, and go on without it."""
    waiting = dict(jobs)
    suspects: list[int] = []
    while waiting:
        # Each suspect alone, so that it is known which is to blame.
        alone = suspects[:1]
        batch = {index: waiting[index] for index in alone or largest_first(waiting)}
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
                yield Event(alone[0], Answer(error=f"its worker process {DIED}"))
            else:
                suspects = sorted(begun)
                # Most likely memory was short.
                processes = max(1, processes // 2)
        if alone:
            del suspects[0]


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
    return work_on(with_threads(job, _process.threads), _process.should_stop)
