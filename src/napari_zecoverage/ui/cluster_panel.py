"""Which cluster, and the run that studies it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.frames import FRAME_ENDINGS
from napari_zecoverage.core.parameters import CanvasMode, StackMethod, StudyOptions
from napari_zecoverage.ui.controls import LowText, push_button, wrapped_label
from napari_zecoverage.ui.recent_places import RecentMenu, RecentPlaces
from napari_zecoverage.verdict import LOUD_COLOUR

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.studied import ClusterStudy
    from napari_zecoverage.zemosaic.gating import Gating

_COLUMNS: Final = ("Cluster", "Frames", "Nights", "Filter", "Mount", "ZeMosaic")
_MOUNTS: Final = {"EQ": "EQ", "ALT_AZ": "Alt-Az", "UNKNOWN": "unknown"}
_GATED: Final = {"yes": "masks it", "no": "does not mask", "depends": "depends"}
_STACK_LABELS: Final[dict[StackMethod, str]] = {
    "winsorized": "winsorized sigma clip",
    "kappa_sigma": "kappa-sigma clip",
    "median": "median",
    "mean": "mean",
    "none": "none, coverage only",
}
_CANVAS_LABELS: Final[dict[CanvasMode, str]] = {
    "auto": "padded when a frame needs it",
    "padded": "padded, as ZeMosaic 4.5 always does",
    "reference": "the reference frame's own",
}
_FRAME_FILES: Final = (
    f"Frames ({' '.join(f'*{ending}' for ending in FRAME_ENDINGS)});;All files (*)"
)
_TO_RUN: Final = "Run studies the selected cluster."
_NO_CLUSTER: Final = "Open a folder of frames, some files, or the sample; or drop them here."


class ClusterPanel(QGroupBox):
    """Buttons to open clusters, a table of them, Run with progress and Cancel.

    It only shows and asks; the dock does the work.

    Parameters
    ----------
    recent : RecentPlaces, optional
        What its menu of recent places offers.

    Signals
    -------
    source_chosen(object)
        A folder (str) or a list of files to look for clusters in.
    sample_chosen()
        The made-up cluster is asked for.
    run_asked(Cluster, StudyOptions)
        A cluster is to be studied.
    cancel_asked()
        What is running is to stop.
    """

    source_chosen = Signal(object)
    sample_chosen = Signal()
    run_asked = Signal(object, object)
    cancel_asked = Signal()

    def __init__(
        self, parent: QWidget | None = None, *, recent: RecentPlaces | None = None
    ) -> None:
        super().__init__("Cluster", parent)
        self._clusters: list[Cluster] = []
        self._gatings: list[Gating] = []
        self._busy = False
        self._folder = ""

        self._open_recent = push_button(
            "open_recent",
            "Recent ▾",
            "What was opened last.",
            self._on_open_recent,
            accessible_name="Recent places",
        )
        self._openers = [
            push_button(
                "open_folder",
                "Open folder…",
                "A ZeMosaic run, or a folder of frames and of folders of frames.",
                self._on_open_folder,
            ),
            push_button(
                "open_files", "Open files…", "Some frames, as one cluster.", self._on_open_files
            ),
            self._open_recent,
            push_button(
                "open_sample",
                "Sample",
                "A made-up cluster of raw frames with known fringes.",
                self.sample_chosen,
            ),
        ]
        self._recent_menu = RecentMenu(recent or RecentPlaces(), self)
        self._recent_menu.chosen.connect(self.source_chosen)
        openers = QHBoxLayout()
        for button in self._openers:
            openers.addWidget(button)

        self._table = _table()
        self._table.itemSelectionChanged.connect(self._on_selection)
        self._table.itemDoubleClicked.connect(self._on_run)

        self._stack = _choice("stack", "Stack", _STACK_LABELS, StudyOptions().stack)
        self._stack.setToolTip("How the tile is stacked. It changes the picture, not the coverage.")
        self._canvas = _choice("canvas", "Canvas", _CANVAS_LABELS, StudyOptions().canvas)
        self._canvas.setToolTip(
            "The pixels that are counted. The margin is a share of the canvas's shorter side, "
            "so a padded one makes it wider."
        )

        self._run = push_button(
            "run",
            "Run",
            "Register the selected cluster's frames, count them, stack the tile.",
            self._on_run,
        )
        self._cancel = push_button(
            "cancel", "Cancel", "Stop what runs (Ctrl+.); nothing of it is kept.", self.cancel_asked
        )
        self._progress = QProgressBar()
        self._progress.setObjectName("progress")
        self._progress.setAccessibleName("Progress")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1)

        self._summary = wrapped_label("summary", _NO_CLUSTER)
        self._summary.setTextFormat(Qt.TextFormat.PlainText)
        self._notes = LowText("notes")
        self._notes.setAccessibleName("Notes")
        self._notes.hide()

        run = QGridLayout()
        for row, choice in enumerate((self._stack, self._canvas)):
            label = QLabel(choice.accessibleName())
            label.setBuddy(choice)
            run.addWidget(label, row, 0)
            run.addWidget(choice, row, 1, 1, 3)
        run.addWidget(self._run, 2, 0)
        run.addWidget(self._progress, 2, 1, 1, 2)
        run.addWidget(self._cancel, 2, 3)
        run.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(openers)
        layout.addWidget(self._table)
        layout.addLayout(run)
        layout.addWidget(self._summary)
        layout.addWidget(self._notes)
        self._enable()

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters in the table, in its order."""
        return list(self._clusters)

    @property
    def selected(self) -> Cluster | None:
        """The cluster that Run would study."""
        row = self._table.currentRow()
        return self._clusters[row] if 0 <= row < len(self._clusters) else None

    @property
    def options(self) -> StudyOptions:
        """How clusters are to be studied."""
        return StudyOptions(stack=self._stack.currentData(), canvas=self._canvas.currentData())

    def set_clusters(self, clusters: Sequence[Cluster]) -> None:
        """Put these clusters in the table and select the first."""
        self._clusters = list(clusters)
        self._gatings = []
        self._table.clearSelection()
        self._table.setRowCount(len(self._clusters))
        for row, cluster in enumerate(self._clusters):
            for column, (text, tooltip) in enumerate(_cells(cluster)):
                item = QTableWidgetItem(text)
                item.setToolTip(tooltip)
                self._table.setItem(row, column, item)
        self._summary.setText(_TO_RUN if self._clusters else _NO_CLUSTER)
        if self._clusters:
            self._table.selectRow(0)
        self._enable()

    def set_gatings(self, gatings: Sequence[Gating]) -> None:
        """Show what ZeMosaic would do with each cluster of the table."""
        self._gatings = list(gatings)
        for row, gating in enumerate(self._gatings):
            item = QTableWidgetItem(_GATED[gating.answer])
            item.setToolTip(f"<p>{gating.reason}</p>")
            if not gating.possible:
                item.setBackground(QColor(LOUD_COLOUR))
                item.setForeground(QColor("#ffffff"))
            self._table.setItem(row, len(_COLUMNS) - 1, item)

    def select(self, cluster: Cluster) -> None:
        """Select a cluster, and put it in the table when it is not there."""
        rows = [row for row, each in enumerate(self._clusters) if each.frames == cluster.frames]
        if not rows:
            self.set_clusters([cluster])
        self._table.selectRow(rows[0] if rows else 0)

    def select_next(self) -> None:
        """Select the next cluster; after the last, the first."""
        self._select_further(1)

    def select_previous(self) -> None:
        """Select the cluster before; before the first, the last."""
        self._select_further(-1)

    def run_selected(self) -> None:
        """Ask for the selected cluster to be studied, if it can be now."""
        self._run.click()

    def cancel_run(self) -> None:
        """Ask what runs to stop."""
        self._cancel.click()

    def ask_for_folder(self) -> str:
        """Let the user choose a folder; return it, empty when none is chosen."""
        folder = QFileDialog.getExistingDirectory(self, "A folder of frames", self._folder)
        self._folder = folder or self._folder
        return folder

    def set_busy(self, text: str) -> None:
        """Show that something runs; `text` says what, empty for nothing."""
        self._busy = bool(text)
        # A bar without an end moves by itself until the first report.
        self._progress.setRange(0, 0 if self._busy else 1)
        self._progress.reset()
        if text:
            self._summary.setText(text)
        self._enable()

    def show_progress(self, done: int, total: int, text: str) -> None:
        """Show how far the run is."""
        self._progress.setRange(0, max(total, 1))
        self._progress.setValue(done)
        self._summary.setText(text)

    def show_summary(self, text: str) -> None:
        """Show one line about what was done."""
        self._summary.setText(text)

    def show_notes(self, notes: Iterable[str]) -> None:
        """Show what is worth knowing about the cluster, a line each."""
        lines = list(dict.fromkeys(notes))
        self._notes.show_text("\n".join(lines))
        self._notes.setVisible(bool(lines))

    def _select_further(self, step: int) -> None:
        count = len(self._clusters)
        if count:
            self._table.selectRow((self._table.currentRow() + step) % count)

    def _enable(self) -> None:
        for button in self._openers:
            button.setEnabled(not self._busy)
        self._run.setEnabled(not self._busy and self.selected is not None)
        self._cancel.setEnabled(self._busy)

    def _on_open_folder(self) -> None:
        folder = self.ask_for_folder()
        if folder:
            self.source_chosen.emit(folder)

    def _on_open_recent(self) -> None:
        below = self._open_recent.rect().bottomLeft()
        self._recent_menu.fill()
        self._recent_menu.popup(self._open_recent.mapToGlobal(below))

    def _on_open_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(
            self, "The frames of one cluster", self._folder, _FRAME_FILES
        )
        if files:
            self._folder = os.path.dirname(files[0])
            self.source_chosen.emit(files)

    def _on_selection(self) -> None:
        cluster = self.selected
        if cluster is not None:
            self.show_notes(notes_of_cluster(cluster))
        self._enable()

    def _on_run(self) -> None:
        cluster = self.selected
        if cluster is not None and not self._busy:
            self.run_asked.emit(cluster, self.options)


def notes_of_cluster(cluster: Cluster) -> list[str]:
    """Return what is known of a cluster before it is studied, a line each."""
    left_out = [f"Left out: {Path(path).name}: {reason}" for path, reason in cluster.left_out]
    left_out += [f"Missing: {Path(path).name}: {reason}" for path, reason in cluster.missing]
    return [*left_out, *cluster.notes]


def notes_of_study(study: ClusterStudy) -> list[str]:
    """Return what is worth knowing of a studied cluster, a line each: left-out frames first."""
    lines = notes_of_cluster(study.cluster)
    for frame, registration in zip(study.cluster.frames, study.registrations, strict=True):
        if registration.method == "failed":
            lines.append(f"Left out: {frame.path.name}: {registration.reason}")
        elif registration.method == "fft":
            lines.append(f"Rescued: {frame.path.name}: {registration.reason}")
    return [*lines, *study.notes]


def _cells(cluster: Cluster) -> list[tuple[str, str]]:
    """Return the text and the tooltip of each column."""
    return [
        (cluster.name, str(cluster.frames[0].path.parent) if cluster.frames else ""),
        (
            str(len(cluster.frames)),
            f"{len(cluster.left_out)} left out, {len(cluster.missing)} missing",
        ),
        (str(len(cluster.nights)), _counted(cluster.nights)),
        (", ".join(str(name or "none") for name in cluster.filters), _counted(cluster.filters)),
        (", ".join(_MOUNTS[each] for each in cluster.mounts), _counted(cluster.mounts)),
        ("", ""),
    ]


def _counted(counts: Mapping[Any, int]) -> str:
    return "\n".join(f"{name or 'unknown'}: {count} frames" for name, count in counts.items())


def _choice(name: str, label: str, choices: Mapping[Any, str], default: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    for value, text in choices.items():
        box.addItem(text, value)
    box.setCurrentIndex(box.findData(default))
    return box


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_COLUMNS))
    table.setObjectName("clusters")
    table.setAccessibleName("Clusters")
    table.setHorizontalHeaderLabels(list(_COLUMNS))
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setFixedHeight(5 * table.fontMetrics().lineSpacing() + 12)
    return table
