"""The two streams: what is found goes to stdout; progress, logs and errors go to stderr."""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import StudyProgress


def results() -> Console:
    """Return the console of results. File names are not markup, and are not cut."""
    return console_of(stderr=False)


def asides() -> Console:
    """Return the console of everything else: progress, errors."""
    return console_of(stderr=True)


@functools.cache
def console_of(stderr: bool) -> Console:
    """Return the one console of a stream: logs then go above the progress bars, not into them."""
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # Nothing is to be broken into lines in a file or a pipe.
        console.width = 10_000
    return console


def plain(text: str) -> str:
    """Keep what a file name may hold from steering the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def say(text: str) -> None:
    """Print a result."""
    results().print(plain(text))


def say_aside(text: str) -> None:
    """Print what is not a result: what is going on, what to know."""
    asides().print(plain(text))


def say_error(text: str) -> None:
    """Print a line that begins with "error:"."""
    asides().print(Text.assemble(("error:", "bold red"), " ", plain(text)))


def asked(question: str) -> bool | None:
    """Ask for a yes; None when nobody is there to answer."""
    asides().print(plain(f"{question} [y/N] "), end="")
    answer = sys.stdin.readline()
    if not answer:
        asides().print()
        return None
    return answer.strip().lower() in ("y", "yes")


def show_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print rows of a name and a text; the name of a row like the one above is left out."""
    console = results()
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    width = max(len(name) for name, _ in rows)
    console.print(Text(plain(title), style="bold"))
    before = ""
    for name, text in rows:
        shown = "" if name == before else name
        if console.is_terminal:
            table.add_row(shown, plain(text))
        else:
            # A table would fill each line up with blanks.
            console.print(f"{shown:<{width}}  {plain(text)}")
        before = name
    if console.is_terminal:
        console.print(table)


class StudyProgressBars:
    """Shows how far a study is: bars on a terminal, else a line for each finished stage."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or asides()
        self._task: TaskID | None = None
        self._stage = ""
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> StudyProgressBars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, progress: StudyProgress) -> None:
        """Take one report of `study_cluster`."""
        stage = plain(str(replace(progress, text="")))
        if not self._console.is_terminal:
            if progress.done == progress.total:
                self._console.print(stage)
            return
        if progress.stage != self._stage or self._task is None:
            self._stage = progress.stage
            self._task = self._bars.add_task(re.sub(r" \d+/\d+$", "", stage), total=None)
        self._bars.update(self._task, completed=progress.done, total=progress.total)


def log_handler(console: Console) -> logging.Handler:
    """Return what writes the log to stderr: above the bars on a terminal, else a line each."""
    if console.is_terminal:
        return RichHandler(console=console, show_path=False, highlighter=NullHighlighter())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler
