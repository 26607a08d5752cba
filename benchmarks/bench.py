"""Measure what the README promises: ratios in one run, on the same work.

``python benchmarks/bench.py`` prints a table; its exit status is 1 when a bound is
missed. Real frames are used where ``ZECOVERAGE_SHARED`` or a folder ``shared``
beside the checkout has them, drawn ones elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import plain_alpha
import plain_coverage
from napari_zecoverage.core.alpha import alpha_from_coverage
from napari_zecoverage.core.cache import StudyCache
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Covering, count_coverage, find_footprint
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings

SEESTAR = (1920, 1080)
LARGE = (4176, 6248)

rows: list[tuple[str, str, str, bool | None]] = []


def report(what: str, measured: str, bound: str = "", kept: bool | None = None) -> None:
    rows.append((what, measured, bound, kept))
    mark = {True: "ok", False: "MISSED", None: ""}[kept]
    print(f"{what:<58}{measured:>14}  {bound:<16}{mark}", flush=True)


def seconds(work: Callable[[], object], times: int) -> float:
    """Median of several runs after one that is not counted."""
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def real_frames() -> list[Path]:
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("ZECOVERAGE_SHARED", beside)) / "data" / "m94"
    return sorted(folder.glob("*.fit"))


@contextmanager
def frames_on_disk(count: int) -> Iterator[list[Path]]:
    """Give `count` files of Seestar size: real frames repeated, or drawn ones."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        originals = real_frames()
        if not originals:
            settings = SampleSettings(n_frames=12, shape=SEESTAR)
            originals = list(write_sample(folder / "drawn", settings).paths)
        paths = []
        for k in range(count):
            path = folder / f"{k:03d}.fit"
            shutil.copyfile(originals[k % len(originals)], path)
            paths.append(path)
        yield paths


def bench_coverage() -> None:
    with frames_on_disk(36) as paths:
        cluster = Cluster.from_files(paths)
        options = StudyOptions(stack="none")
        ours = seconds(lambda: study_cluster(cluster, options, cache=False), 3) / len(paths)
        start = time.perf_counter()
        plain_coverage.count_coverage(paths[:12])
        plain = (time.perf_counter() - start) / 12
        report("frames → coverage, a frame", f"{ours:.3f} s", "≤ 0.17 s", ours <= 0.17)
        ratio = plain / ours
        report(
            f"  against astroalign.register ({plain:.3f} s)",
            f"{ratio:.1f} ×",
            "≥ 3.5 ×",
            ratio >= 3.5,
        )
        stacked = seconds(lambda: study_cluster(cluster, StudyOptions(), cache=False), 1)
        report("frames → coverage and winsorized tile, a frame", f"{stacked / len(paths):.3f} s")
        with tempfile.TemporaryDirectory() as place:
            cache = StudyCache(place)
            study_cluster(cluster, StudyOptions(), cache=cache)
            opened = seconds(lambda: study_cluster(cluster, StudyOptions(), cache=cache), 3)
        report("opening a studied cluster again", f"{opened:.3f} s", "< 1 s", opened < 1)


def made_up_coverage(shape: tuple[int, int], frames: int = 30) -> np.ndarray:
    """Count turned and dithered rectangles, as a night of Alt-Az frames leaves them."""
    rng = np.random.default_rng(1)
    height, width = shape
    coverings = []
    for angle in np.linspace(-0.15, 0.15, frames):
        c, s = np.cos(angle), np.sin(angle)
        x, y = rng.uniform(-0.05, 0.05, 2) * (width, height)
        centre = np.array([width / 2, height / 2])
        shift = centre - np.array([[c, -s], [s, c]]) @ centre + (x, y)
        matrix = np.array([[c, -s, shift[0]], [s, c, shift[1]], [0, 0, 1]])
        footprint = find_footprint(matrix, shape, shape)
        coverings.append(Covering(footprint, np.empty(0, np.int64), 1))
    return count_coverage(coverings, shape)


def bench_alpha() -> None:
    parameters = MaskParameters()
    for shape, bound in ((SEESTAR[::-1], 0.025), (LARGE, 0.300)):
        coverage = made_up_coverage(shape)
        ours = seconds(lambda c=coverage: alpha_from_coverage(c, parameters), 9)
        plain = seconds(lambda c=coverage: plain_alpha.alpha_from_coverage(c, parameters), 2)
        same = all(
            np.array_equal(a, b)
            for a, b in zip(
                alpha_from_coverage(coverage, parameters),
                plain_alpha.alpha_from_coverage(coverage, parameters),
                strict=True,
            )
        )
        size = f"{shape[0]}×{shape[1]}"
        report(
            f"coverage → alpha, {size}",
            f"{ours * 1e3:.1f} ms",
            f"≤ {bound * 1e3:.0f} ms",
            ours <= bound,
        )
        ratio = plain / ours
        wanted = ("≥ 6 ×", ratio >= 6) if shape != LARGE else ("", None)
        report(f"  against SciPy ({plain * 1e3:.0f} ms)", f"{ratio:.1f} ×", *wanted)
        report("  equal to the last bit", str(same), "True", same)


def bench_memory(count: int) -> None:
    """Peak memory of a whole process, from the operating system."""
    for stack, bound in (("none", 700), ("winsorized", 1000)):
        with frames_on_disk(count) as paths:
            done = subprocess.run(
                [sys.executable, __file__, "--study", str(paths[0].parent), stack],
                check=True,
                capture_output=True,
                text=True,
            )
        measured = json.loads(done.stdout.splitlines()[-1])
        what = "coverage" if stack == "none" else f"coverage and {stack} tile"
        peak = measured["peak_mb"]
        report(
            f"{count} frames, {what}: peak memory", f"{peak:.0f} MB", f"≤ {bound} MB", peak <= bound
        )
        report("  time", f"{measured['seconds']:.0f} s")


def study_and_measure(folder: str, stack: str) -> None:
    """Study a folder in this process and print its peak memory; run by `bench_memory`."""
    start = time.perf_counter()
    cluster = Cluster.from_files(sorted(Path(folder).glob("*.fit")))
    # Padded, the larger canvas.
    options = StudyOptions(stack=stack, canvas="padded")
    study_cluster(cluster, options, cache=False)
    print(json.dumps({"peak_mb": peak_memory_mb(), "seconds": time.perf_counter() - start}))


def peak_memory_mb(pid: int | str = "self") -> float:
    """Peak memory of a process, this one by default; Linux only.

    From its status, because what getrusage tells survives exec: a child
    would be charged with its parent's peak.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["coverage", "alpha", "memory"], action="append")
    parser.add_argument("--frames", type=int, default=200, help="frames of the memory measurement")
    parser.add_argument("--study", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.study:
        study_and_measure(*chosen.study)
        return 0
    wanted = chosen.only or ["coverage", "alpha", "memory"]
    if "coverage" in wanted:
        bench_coverage()
    if "alpha" in wanted:
        bench_alpha()
    if "memory" in wanted:
        bench_memory(chosen.frames)
    return int(any(kept is False for *_, kept in rows))


if __name__ == "__main__":
    sys.exit(main())
