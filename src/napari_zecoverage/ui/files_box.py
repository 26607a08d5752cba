"""What can be written of the cluster shown: the masked tile, the coverage map, the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QGridLayout, QWidget

from napari_zecoverage.core.errors import StudyCancelledError, ZecoverageError
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.placing import kept_name
from napari_zecoverage.ui.controls import LOUD, push_button, wrapped_label
from napari_zecoverage.ui.live import Background, Job
from napari_zecoverage.ui.saving import ask_where
from napari_zecoverage.zemosaic.coverage_map import write_coverage_map
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.tile_check import check_master_tile

if TYPE_CHECKING:
    from napari_zecoverage.core.advice import Advice
    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.many import StudiedRun

_FITS: Final = "FITS (*.fits *.fit *.fts)"
_REPORT: Final = "report"
_SOLVE_FIRST: Final = "Let ZeMosaic (or ASTAP) solve the frames, then study them again."


class Measured(NamedTuple):
    """What is known of the cluster shown, so that a report need not find it out again."""

    fringe: Fringe | None = None
    judged: JudgedCluster | None = None
    advice: Advice | None = None
    options: AdviceOptions = AdviceOptions()


# The jobs: plain data in, the path of what was written out.


class _Written(NamedTuple):
    """What was written, under what name something else was kept that stood there, and problems.

    The problems are what would keep ZeMosaic from using a tile, in words.
    """

    path: Path
    kept: Path | None = None
    problems: tuple[str, ...] = ()


def _tile(path: str, study: ClusterStudy, parameters: MaskParameters, _job: Job) -> _Written:
    kept = kept_name(absolute(path))
    # The dialog has asked whether to replace a file.
    written = write_master_tile(
        path, study, apply_mask(study, parameters), overwrite=True, allow_without_wcs=True
    )
    problems = check_master_tile(written)
    if study.wcs_header is None:
        problems.append(_SOLVE_FIRST)
    return _Written(written, kept if kept.exists() else None, tuple(problems))


def _coverage(path: str, study: ClusterStudy, _job: Job) -> _Written:
    kept = kept_name(absolute(path))
    written = write_coverage_map(path, study, overwrite=True)
    return _Written(written, kept if kept.exists() else None)


def _report(
    folder: str,
    subject: ClusterStudy | StudiedRun,
    parameters: MaskParameters,
    measured: Measured,
    job: Job,
) -> _Written:
    from napari_zecoverage.report.writing import write_report

    report = write_report(
        Path(folder) / _REPORT,
        subject,
        parameters,
        fringe=measured.fringe,
        judged=measured.judged,
        advice=measured.advice,
        options=measured.options,
        progress=job.report,
        should_stop=job.should_stop,
    )
    return _Written(report.html)


class FilesBox(QWidget):
    """Buttons that write; where is asked first, and said afterwards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: ClusterStudy | None = None
        self._run: StudiedRun | None = None
        self._parameters = MaskParameters()
        self._measured = Measured()
        self._work = Background(self)
        self._work.progressed.connect(self._on_progress)
        self._work.finished.connect(self._on_finished)
        self._tile = push_button(
            "save_tile",
            "Masked tile…",
            "Writes the master tile as ZeMosaic would have made it with these thresholds. "
            "ZeMosaic takes it as an existing tile, unless something is wrong with it (frames "
            "without a WCS, mostly): it is checked, and you are told.",
            self._on_tile,
        )
        self._coverage = push_button(
            "save_coverage",
            "Coverage map…",
            "Writes the frames per pixel as FITS.",
            self._on_coverage,
        )
        self._report = push_button(
            "save_report",
            "Report…",
            "Writes what is seen and decided of this cluster: a page that opens offline, the same "
            "as Markdown, and every figure as JSON.",
            self._on_report,
        )
        self._run_report = push_button(
            "save_run_report",
            "Report of the run…",
            "The same for all clusters; study them first (Whole run).",
            self._on_run_report,
        )
        self._cancel = push_button(
            "cancel_files", "Cancel", "Stop what is being written.", self._work.stop
        )
        self._text = wrapped_label("files_text", "")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.hide()
        self._problems = wrapped_label("files_problems", "")
        self._problems.setTextFormat(Qt.TextFormat.PlainText)
        self._problems.setStyleSheet(LOUD)
        self._problems.hide()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for place, button in enumerate(
            (self._tile, self._coverage, self._report, self._run_report)
        ):
            layout.addWidget(button, place // 2, place % 2)
        layout.addWidget(self._text, 2, 0)
        layout.addWidget(self._cancel, 2, 1)
        layout.addWidget(self._problems, 3, 0, 1, 2)
        self._enable()

    def set_study(self, study: ClusterStudy) -> None:
        """Write of another cluster."""
        self._study = study
        self._measured = Measured(options=self._measured.options)
        self._enable()

    def set_measured(self, measured: Measured) -> None:
        """Take what was measured of the cluster shown."""
        self._measured = measured

    def set_advice_options(self, options: AdviceOptions) -> None:
        """Take what the advice of a report goes by."""
        self._measured = self._measured._replace(options=options)

    def set_run(self, run: StudiedRun | None) -> None:
        """Take the run whose clusters were studied."""
        self._run = run
        self._enable()

    def set_parameters(self, parameters: MaskParameters) -> None:
        """Take the thresholds that are written with."""
        self._parameters = parameters

    def stop(self) -> None:
        """Stop what is being written: the dock is taken out of its window."""
        self._work.stop()

    def _enable(self) -> None:
        free, study = not self._work.running, self._study
        self._tile.setEnabled(free and study is not None and study.tile is not None)
        self._coverage.setEnabled(free and study is not None and study.coverage is not None)
        self._report.setEnabled(free and study is not None and study.coverage is not None)
        self._run_report.setEnabled(free and self._run is not None)
        self._cancel.setVisible(not free)

    def _on_tile(self) -> None:
        study = self._study
        if study is not None:
            path = ask_where(self, "The masked tile", f"{_file_name(study)}_masked.fits", _FITS)
            if path:
                self._start(partial(_tile, path, study, self._parameters))

    def _on_coverage(self) -> None:
        study = self._study
        if study is not None:
            path = ask_where(self, "The coverage map", f"{_file_name(study)}_coverage.fits", _FITS)
            if path:
                self._start(partial(_coverage, path, study))

    def _on_report(self) -> None:
        self._write_report(self._study, self._measured)

    def _on_run_report(self) -> None:
        self._write_report(self._run, Measured(options=self._measured.options))

    def _write_report(self, subject: ClusterStudy | StudiedRun | None, known: Measured) -> None:
        title = f"A folder; the report comes into its folder “{_REPORT}”"
        folder = QFileDialog.getExistingDirectory(self, title)
        if folder and subject is not None:
            self._start(partial(_report, folder, subject, self._parameters, known))

    def _start(self, function: Callable[[Job], _Written]) -> None:
        if not self._work.running:
            self._work.start(function)
            self._problems.hide()
            self._say("Writing…")

    def _on_progress(self, progress: object) -> None:
        self._say(str(progress))

    def _on_finished(self, result: object) -> None:
        if isinstance(result, _Written):
            words = f"Written: {result.path}"
            if result.kept is not None:
                words += f"\nWhat was there is kept as {result.kept.name}."
            show_info(words)
            self._say(words)
            if result.problems:
                self._warn(f"{result.path.name}: {' '.join(result.problems)}")
        elif isinstance(result, StudyCancelledError):
            self._say("Cancelled; nothing was written.")
        elif isinstance(result, Exception):
            known = isinstance(result, (ZecoverageError, ValueError))
            words = str(result) if known else f"{type(result).__name__}: {result}"
            show_error(words)
            self._say(words)

    def _warn(self, text: str) -> None:
        show_warning(text)
        self._problems.setText(text)
        self._problems.show()

    def _say(self, text: str) -> None:
        self._text.setText(text)
        self._text.show()
        self._enable()


def _file_name(study: ClusterStudy) -> str:
    """Return a cluster's name without what a file's name must not have."""
    return re.sub(r"[^\w.-]+", "_", study.cluster.name).strip("._") or "cluster"
