"""The places that were opened last, and their menu."""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QWidget

from napari_zecoverage.ui.kept_json import KeptJson, settings_folder

FILE_NAME: Final = "recent.json"
MOST_PLACES: Final = 10
MOST_FILES: Final = 3000
"""A longer list of files is not remembered; its folder can be opened instead."""

_LONGEST: Final = 56


class Place(NamedTuple):
    """Something that was opened: a folder, or files."""

    paths: tuple[str, ...]
    is_folder: bool

    @property
    def source(self) -> str | list[str]:
        """What to open: a folder, or a list of files."""
        return self.paths[0] if self.is_folder else list(self.paths)

    @property
    def is_there(self) -> bool:
        """Whether any of it can still be opened."""
        return any(map(os.path.exists, self.paths))

    @property
    def text(self) -> str:
        """Its name, and where it lies."""
        first = Path(self.paths[0])
        name = first.name or str(first)
        if len(self.paths) > 1:
            name = f"{len(self.paths)} files"
        where = _shortened(str(first.parent), _LONGEST - len(name))
        return f"{name} – {where}"


class RecentPlaces:
    """The last places, the newest first, in one small file."""

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self._file = KeptJson(settings_folder() / FILE_NAME if path is None else path, version=1)

    def places(self) -> list[Place]:
        """Return what is remembered; what makes no sense is passed over."""
        listed = self._file.read().get("places")
        found = [_place(each) for each in listed] if isinstance(listed, list) else []
        return [each for each in found if each is not None][:MOST_PLACES]

    def add(self, source: str | PathLike[str] | Iterable[str | PathLike[str]]) -> None:
        """Put a place first."""
        given = [source] if isinstance(source, (str, PathLike)) else list(source)
        paths = tuple(os.path.abspath(os.fspath(each)) for each in given)
        if not paths or len(paths) > MOST_FILES:
            return
        place = Place(paths, len(paths) == 1 and os.path.isdir(paths[0]))
        others = [each for each in self.places() if each.paths != paths]
        self._write([place, *others])

    def clear(self) -> None:
        """Forget all."""
        self._write([])

    def _write(self, places: list[Place]) -> None:
        kept = [{"paths": each.paths, "is_folder": each.is_folder} for each in places[:MOST_PLACES]]
        # Long lists of files may be too much together: the oldest go.
        while len(kept) > 1 and not self._file.fits({"places": kept}):
            kept.pop()
        self._file.write({"places": kept})


class RecentMenu(QMenu):
    """The last places; missing ones are seen and cannot be chosen.

    Signals
    -------
    chosen(object)
        A folder (str) or a list of files to open again.
    """

    chosen = Signal(object)

    def __init__(self, recent: RecentPlaces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("recent_places")
        self.setAccessibleName("Recent places")
        self.setToolTipsVisible(True)
        self._recent = recent
        self.triggered.connect(self._on_triggered)

    def fill(self) -> None:
        """Read the list again, and look which places are still there."""
        self.clear()
        places = self._recent.places()
        for place in places:
            # "&" would make a shortcut of the letter behind it.
            text = place.text.replace("&", "&&")
            action = self.addAction(text if place.is_there else f"{text} (missing)")
            action.setEnabled(place.is_there)
            action.setData(place.source)
            action.setToolTip(place.paths[0])
        if not places:
            self.addAction("Nothing was opened yet").setEnabled(False)
            return
        self.addSeparator()
        self.addAction("Clear").setObjectName("clear_recent")

    def _on_triggered(self, action: QAction) -> None:
        if action.objectName() == "clear_recent":
            self._recent.clear()
        else:
            self.chosen.emit(action.data())


def _place(values: Any) -> Place | None:
    if not isinstance(values, dict):
        return None
    paths, is_folder = values.get("paths"), values.get("is_folder")
    if not isinstance(paths, list) or not isinstance(is_folder, bool):
        return None
    if not paths or not all(isinstance(each, str) and each and "\0" not in each for each in paths):
        return None
    return Place(tuple(paths), is_folder and len(paths) == 1)


def _shortened(path: str, longest: int) -> str:
    """Leave the middle out of a long path."""
    home = os.path.expanduser("~")
    if path == home or path.startswith(home + os.sep):
        path = "~" + path[len(home) :]
    longest = max(longest, 20)
    if len(path) <= longest:
        return path
    begin = longest // 3
    return f"{path[:begin]}…{path[begin + 1 - longest :]}"
