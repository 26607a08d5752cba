"""``zecoverage cache``: where studied clusters are kept, and how to remove them."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_zecoverage.cli.console import say, say_aside, show_table
from napari_zecoverage.cli.endings import reports_errors
from napari_zecoverage.core.errors import StudyError


@reports_errors
def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove every studied cluster; frames are not touched.")
    ] = False,
    where: Annotated[bool, typer.Option("--where", help="Print the folder, nothing else.")] = False,
) -> None:
    """Show where studied clusters are kept and what they take, or remove them.

    The environment variable ZECOVERAGE_CACHE_DIR moves them.
    """
    from napari_zecoverage.core.cache import StudyCache

    store = StudyCache()
    if where:
        say(str(store.directory))
    if clear:
        size, removed = store.size_bytes(), store.clear()
        left = store.entries()
        say_aside(f"{removed} studied clusters removed, {_megabytes(size)}")
        if left:
            raise StudyError(f"{store.directory}: {len(left)} studied clusters cannot be removed")
    elif not where:
        rows = [
            ("studied clusters", str(len(store.entries()))),
            ("size", f"{_megabytes(store.size_bytes())} of at most {_megabytes(store.max_bytes)}"),
        ]
        show_table(str(store.directory), rows)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
