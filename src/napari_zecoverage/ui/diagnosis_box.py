"""The check of the user's own ZeMosaic."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.ui.controls import LowText
from napari_zecoverage.ui.live import Background, Job
from napari_zecoverage.zemosaic.diagnosis import Diagnosis, diagnose_zemosaic

_CHECK: Final = "Check my ZeMosaic"
_CHECK_TOOLTIP: Final = (
    "Runs the alignment and the mask of the ZeMosaic beside the config on small made-up clusters, "
    "in a process of its own: do exported thresholds act in it? Takes up to a few minutes; its "
    "files are not touched."
)
_CANCEL_TOOLTIP: Final = "Ends the check with all that it started; nothing of it is kept."


def _diagnose(folder: Path, job: Job) -> Diagnosis:
    return diagnose_zemosaic(folder, should_stop=job.should_stop)


class DiagnosisBox(QWidget):
    """A button that finds out whether exported thresholds act in a ZeMosaic, and the answer.

    While it finds out the button is Cancel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self._checked: Path | None = None
        self._is_stopping = False
        self._check = QPushButton()
        self._check.setObjectName("check_zemosaic")
        self._check.clicked.connect(self._on_clicked)
        self._answer = LowText("diagnosis", most_lines=12)
        self._answer.setAccessibleName("Whether thresholds act in this ZeMosaic")
        self._answer.hide()
        self._work = Background(self)
        self._work.finished.connect(self._on_finished)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._check)
        layout.addWidget(self._answer)
        self._enable()

    def set_folder(self, folder: Path | None) -> None:
        """Choose the ZeMosaic; None for none."""
        if folder != self._folder:
            self._folder = folder
            self._answer.hide()
        self._enable()

    def stop(self) -> None:
        """End the check: the user asks for it, or the dock is taken out of its window."""
        self._is_stopping = self._work.running
        self._work.stop()
        self._enable()

    def _enable(self) -> None:
        running = self._work.running
        self._check.setText("Cancel" if running else _CHECK)
        self._check.setAccessibleName("Cancel the check" if running else _CHECK)
        self._check.setToolTip(_CANCEL_TOOLTIP if running else _CHECK_TOOLTIP)
        self._check.setEnabled(not self._is_stopping if running else self._folder is not None)

    def _on_clicked(self) -> None:
        if self._work.running:
            self.stop()
        elif self._folder is not None:
            self._checked = self._folder
            self._work.start(partial(_diagnose, self._folder))
            self._say("Checking…")
            self._enable()

    def _on_finished(self, result: object) -> None:
        self._is_stopping = False
        self._enable()
        is_of_this = self._checked == self._folder
        if isinstance(result, StudyCancelledError):
            self._say("Cancelled." if is_of_this else "")
        elif isinstance(result, Exception):
            self._say("")
            show_error(f"{self._checked}: the check did not work: {result}")
        elif isinstance(result, Diagnosis) and is_of_this:
            self._say("\n".join(result.lines()))

    def _say(self, text: str) -> None:
        self._answer.show_text(text)
        self._answer.setVisible(bool(text))
