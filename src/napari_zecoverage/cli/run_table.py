"""The words of ``zecoverage run``: what the thresholds do to each cluster, and the advice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from napari_zecoverage.cli.console import plain, results, show_table
from napari_zecoverage.core.advice import RunAdvice
from napari_zecoverage.core.advice_words import (
    exactly,
    fringe_in_words,
    share_in_words,
    thresholds_in_words,
)
from napari_zecoverage.core.levels import (
    COLOURED,
    FAILED,
    SKIPPED,
    UNKNOWN,
    UNMASKED,
    LevelField,
    badness,
)
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.many import StudiedCluster, StudiedRun

_HEAD: Final = (
    "cluster",
    "frames",
    "mask",
    "field lost",
    "fringe left",
    "as advised: lost",
    "fringe left",
    "guards and errors",
)


def show_clusters(run: StudiedRun, parameters: MaskParameters) -> None:
    """Print what the thresholds do to each cluster, the worst first."""
    tolerance = run.advice_options.tolerance
    served = () if run.advice is None else run.advice.clusters
    advised = {each.name: each.after.level for each in served}
    judged = [
        (each, None if each.judged is None else each.judged.at(parameters)) for each in run.clusters
    ]
    judged.sort(key=lambda pair: _badness(pair[0], pair[1], tolerance), reverse=True)
    show_columns(
        f"under {thresholds_in_words(parameters)}",
        _HEAD,
        [_row(line, level, advised.get(line.cluster.name)) for line, level in judged],
        styles=[_style(line, level, tolerance) for line, level in judged],
    )


def _badness(line: StudiedCluster, level: LevelField | None, tolerance: float) -> tuple[float, ...]:
    """Return what a run's lines are sorted by."""
    return badness(level, tolerance, failed=bool(line.error), skipped=bool(line.skipped))


def _row(
    line: StudiedCluster, level: LevelField | None, advised: LevelField | None
) -> tuple[str, ...]:
    name, frames = line.cluster.name, str(len(line.cluster.frames))
    if level is None or advised is None:
        return (name, frames, "", "", "", "", "", line.error or line.skipped)
    now = (level.source, _lost(level), fringe_in_words(level.fringe))
    then = (_lost(advised), fringe_in_words(advised.fringe))
    return (name, frames, *now, *then, "; ".join(level.guards))


def _lost(level: LevelField) -> str:
    """Return the share of the covered area that a mask costs."""
    return share_in_words(1 - level.hard)


def _style(line: StudiedCluster, level: LevelField | None, tolerance: float) -> str:
    rank = _badness(line, level, tolerance)[0]
    styles = {FAILED: "red", UNMASKED: "red", COLOURED: "yellow", UNKNOWN: "dim", SKIPPED: "dim"}
    return styles.get(int(rank), "")


def show_columns(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]
) -> None:
    """Print a table of results: drawn on a terminal, else columns parted by blanks."""
    console = results()
    console.print(Text(plain(title), style="bold"))
    cells = [[_one_line(each) for each in row] for row in (head, *rows)]
    if console.is_terminal:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for each in cells[0]:
            table.add_column(Text(each), overflow="fold")
        for row, style in zip(cells[1:], styles, strict=True):
            table.add_row(*map(Text, row), style=style)
        console.print(table)
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(f"{each:<{width}}" for each, width in zip(row, widths, strict=True))
        console.print(Text(line.rstrip()))


def _one_line(text: str) -> str:
    return " ".join(plain(text).split("\n"))


# --- the advice ----------------------------------------------------------------------------


def show_advice(advice: RunAdvice) -> None:
    """Print the one setting that is advised for all clusters, and why."""
    chosen = advice.parameters
    rows = [
        ("min_coverage_abs", exactly(chosen.min_coverage_abs)),
        ("min_coverage_frac", exactly(chosen.min_coverage_frac)),
        ("morph_open_px", f"{chosen.morph_open_px}"),
        ("why", advice.why),
    ]
    rows += [("doubt", each) for each in advice.doubts]
    rows += [("served worst", f"{name}: {reason}") for name, reason in advice.worst]
    show_table("advice for all clusters", rows)
