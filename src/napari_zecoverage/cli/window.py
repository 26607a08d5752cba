"""``zecoverage tune``, and napari's window with the dock in it."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from napari_zecoverage.cli.endings import Trouble, reports_errors
from napari_zecoverage.cli.studying import Root, found_clusters
from napari_zecoverage.core.errors import ZecoverageError

if TYPE_CHECKING:
    from napari_zecoverage.ui.measuring import Measuring

log = logging.getLogger(__name__)


class WindowError(ZecoverageError):
    """No window can be opened here."""


_WINDOW_PX: Final = (1500, 950)
SETTLE_SECONDS: Final = 0.3

_PROBE_SECONDS: Final = 60.0
_PROBE: Final = "from qtpy.QtGui import QGuiApplication; QGuiApplication([])"


def check_window() -> None:
    """Refuse what Qt would end the whole program for.

    Raises
    ------
    WindowError
        Qt's binding or libraries are missing, or there is no screen.
    """
    if importlib.util.find_spec("napari") is None:
        raise WindowError('napari is not installed: python -m pip install "napari[all]"')
    on_a_screen = any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )
    if sys.platform.startswith("linux") and not on_a_screen:
        raise WindowError(
            "there is no screen to open a window on (DISPLAY is not set). zecoverage mask and "
            "zecoverage export work without one; xvfb-run -a zecoverage … gives a screen in memory."
        )
    # In a process of its own: Qt aborts when it finds no screen or lacks a library.
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise WindowError(
            f"Qt did not come up within {_PROBE_SECONDS:.0f} s. Is the screen (DISPLAY) one that "
            "answers?"
        ) from None
    if probe.returncode == 0:
        return
    told = [line.strip() for line in probe.stderr.splitlines() if line.strip()]
    if any("QtBindingsNotFoundError" in line or "No Qt bindings" in line for line in told):
        raise WindowError(
            'no Qt binding is installed: python -m pip install "napari[all]" brings one'
        )
    raise WindowError(f"Qt cannot open a window here. It says: {' '.join(told)[:600] or 'nothing'}")


def open_window() -> tuple[Any, Any]:
    """Open napari with the dock; return the viewer and the dock."""
    check_window()
    import napari

    try:
        # Only now: it needs Qt. It names the dock as the menu Plugins does, which so finds it.
        from napari_zecoverage.ui.contributions import dock_of

        viewer = napari.Viewer(title="napari-zecoverage")
        dock = dock_of(viewer)
    except Exception as error:
        # No OpenGL, a broken plugin, ...: napari and Qt raise whatever they like.
        log.debug("the window", exc_info=error)
        raise WindowError(f"napari cannot open its window here: {error}") from error
    _give_room(viewer)
    return viewer, dock


def _give_room(viewer: Any) -> None:
    """Make the window wide enough for a picture beside the dock, and let it be laid out."""
    from qtpy.QtWidgets import QApplication

    screen = QApplication.primaryScreen()
    if screen is not None:
        room = screen.availableGeometry()
        viewer.window.resize(min(_WINDOW_PX[0], room.width()), min(_WINDOW_PX[1], room.height()))
    let_work(SETTLE_SECONDS)


@reports_errors
def tune(
    path: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="ZeMosaic run folders, frames, and folders of frames, as for mask; none for the "
            "empty window.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
) -> None:
    """Open the window: see the fringes, move the thresholds, export them."""
    check_window()
    trouble = Trouble()
    clusters = found_clusters(path or [], trouble, root=root)
    if path and not clusters:
        trouble.end()
    _, dock = open_window()
    if clusters:
        dock.open_clusters(clusters)
    run_window()
    trouble.end()


def run_window() -> None:
    """Let the window work until the user closes it."""
    import napari

    napari.run()


def window_is_open() -> bool:
    """Return whether the user has left any window open."""
    from qtpy.QtWidgets import QApplication

    return any(each.isVisible() for each in QApplication.topLevelWidgets())


_DRAW_SECONDS: Final = 60.0
_MEASURE_SECONDS: Final = 90.0


def wait_until(ready: Callable[[], bool], what: str) -> None:
    """Let the window work until it is ready."""
    if not _became(ready, _DRAW_SECONDS):
        raise WindowError(f"waited {_DRAW_SECONDS:.0f} s in vain for {what}")


def let_work(seconds: float) -> None:
    """Let the window work for a while."""
    _became(lambda: False, seconds)


def wait_until_measured(measuring: Measuring) -> str:
    """Let the window measure the fringe of the study shown, and make the advice.

    Returns
    -------
    str
        Empty; or why there is no advice, in words: it took too long, or did not work.
    """
    troubles: list[Exception] = []
    measuring.failed.connect(troubles.append)
    # Its C++ side goes with the window.
    if not _became(lambda: not window_is_open() or measuring.idle, _MEASURE_SECONDS):
        return (
            f"The fringe and the advice took longer than {_MEASURE_SECONDS:.0f} s; these words "
            "are without them."
        )
    return "".join(f"The fringe could not be measured: {each}" for each in troubles)


def _became(ready: Callable[[], bool], seconds: float) -> bool:
    """Let the window work until it is ready, at most so long; return whether it was."""
    from qtpy.QtWidgets import QApplication

    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        QApplication.processEvents()
        time.sleep(0.01)
    return True
