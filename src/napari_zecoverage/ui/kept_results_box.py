"""What a ZeMosaic run kept that would hide new thresholds, and the button that clears it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QMessageBox, QVBoxLayout, QWidget

from napari_zecoverage.ui.controls import LowText, push_button
from napari_zecoverage.ui.live import Background, Job
from napari_zecoverage.zemosaic.kept_results import (
    Cleared,
    KeptResults,
    clear_kept_results,
    find_kept_results,
)


def _find(folder: Path, _job: Job) -> KeptResults:
    return find_kept_results(folder)


def _clear(kept: KeptResults, _job: Job) -> Cleared:
    return clear_kept_results(kept)


class KeptResultsBox(QWidget):
    """Lists a run folder's kept tiles and checkpoints; clears them on a yes.

    Not seen while there is nothing to say.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self._kept: KeptResults | None = None
        self._text = LowText("kept_results", most_lines=6)
        self._text.setAccessibleName("Kept results that hide a change")
        self._clear = push_button(
            "clear_kept",
            "Clear kept results…",
            "Removes the master tiles and checkpoints that ZeMosaic would use again whatever the "
            "thresholds. Asks first; nothing else is removed.",
            self._on_clear,
        )
        self._work = Background(self)
        self._work.finished.connect(self._on_finished)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._text)
        layout.addWidget(self._clear)
        self.hide()

    def set_run_folder(self, folder: Path | None) -> None:
        """Look into another run folder; None when the cluster is of no run."""
        self._folder = folder
        self._kept = None
        self.hide()
        self._look()

    def _look(self) -> None:
        if self._folder is not None and not self._work.running:
            self._work.start(partial(_find, self._folder))

    def _on_finished(self, result: object) -> None:
        if isinstance(result, KeptResults):
            if result.folder == _real(self._folder):
                self._show(result)
            else:
                # Another folder was asked for meanwhile.
                self._look()
        elif isinstance(result, Cleared):
            show_info("\n".join(result.lines()))
            self._look()
        elif isinstance(result, Exception):
            self._kept = None
            show_error(str(result))

    def _show(self, kept: KeptResults) -> None:
        self._kept = kept
        self._text.show_text("\n".join(kept.lines()))
        self._clear.setEnabled(bool(kept.items) and kept.is_run_folder)
        self.setVisible(bool(kept.items or kept.links))

    def _on_clear(self) -> None:
        kept = self._kept
        if kept is None or self._work.running:
            return
        count = f"{len(kept.tiles)} master tiles and {len(kept.checkpoints)} checkpoints"
        answer = QMessageBox.question(
            self,
            "Clear kept results",
            f"Remove {count} from {kept.folder}? ZeMosaic makes them again in its next run. "
            "Close ZeMosaic first. This cannot be undone.",
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._clear.setEnabled(False)
            self._work.start(partial(_clear, kept))


def _real(folder: Path | None) -> Path | None:
    return None if folder is None else Path(folder).resolve()
