"""Measure many clusters at once against one after the other, and the memory of each worker.

``python benchmarks/bench_many.py`` prints a table; its exit status is 1 when a bound is
missed. Nothing is taken from a cache. Real frames are used where they are, as in bench.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import psutil

from bench import SEESTAR, peak_memory_mb, real_frames, report, rows
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.many import RunProgress, StudiedRun, study_many
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.workers import memory_of

MB = 2**20


def write_clusters(folder: Path, clusters: int, frames: int) -> list[Cluster]:
    """Write clusters of Seestar size: real frames repeated, or drawn ones."""
    originals = real_frames()
    if not originals:
        settings = SampleSettings(n_frames=12, shape=SEESTAR)
        originals = list(write_sample(folder / "drawn", settings).paths)
    found = []
    for number in range(clusters):
        place = folder / f"cluster-{number}"
        place.mkdir()
        for k in range(frames):
            # Each begins with another frame, so that they are different work.
            original = originals[(number + k) % len(originals)]
            shutil.copyfile(original, place / f"{k:03d}.fit")
        found.append(Cluster.from_files(sorted(place.iterdir()), place.name))
    return found


def timed(work: Callable[[], StudiedRun]) -> tuple[float, StudiedRun]:
    start = time.perf_counter()
    run = work()
    return time.perf_counter() - start, run


def peaks_of_children(peaks: dict[int, float]) -> None:
    """Note the peak memory of each worker process so far, in MB; Linux only."""
    for child in psutil.Process().children():
        if "spawn_main" in " ".join(child.cmdline()):
            peaks[child.pid] = peak_memory_mb(child.pid)


def one_after_the_other(clusters: list[Cluster]) -> StudiedRun:
    """The plain loop as users have it: in this process, on all cores."""
    return study_many(clusters, workers=1, cache=False)


def on_one_core(clusters: list[Cluster]) -> StudiedRun:
    """The plain loop with one thread."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return study_many(clusters, StudyOptions(workers=1), workers=1, cache=False)
    finally:
        cv2.setNumThreads(before)


def same(one: StudiedRun, other: StudiedRun) -> bool:
    return all(
        a.judged is not None
        and b.judged is not None
        and a.judged.to_json() == b.judged.to_json()
        and not a.error
        for a, b in zip(one.clusters, other.clusters, strict=True)
    )


def bench_many(count: int, frames: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        clusters = write_clusters(Path(place), count, frames)
        one_after_the_other(clusters[:1])
        peaks: dict[int, float] = {}

        def watch(_: RunProgress) -> None:
            peaks_of_children(peaks)

        # In turns, so that what else the machine does hits all alike; the best of each counts.
        plain, single, spread = [], [], []
        for _ in range(times):
            taken, run = timed(lambda: one_after_the_other(clusters))
            plain.append(taken)
            taken, _one = timed(lambda: on_one_core(clusters))
            single.append(taken)
            taken, many = timed(lambda: study_many(clusters, cache=False, progress=watch))
            spread.append(taken)
            if not same(run, many):
                report("the same result", "False", "True", False)
        report(f"{count} clusters of {frames} frames, {many.scheduler}", f"{min(spread):.1f} s")
        ratio = min(single) / min(spread)
        report(
            f"  against one after the other, one thread ({min(single):.1f} s)",
            f"{ratio:.2f} ×",
            "≥ 1.7 ×" if os.cpu_count() == 2 else "",
            ratio >= 1.7 if os.cpu_count() == 2 else None,
        )
        # No bound: that loop stacks on all cores already, and only matching stars is left to gain.
        ratio = min(plain) / min(spread)
        report(f"  against one after the other, all cores ({min(plain):.1f} s)", f"{ratio:.2f} ×")
        if peaks:
            bound = memory_of(clusters[0]) / MB
            peak = max(peaks.values())
            report(
                "  peak memory of a worker", f"{peak:.0f} MB", f"≤ {bound:.0f} MB", peak <= bound
            )


def bench_memory(frames: int) -> None:
    """Peak memory of the workers with many frames: it must not grow with their number."""
    with tempfile.TemporaryDirectory() as place:
        clusters = write_clusters(Path(place), 2, frames)
        peaks: dict[int, float] = {}
        options = StudyOptions(canvas="padded")
        study_many(
            clusters,
            options,
            workers=2,
            cache=False,
            progress=lambda _: peaks_of_children(peaks),
        )
        bound = memory_of(clusters[0]) / MB
        peak = max(peaks.values())
        what = f"{frames} frames, padded: peak memory of a worker"
        report(what, f"{peak:.0f} MB", f"≤ {bound:.0f} MB", peak <= bound)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=6)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--many-frames", type=int, default=100, help="of the memory measurement")
    chosen = parser.parse_args()
    bench_many(chosen.clusters, chosen.frames, chosen.times)
    bench_memory(chosen.many_frames)
    return int(any(kept is False for *_, kept in rows))


if __name__ == "__main__":
    sys.exit(main())
