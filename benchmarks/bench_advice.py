"""Measure fringe, advice and landscape of a cluster, and a whole run's table and advice.

``python benchmarks/bench_advice.py`` prints a table; its exit status is 1 when a bound
is missed. The cluster is two drawn nights of 32 Seestar frames on a padded canvas.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from bench import report, rows, seconds
from drawn import drawn_frame
from napari_zecoverage.core.advice import advise_judged, advise_run
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas, Covering, count_coverage, find_footprint
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import JudgedCluster, judge, judge_with_fringe
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy

SEESTAR = (1920, 1080)
FRAMES = 32
CLUSTERS = 40


def drawn_study(frames: int = FRAMES) -> ClusterStudy:
    """Draw two nights, 63° apart, whose skies differ in colour; no pixel is registered."""
    rng = np.random.default_rng(1)
    height, width = SEESTAR
    side = math.ceil(math.hypot(height, width))
    canvas = Canvas((side, side), ((side - height) // 2, (side - width) // 2), SEESTAR)
    start = datetime(2025, 3, 26, 22, tzinfo=UTC)
    infos, registrations, coverings = [], [], []
    red = np.zeros(canvas.shape, np.float32)
    for index in range(frames):
        night = int(index >= frames / 2)
        angle = 0.4 * index / frames + 1.1 * night
        c, s = math.cos(angle), math.sin(angle)
        centre = np.array([width / 2, height / 2])
        turn = np.array([[c, -s], [s, c]])
        shift = centre - turn @ centre + rng.uniform(-14, 14, 2) * (index > 0)
        matrix = np.eye(3)
        matrix[:2, :2], matrix[:2, 2] = turn, shift
        footprint = find_footprint(canvas.from_frame(matrix), SEESTAR, canvas.shape)
        coverings.append(Covering(footprint, np.empty(0, np.int64), 1))
        red += footprint.mask() * np.float32(15 * night + 0.2 * index)
        when = start + timedelta(days=night, seconds=20 * index)
        infos.append(drawn_frame(index, when, SEESTAR))
        registrations.append(Registration(matrix, "astroalign" if index else "reference", 0.1, 50))
    coverage = count_coverage(coverings, canvas.shape).astype(np.float32)
    seen = np.maximum(coverage, 1)
    tile = rng.standard_normal((*canvas.shape, 3), dtype=np.float32)
    tile *= (30 / np.sqrt(seen))[..., None]
    tile += np.array([840, 1000, 790], np.float32)
    tile[..., 0] += red / seen
    tile[coverage == 0] = np.nan
    return ClusterStudy(
        Cluster("drawn", tuple(infos), (), ()),
        StudyOptions(),
        tuple(registrations),
        canvas,
        coverage,
        tile,
    )


def bench_cluster(study: ClusterStudy) -> JudgedCluster:
    def whole() -> None:
        _, judged = judge_with_fringe(study)
        advise_judged(judged)
        landscape = landscape_of(judged)
        assert landscape.field_kept.size
        assert landscape.fringe.size

    taken = seconds(whole, 5)
    report("fringe, every mask, advice, landscape", f"{taken:.2f} s", "< 1.5 s", taken < 1.5)

    def one_after_the_other() -> None:
        judge(study, fringe=measure_fringe(study))

    apart, both = in_turn([one_after_the_other, lambda: judge_with_fringe(study)], 5)
    report("  fringe and every mask at once", f"{both:.2f} s")
    report("  against one after the other", f"{apart / both:.2f} ×")
    fringe = measure_fringe(study)
    report("  fringe", f"{seconds(lambda: measure_fringe(study), 3):.2f} s")
    judged = judge(study, fringe=fringe)
    quick = seconds(lambda: judge(study, fringe=fringe), 3)
    report(f"  every mask ({len(judged.masks)} differ)", f"{quick:.2f} s")
    plain = seconds(lambda: apply_mask(study, MaskParameters(), fringe=fringe), 3)
    ratio = plain * len(judged.masks) / quick
    report(
        f"  against one by one ({plain * 1e3:.0f} ms each)", f"{ratio:.1f} ×", "≥ 3 ×", ratio >= 3
    )
    report("  advice", f"{seconds(lambda: advise_judged(judged), 5) * 1e3:.1f} ms")

    def landscape() -> None:
        drawn = landscape_of(judged)
        assert drawn.field_kept.shape == drawn.fringe.shape

    drawn = seconds(landscape, 9) * 1e3
    report("  landscape", f"{drawn:.2f} ms", "≤ 20 ms", drawn <= 20)
    return judged


def in_turn(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """Return the best time of each, in seconds; by turns, as the machine may be busy."""
    best = [math.inf] * len(works)
    for _ in range(repeats):
        for index, work in enumerate(works):
            start = time.perf_counter()
            work()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


def made_up_run(judged: JudgedCluster) -> list[JudgedCluster]:
    """Make clusters of different size out of one: other counts, other fields, other fringes."""
    rng = np.random.default_rng(2)
    clusters = []
    for index in range(CLUSTERS):
        most = int(rng.integers(12, 61))
        levels = tuple(float(each) for each in range(most + 1))
        pick = np.linspace(0, len(judged.levels) - 1, most + 1).round().astype(int)
        chosen = tuple(tuple(row[k] for k in pick) for row in judged.chosen)
        clusters.append(
            replace(
                judged,
                name=f"cluster {index}",
                maximum=levels[-1],
                levels=levels,
                chosen=chosen,
                covered_px=int(judged.covered_px * rng.uniform(0.2, 1)),
                core_noise=judged.core_noise * float(rng.uniform(0.5, 5)),
            )
        )
    return clusters


def bench_run(judged: JudgedCluster) -> None:
    clusters = made_up_run(judged)
    moved = [MaskParameters(min_coverage_frac=share / 100) for share in range(30, 80)]

    def table() -> None:
        for parameters in moved:
            for each in clusters:
                assert each.at(parameters) is not None

    tick = seconds(table, 3) / len(moved)
    report(
        f"table of {CLUSTERS} clusters, a moved threshold",
        f"{tick * 1e3:.2f} ms",
        "≤ 20 ms",
        tick <= 0.02,
    )
    taken = seconds(lambda: advise_run(clusters), 3)
    report(f"advice for {CLUSTERS} clusters", f"{taken:.2f} s", "< 1 s", taken < 1)
    size = max(len(each.to_json()) for each in clusters) / 1e3
    report("figures of a cluster, as JSON", f"{size:.0f} kB", "≤ 200 kB", size <= 200)


def main() -> int:
    start = time.perf_counter()
    study = drawn_study()
    print(f"drawn in {time.perf_counter() - start:.0f} s: {study.summary}")
    bench_run(bench_cluster(study))
    return int(any(kept is False for *_, kept in rows))


if __name__ == "__main__":
    sys.exit(main())
