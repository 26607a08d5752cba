"""What stands on the streams."""

from __future__ import annotations

import io

from rich.console import Console
from shell import RESULTS, run

from napari_zecoverage.cli.console import StudyProgressBars
from napari_zecoverage.core.studied import StudyProgress


def test_progress_is_a_line_a_stage_in_a_file() -> None:
    console = Console(file=io.StringIO())
    with StudyProgressBars(console) as bars:
        for done in range(4):
            bars(StudyProgress("register", done, 3, "a.fit"))
        bars(StudyProgress("cover", 1, 1))
    assert console.file.getvalue() == "aligning frames 3/3\ncounting coverage 1/1\n"  # type: ignore[attr-defined]


def test_progress_is_bars_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})
    with StudyProgressBars(console) as bars:
        bars(StudyProgress("register", 2, 3, "[red]a.fit"))
        bars._bars.refresh()
        bars(StudyProgress("stack", 5, 36))
        bars._bars.refresh()
        tasks = bars._bars.tasks
    assert [(task.description, task.completed, task.total) for task in tasks] == [
        ("aligning frames", 2, 3),
        ("stacking the tile", 5, 36),
    ]
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "2/3" in shown
    assert "5/36" in shown


def test_nothing_is_broken_into_lines_in_a_file(sample, tmp_path) -> None:
    out = tmp_path / ("long" * 40)
    lines = run("mask", sample, "--stack", "none", "--out", out).stdout.splitlines()
    assert f"written   {out}: {', '.join(['coverage.fits', *RESULTS[:1], *RESULTS[2:]])}" in lines
    assert all(line == line.rstrip() for line in lines)
