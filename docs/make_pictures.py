"""Make every picture and every generated page of README and docs, from the program itself.

    python docs/make_pictures.py                 everything
    python docs/make_pictures.py quirks          one kind
    python docs/make_pictures.py quirks opening  one picture of it

Nothing of the user's is read or written: everything lies in ``/home/you``, which
is made for it and removed again, so that the paths in the pictures say nothing of
a machine. Without a screen, a screen in memory is used (xvfb-run).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "pictures"
HOME = Path("/home/you")
_MARK = HOME / ".made-for-the-docs-of-napari-zecoverage"


@contextmanager
def _own_home() -> Iterator[None]:
    """Live in a home that is nobody's; before anything of ours is imported."""
    if HOME.exists() and not _MARK.exists():
        raise SystemExit(f"{HOME} is somebody's; rename it while the pictures are made.")
    try:
        HOME.mkdir(parents=True, exist_ok=True)
        _MARK.touch()
    except OSError as error:
        said = f"{HOME} cannot be made ({error.strerror}); try it in a container."
        raise SystemExit(said) from error
    for name in [each for each in os.environ if each.startswith(("XDG_", "ZECOVERAGE_", "NAPARI"))]:
        if name != "XDG_RUNTIME_DIR":
            del os.environ[name]
    os.environ.update(HOME=str(HOME), MPLCONFIGDIR=str(HOME / ".matplotlib"), NAPARI_ASYNC="0")
    try:
        yield
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


def _with_screen() -> None:
    """Start again on a screen in memory when there is none, or another one than expected."""
    if sys.platform == "linux" and not os.environ.get("ZECOVERAGE_DOCS_SCREEN"):
        os.environ["ZECOVERAGE_DOCS_SCREEN"] = "1"
        screen = ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"]
        os.execvp(screen[0], [*screen, sys.executable, *sys.argv])


def make_quirks(names: list[str]) -> None:
    """Draw the pictures of the explanation."""
    from making import quirks, style

    for draw in quirks.PICTURES:
        name = draw.__name__.replace("_", "-")
        if not names or name in names:
            size = style.save(draw(), PICTURES / f"{name}.png")
            print(f"pictures/{name}.png: {size / 1000:.0f} kB", flush=True)


def make_report(_names: list[str]) -> None:
    """Take a picture out of a report of the sample."""
    from making import clusters, style

    import napari_zecoverage as zc

    report = zc.write_report(HOME / "report", clusters.sample())
    for place in report.folder.rglob("001-threshold.png"):
        size = style.save_small(place, PICTURES / "report-threshold.png")
        print(f"pictures/report-threshold.png: {size / 1000:.0f} kB", flush=True)


def make_shots(names: list[str]) -> None:
    """Take the pictures of the window."""
    from making import shots

    with shots.opened(HOME) as window:
        for shoot in shots.SHOTS:
            name = shoot.__name__.replace("_", "-")
            # Each goes on where the one before left off, so all are taken.
            seen = shoot(window)
            if not names or name in names:
                size = shots.save(seen, PICTURES / f"{name}.jpg")
                print(f"pictures/{name}.jpg: {size / 1000:.0f} kB", flush=True)


def make_reference(names: list[str]) -> None:
    """Write the pages that say what the code says."""
    from making import reference

    for name, page in reference.PAGES.items():
        if not names or name in names:
            (DOCS / "reference" / f"{name}.md").write_text(page(), encoding="utf-8")
            print(f"reference/{name}.md", flush=True)


def make_notebook(_names: list[str]) -> None:
    """Run the example and write it as a notebook."""
    from making import notebook

    cells = notebook.read_cells(DOCS / "example.py")
    text = notebook.as_notebook(cells, notebook.run_cells(cells))
    if len(text) > notebook.MOST_BYTES or str(HOME) in text:
        raise SystemExit("example.ipynb is too large, or holds a path of this machine")
    (DOCS / "example.ipynb").write_text(text, encoding="utf-8")
    print(f"example.ipynb: {len(text) / 1000:.0f} kB", flush=True)


KINDS: dict[str, Callable[[list[str]], None]] = {
    "quirks": make_quirks,
    "report": make_report,
    "shots": make_shots,
    "reference": make_reference,
    "notebook": make_notebook,
}


def main() -> int:
    """Make what the command line names; everything when it names nothing."""
    asked = sys.argv[1:]
    if asked and asked[0] not in KINDS:
        print(__doc__, file=sys.stderr)
        return 2
    _with_screen()
    with _own_home():
        import matplotlib as mpl

        PICTURES.mkdir(exist_ok=True)
        for name in asked[:1] or KINDS:
            # The letters of the drawings must not get into the window's plots.
            with mpl.rc_context():
                KINDS[name](asked[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
