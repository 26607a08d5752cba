"""The whole run: what the present thresholds do to each of its clusters, and advice for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.advice import RunAdvice, advise_run
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.ui.advice_text import paragraph, text_of_run_advice
from napari_zecoverage.ui.controls import wrapped_label
from napari_zecoverage.ui.live import LatestWins
from napari_zecoverage.ui.run_table import (
    FRAMES,
    FRINGE,
    LOST,
    MASK,
    NAME,
    SORT_ROLE,
    RunRow,
    RunTable,
)

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.many import StudiedCluster

_NO_CLUSTERS: Final = "Open a run, or a folder of folders of frames: its clusters come here."
_NOT_STUDIED: Final = (
    "One config serves every tile of a run. Study all clusters to see what the thresholds do to "
    "each, and for one advice for all."
)
_OTHER_MARGIN: Final = (
    "These figures are for another margin, decay or strict crop. Study all measures again; the "
    "frames are not aligned anew."
)
_ROWS_SEEN: Final = 8
_AROUND_PX: Final = 14


class _Question(NamedTuple):
    """What the advice for the run is made from."""

    judged: list[JudgedCluster]
    parameters: MaskParameters
    options: AdviceOptions


def _advise(question: _Question) -> RunAdvice:
    return advise_run(question.judged, question.parameters, options=question.options)


class RunPanel(QGroupBox):
    """A table of all clusters under the present thresholds, and one advice for the run.

    It only shows and asks; the dock studies.

    Signals
    -------
    study_all_asked(list of Cluster)
        All clusters of the table are to be studied.
    cancel_asked()
        The studying is to stop.
    cluster_chosen(Cluster)
        A cluster is to be opened.
    parameters_chosen(MaskParameters)
        The advice for the run is taken.
    """

    study_all_asked = Signal(object)
    cancel_asked = Signal()
    cluster_chosen = Signal(object)
    parameters_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Whole run", parent)
        self._parameters = MaskParameters()
        self._options = AdviceOptions()
        self._advice: RunAdvice | None = None
        self._busy = False
        self._may_start = True
        self._table = RunTable(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._table)
        self._sorted.setSortRole(SORT_ROLE)
        self._adviser = LatestWins(_advise, self)
        self._adviser.computed.connect(self._on_advised)

        self._study_all = _button("Study all", "study_all", self._on_study_all)
        self._study_all.setToolTip(
            "Studies every cluster, several at a time, and measures what each threshold does to "
            "it. What was studied before is opened from the cache."
        )
        self._cancel = _button("Cancel", "cancel_all", self._on_cancel)
        self._cancel.setToolTip("Stop; the clusters that are finished stay in the table.")
        self._progress = QProgressBar()
        self._progress.setObjectName("run_progress")
        self._progress.setAccessibleName("Progress of the run")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1)
        self._text = wrapped_label("run_text", _NO_CLUSTERS)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._view = self._made_view()
        self._advice_text = wrapped_label("run_advice", "")
        self._advice_text.setTextFormat(Qt.TextFormat.RichText)
        self._advice_text.hide()
        self._take = _button("Take this advice", "take_run_advice", self._on_take)
        self._take.setToolTip("Sets the three thresholds as advised for the whole run.")
        self._take.hide()

        buttons = QHBoxLayout()
        buttons.addWidget(self._study_all)
        buttons.addWidget(self._progress, 1)
        buttons.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.addLayout(buttons)
        layout.addWidget(self._text)
        layout.addWidget(self._view)
        layout.addWidget(self._advice_text)
        layout.addWidget(self._take)
        self._show_state()

    @property
    def advice(self) -> RunAdvice | None:
        """The advice for the run, once its clusters are studied."""
        return self._advice

    @property
    def studied(self) -> list[StudiedCluster]:
        """What was found in the clusters of the table, as far as they are studied."""
        return [row.studied for row in self._table.rows if row.studied is not None]

    def set_clusters(self, clusters: Sequence[Cluster]) -> None:
        """Put these clusters in the table; what is studied stays so."""
        self._table.set_clusters(clusters)
        self._ask_for_advice()
        self._show_state()

    def add(self, studied: StudiedCluster) -> None:
        """Take what was found in a cluster."""
        self._table.add(studied)
        self._ask_for_advice()
        self._show_state()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        before = self._table.judged
        self._parameters = parameters
        self._table.show_parameters(parameters)
        if self._table.judged != before:
            self._ask_for_advice()
            self._show_state()
        self._show_take()

    def set_advice_options(self, options: AdviceOptions) -> None:
        """Advise with another tolerance."""
        self._options = options
        self._table.set_tolerance(options.tolerance)
        self._ask_for_advice()

    def set_busy(self, text: str) -> None:
        """Show that the run is studied; `text` says how far, empty when it has ended."""
        self._busy = bool(text)
        self._progress.setRange(0, 0 if self._busy else 1)
        self._progress.reset()
        self._ask_for_advice()
        self._show_state()
        if text:
            self._text.setText(text)

    def set_may_start(self, may_start: bool) -> None:
        """Say whether the run can be studied now: not while something else is."""
        self._may_start = may_start
        self._show_state()

    def show_progress(self, done: int, total: int, text: str) -> None:
        """Show how far the run is."""
        self._progress.setRange(0, max(total, 1))
        self._progress.setValue(done)
        self._text.setText(text)

    def show_summary(self, text: str) -> None:
        """Show one line about what was done."""
        self._text.setText(text)

    def stop(self) -> None:
        """Drop what is being thought about: the dock is taken out of its window."""
        self._adviser.forget()

    # --- inside ----------------------------------------------------------------------------

    def _made_view(self) -> QTableView:
        view = QTableView()
        view.setObjectName("run_table")
        view.setAccessibleName("Clusters of the run under the present thresholds")
        view.setModel(self._sorted)
        view.setSortingEnabled(True)
        view.sortByColumn(LOST, Qt.SortOrder.DescendingOrder)
        view.verticalHeader().hide()
        header = view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        # Fixed, because widths that follow the contents are measured anew at every tick.
        widths = ((FRAMES, "Frames"), (LOST, "100.0%"), (FRINGE, "Fringe"), (MASK, "low-signal *"))
        for column, widest in widths:
            view.setColumnWidth(column, view.fontMetrics().horizontalAdvance(widest) + _AROUND_PX)
        # Clusters of one run are told apart by the ends of their names, too.
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setWordWrap(False)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setTabKeyNavigation(False)
        view.verticalHeader().setDefaultSectionSize(view.fontMetrics().lineSpacing() + 6)
        view.activated.connect(self._on_activated)
        return view

    def _on_activated(self, index: QModelIndex) -> None:
        row = self._table.rows[self._sorted.mapToSource(index).row()]
        self.cluster_chosen.emit(row.cluster)

    def _on_study_all(self) -> None:
        self.study_all_asked.emit([row.cluster for row in self._table.rows])

    def _on_cancel(self) -> None:
        self._text.setText("Stopping…")
        self.cancel_asked.emit()

    def _ask_for_advice(self) -> None:
        self._advice = None
        judged = self._table.judged
        if judged and not self._busy:
            self._adviser.submit(_Question(judged, self._parameters, self._options))
        else:
            self._adviser.forget()
        self._show_advice()

    def _on_advised(self, _question: object, result: object) -> None:
        self._advice = result if isinstance(result, RunAdvice) else None
        self._show_advice(str(result) if isinstance(result, Exception) else "")

    def _show_advice(self, trouble: str = "") -> None:
        text = paragraph(trouble) if trouble else ""
        if self._advice is not None:
            text = text_of_run_advice(self._advice)
        self._advice_text.setText(text)
        self._advice_text.setVisible(bool(text))
        self._show_take()

    def _show_take(self) -> None:
        advice = self._advice
        self._take.setVisible(advice is not None)
        self._take.setEnabled(
            advice is not None
            and self._parameters.with_thresholds_of(advice.parameters) != self._parameters
        )

    def _on_take(self) -> None:
        if self._advice is not None:
            # Only what is advised: the rest may have been set otherwise since.
            taken = self._parameters.with_thresholds_of(self._advice.parameters)
            self.parameters_chosen.emit(taken)

    def _show_state(self) -> None:
        rows = self._table.rows
        self._study_all.setEnabled(bool(rows) and self._may_start and not self._busy)
        self._cancel.setEnabled(self._busy)
        self._view.setVisible(bool(rows))
        a_row = self._view.verticalHeader().defaultSectionSize()
        heading = self._view.horizontalHeader().sizeHint().height()
        frame = 2 * self._view.frameWidth()
        self._view.setFixedHeight(heading + min(len(rows), _ROWS_SEEN) * a_row + frame)
        if self._busy:
            return
        studied = [row for row in rows if row.studied is not None]
        if not rows:
            text = _NO_CLUSTERS
        elif not studied:
            text = _NOT_STUDIED
        elif any(row.judged is not None and row.level is None for row in rows):
            text = _OTHER_MARGIN
        else:
            text = _count_in_words(len(rows), len(studied), _failures(studied))
        self._text.setText(text)


def _failures(rows: list[RunRow]) -> int:
    return sum(row.studied is not None and bool(row.studied.error) for row in rows)


def _count_in_words(all_: int, studied: int, failed: int) -> str:
    text = f"{studied} of {all_} cluster{'' if all_ == 1 else 's'} studied"
    return f"{text}, {failed} of them failed." if failed else f"{text}."


def _button(text: str, name: str, slot: Any) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.clicked.connect(slot)
    return button
