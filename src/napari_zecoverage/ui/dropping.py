"""What is dropped onto the dock: told apart by name, and shown while it hovers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QAbstractScrollArea, QLabel, QWidget

from napari_zecoverage.core.cache import STUDY_SUFFIX
from napari_zecoverage.core.frames import FRAME_ENDINGS
from napari_zecoverage.core.plural import counted
from napari_zecoverage.zemosaic.config import CONFIG_NAME
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME

if TYPE_CHECKING:
    from qtpy.QtCore import QMimeData

_NAMED: Final = 3
_TAKEN: Final = f"folders, frames, a studied cluster (*{STUDY_SUFFIX}) and {CONFIG_NAME}"


class Dropped(NamedTuple):
    """What was dropped.

    Attributes
    ----------
    places : tuple of str
        Folders and frames to look for clusters in.
    study : str or None
        A studied cluster to show.
    config : str or None
        ZeMosaic's config, for Export.
    refused : tuple of str
        What cannot be taken, and why, in words.
    """

    places: tuple[str, ...]
    study: str | None
    config: str | None
    refused: tuple[str, ...]

    @property
    def source(self) -> str | list[str] | None:
        """What to look for clusters in: one place as itself; None for nothing."""
        if not self.places:
            return None
        return self.places[0] if len(self.places) == 1 else list(self.places)

    @property
    def is_taken(self) -> bool:
        """Whether anything of it can be taken."""
        return bool(self.places) or self.study is not None or self.config is not None

    @property
    def text(self) -> str:
        """What a drop would do, in words."""
        lines = []
        if self.places:
            folders = sum(map(os.path.isdir, self.places))
            files = len(self.places) - folders
            parts = [(folders, "folder"), (files, "frame")]
            lines.append(f"Open {' and '.join(counted(*each) for each in parts if each[0])}")
        if self.study is not None:
            lines.append(f"Show {Path(self.study).name}")
        if self.config is not None:
            lines.append(f"Choose {CONFIG_NAME} for Export")
        if not lines:
            lines = ["This cannot be taken", f"Taken are {_TAKEN}."]
        refused = _few(self.refused)
        return "\n".join([*lines, *([""] if refused else []), *refused])


def sort_dropped(mime: QMimeData) -> Dropped:
    """Tell what a drag carries."""
    places: list[str] = []
    studies: list[str] = []
    configs: list[str] = []
    refused: list[str] = []
    for url in mime.urls():
        path = url.toLocalFile()
        name = os.path.basename(path.rstrip("/")) or path
        if not path:
            refused.append(f"{url.toDisplayString()} is not on this computer.")
        elif not os.path.exists(path):
            refused.append(f"{name} is not there.")
        elif os.path.isdir(path) or name.lower().endswith(FRAME_ENDINGS) or name == GRID_PLAN_NAME:
            places.append(os.path.abspath(path))
        elif name.lower().endswith(STUDY_SUFFIX):
            studies.append(path)
        elif name.lower() == CONFIG_NAME:
            configs.append(path)
        else:
            refused.append(f"{name} cannot be taken.")
    for several, what in ((studies, "studied cluster"), (configs, "config")):
        refused += [f"{Path(each).name}: one {what} at a time." for each in several[1:]]
    if studies and places:
        refused.append(f"{Path(studies[0]).name}: drop a studied cluster by itself.")
        del studies[:]
    return Dropped(
        tuple(places),
        studies[0] if studies else None,
        configs[0] if configs else None,
        tuple(refused),
    )


class DropSign(QLabel):
    """Lies over the dock while something hovers, and says what a drop would do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("drop_sign")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setMargin(24)
        # It must not take the drag that it tells about.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_over(self, area: QWidget, dropped: Dropped) -> None:
        """Cover `area` with what a drop would do."""
        edge = "#56B4E9" if dropped.is_taken else "#D55E00"
        style = "solid" if dropped.is_taken else "dashed"
        self.setStyleSheet(
            "QLabel { background-color: rgba(20, 24, 30, 242); color: #ffffff; font-size: 14pt; "
            f"border: 3px {style} {edge}; border-radius: 8px; }}"
        )
        self.setText(dropped.text)
        self.setGeometry(area.geometry())
        self.raise_()
        self.show()


class DropZone(QObject):
    """Lets files and folders be dropped onto a scroll area, whatever of it lies under them.

    Parameters
    ----------
    area : QAbstractScrollArea
        Its contents are there already: none of them takes a drop any more.

    Signals
    -------
    dropped(Dropped)
        What was let go.
    """

    dropped = Signal(object)

    def __init__(self, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        self._area = area
        self.sign = DropSign(area)
        for each in area.viewport().findChildren(QWidget):
            # A path dropped on a field would be typed into it.
            each.setAcceptDrops(False)
        area.setAcceptDrops(True)
        # The scrolled part gets its events itself, the strip below it the area.
        for each in (area, area.viewport()):
            each.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take drags that carry files, and nothing else."""
        kind = event.type()
        if kind in (QEvent.Type.DragLeave, QEvent.Type.Hide):
            if isalive(self.sign):
                self.sign.hide()
            return False
        if kind not in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return False
        if not event.mimeData().hasUrls():
            return False
        # Also what cannot be taken: then it is told why.
        event.acceptProposedAction()
        if kind == QEvent.Type.DragEnter:
            self.sign.show_over(self._area.viewport(), sort_dropped(event.mimeData()))
        elif kind == QEvent.Type.Drop:
            self.sign.hide()
            self.dropped.emit(sort_dropped(event.mimeData()))
        return True


def _few(lines: Iterable[str]) -> list[str]:
    listed = list(lines)
    more = [f"… and {len(listed) - _NAMED} more."] if len(listed) > _NAMED else []
    return [*listed[:_NAMED], *more]
