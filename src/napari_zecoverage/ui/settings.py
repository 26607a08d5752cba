"""What the user prefers: where studies are kept, and how pictures look.

With napari 0.9 and later these are on a page of napari's Preferences, which the
manifest declares under ``configurations``; before, they last as long as the
window. Nothing here changes a result: ZeMosaic's thresholds are no settings.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zecoverage.core.cache import DEFAULT_MAX_BYTES, StudyCache
from napari_zecoverage.picture import COUNT_COLOURS, FRINGE_COLOURS, StretchKind

PLUGIN: Final = "napari-zecoverage"

_GIGABYTE: Final = 2**30
_WRITE_MS: Final = 400


@dataclass(frozen=True)
class Preferences:
    """What the user prefers; the defaults are the manifest's too."""

    stretch: StretchKind = "asinh"
    strength: float = 1.0
    coverage_colours: str = COUNT_COLOURS[0]
    fringe_colours: str = FRINGE_COLOURS[0]
    cache_folder: str = ""
    cache_gigabytes: float = DEFAULT_MAX_BYTES / _GIGABYTE

    def study_cache(self) -> StudyCache:
        """Return where studied clusters are kept."""
        # A relative folder is one of the user's home, not of wherever napari was started.
        folder = Path.home() / Path(self.cache_folder).expanduser() if self.cache_folder else None
        return StudyCache(folder, round(self.cache_gigabytes * _GIGABYTE))


_GROUPS: Final = {
    "picture": ("stretch", "strength", "coverage_colours", "fringe_colours"),
    "studies": ("cache_folder", "cache_gigabytes"),
}
"""Which preference is in which group of napari's settings."""


class Settings(QObject):
    """The preferences as they are now, wherever they are changed.

    Signals
    -------
    changed(Preferences, Preferences)
        Those before, and those now.
    """

    changed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._present = Preferences()
        self._is_writing = False
        # A slider's every tick is seen at once, and written when it rests.
        self._write_soon = QTimer(self)
        self._write_soon.setSingleShot(True)
        self._write_soon.setInterval(_WRITE_MS)
        self._write_soon.timeout.connect(self.write)
        self._napari = _napari_settings()
        if self._napari is not None:
            self._present = self._read(self._napari)
            for group in _GROUPS:
                getattr(self._napari, group).events.connect(self._on_napari)

    @property
    def present(self) -> Preferences:
        """The preferences now."""
        return self._present

    def change(self, **values: Any) -> None:
        """Change some of them."""
        self._take(replace(self._present, **values))
        self._write_soon.start()

    def write(self) -> None:
        """Hand to napari what was changed here."""
        self._write_soon.stop()
        if self._napari is None:
            return
        values = asdict(self._present)
        self._is_writing = True
        try:
            for group, names in _GROUPS.items():
                for name in names:
                    if getattr(getattr(self._napari, group), name) != values[name]:
                        setattr(getattr(self._napari, group), name, values[name])
        finally:
            self._is_writing = False

    def _on_napari(self, _event: object = None) -> None:
        # napari's settings outlive the dock.
        if not isalive(self) or self._is_writing or self._write_soon.isActive():
            return
        self._take(self._read(self._napari))

    def _take(self, now: Preferences) -> None:
        before, self._present = self._present, now
        if now != before:
            self.changed.emit(before, now)

    @staticmethod
    def _read(settings: Any) -> Preferences:
        return Preferences(
            **{
                name: getattr(getattr(settings, group), name)
                for group, names in _GROUPS.items()
                for name in names
            }
        )


def _napari_settings() -> Any | None:
    """Return napari's settings of this plugin; None before napari 0.9, or without the manifest."""
    try:
        from napari.settings import get_plugin_settings

        return get_plugin_settings(PLUGIN)
    except (ImportError, KeyError):
        return None
