"""Who works on the clusters of a run: this process, processes of this machine, or a Dask cluster.

By default as many processes as there are cores and memory for: matching stars holds
Python's lock, so threads alone would wait for each other. Each process has one cluster at a
time, of which it reads one frame after another and stacks one band of rows after another:
its memory depends on the size of a frame, and hardly on how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import dask.local
import psutil
from dask.system import CPU_COUNT

from napari_zecoverage.cluster_work import Event, Events, Job, work_on
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.studied import StopCallback
from napari_zecoverage.dask_cluster import connected, on_cluster
from napari_zecoverage.process_pool import in_processes

if TYPE_CHECKING:
    from distributed import Client

BASE_BYTES: Final = 300 * 2**20
"""What a worker process needs before its first frame: Python and the libraries."""

BYTES_PER_PIXEL: Final = 110
"""What studying, measuring and judging need for each pixel of the canvas, one frame at a time."""

BYTES_PER_FRAME_PIXEL: Final = 60
"""What each further frame that is worked on at the same time needs for each of its pixels."""

BYTES_PER_FRAME: Final = 2**20
"""What each frame of a cluster adds: the more there are, the more mixes of them cover a pixel."""

MEMORY_SHARE: Final = 0.7
"""Of the free memory; the rest is the system's, for the files that are read."""


@contextmanager
def working(
    jobs: Mapping[int, Job],
    scheduler: str | Client | None,
    workers: int | None,
    should_stop: StopCallback,
) -> Iterator[tuple[Events, str]]:
    """Choose where to work; give what happens there, as `Events`, and how to call it."""
    if scheduler is not None:
        with connected(scheduler) as client:
            address = client.scheduler.address if client.scheduler is not None else ""
            yield on_cluster(jobs, client, workers), f"the Dask cluster at {address}"
        return
    processes = workers or fitting_processes([each.cluster for each in jobs.values()])
    processes = min(processes, max(1, len(jobs)))
    if processes == 1:
        yield _in_this_process(jobs, should_stop), "this process"
        return
    threads = max(1, CPU_COUNT // processes)
    words = f"{processes} processes of {threads} {'thread' if threads == 1 else 'threads'}"
    yield in_processes(jobs, processes, threads), words


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

    Frames are read one after another, and the tile is stacked band by band, so that
    it hardly grows with their number.

    Parameters
    ----------
    cluster : Cluster
    threads : int, optional
        Frames that are worked on at the same time.
    """
    height, width = cluster.shape
    # The largest canvas: any turn of the field has room on it (ZEMOSAIC.md §12).
    canvas = math.hypot(height, width) ** 2
    at_work = threads * height * width
    return int(
        BASE_BYTES
        + canvas * BYTES_PER_PIXEL
        + at_work * BYTES_PER_FRAME_PIXEL
        + len(cluster.frames) * BYTES_PER_FRAME
    )


def _in_this_process(jobs: Mapping[int, Job], should_stop: StopCallback) -> Events:
    """Work on one after another."""
    for index, job in jobs.items():
        yield Event(index)
        graph = {index: (partial(work_on, job, should_stop),)}
        answer = dask.local.get_sync(graph, index, callbacks=[])
        yield Event(index, answer)
