"""The check of the user's own ZeMosaic."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_zecoverage.ui.controls import LowText
from napari_zecoverage.ui.live import Background, Job
from napari_zecoverage.zemosaic.diagnosis import Diagnosis, diagnose_zemosaic

_CHECK: Final = "Check my ZeMosaic"


def _diagnose(folder: Path, _job: Job) -> Diagnosis:
    return diagnose_zemosaic(folder)


class DiagnosisBox(QWidget):
    """A button that finds out whether exported thresholds act in a ZeMosaic, and the answer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self._checked: Path | None = None
        self._check = QPushButton(_CHECK)
        self._check.setObjectName("check_zemosaic")
        self._check.setAccessibleName(_CHECK)
        self._check.setToolTip(
            "Runs the alignment and the mask of the ZeMosaic beside the config on small made-up "
            "clusters, in a process of its own: do exported thresholds act in it? Takes up to a "
            "few minutes; its files are not touched."
        )
        self._check.clicked.connect(self._on_check)
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

    def _enable(self) -> None:
        self._check.setEnabled(self._folder is not None and not self._work.running)
        self._check.setText("Checking…" if self._work.running else _CHECK)

    def _on_check(self) -> None:
        if self._folder is not None:
            self._checked = self._folder
            self._work.start(partial(_diagnose, self._folder))
            self._enable()

    def _on_finished(self, result: object) -> None:
        self._enable()
        if isinstance(result, Exception):
            show_error(f"{self._checked}: the check did not work: {result}")
        elif isinstance(result, Diagnosis) and self._checked == self._folder:
            self._answer.show_text("\n".join(result.lines()))
            self._answer.show()
