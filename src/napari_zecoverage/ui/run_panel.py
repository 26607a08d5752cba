"""The whole run: what the present thresholds do to each of its clusters, and advice for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.advice import RunAdvice, advise_run
from napari_zecoverage.core.cache import StudyFileError
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.core.plural import counted
from napari_zecoverage.ui.advice_text import paragraph, text_of_run_advice
from napari_zecoverage.ui.controls import push_button, wrapped_label
from napari_zecoverage.ui.live import LatestWins
from napari_zecoverage.ui.run_judging import RunJudging
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
_OUTDATED: Final = (
    "{} outdated: the figures are for another margin, decay or strict crop. Study all brings new "
    "ones; what is in the cache is not aligned anew."
)
_SHOWN_AGAIN: Final = "The cluster that is shown is measured again."
_MEASURED_AGAIN: Final = (
    "Margin, decay or strict crop were moved: the clusters are measured again while the sliders "
    "rest, {} of {} so far."
)
_STUDY_GONE: Final = "Its study is not in the cache any more."
_ROWS_SEEN: Final = 8
_AROUND_PX: Final = 14


_ADVICE_NEEDS_ALL: Final = "An advice for the run needs all of them: press “Study all”."


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
        self._shown: Cluster | None = None
        self._table = RunTable(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._table)
        self._sorted.setSortRole(SORT_ROLE)
        self._adviser = LatestWins(_advise, self)
        self._adviser.computed.connect(self._on_advised)
        self._judging = RunJudging(self)
        self._judging.judged.connect(self._on_judged_again)
        self._judging.failed.connect(self._on_not_judged_again)

        self._study_all = push_button(
            "study_all",
            "Study all",
            "Studies every cluster, several at a time, and measures what each threshold does to "
            "it. What was studied before is opened from the cache.",
            self._on_study_all,
        )
        self._cancel = push_button(
            "cancel_all",
            "Cancel",
            "Stop; the clusters that are finished stay in the table.",
            self._on_cancel,
        )
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
        self._take = push_button(
            "take_run_advice",
            "Take this advice",
            "Sets the three thresholds as advised for the whole run.",
            self._on_take,
        )
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
        self._judge_outdated()
        self._ask_for_advice()
        self._show_state()

    def set_shown(self, cluster: Cluster) -> None:
        """Leave it to others to judge this one again: it is shown, and they `add` it then."""
        self._shown = cluster
        self._judge_outdated()
        self._show_state()

    def add(self, studied: StudiedCluster) -> None:
        """Take what was found in a cluster."""
        self._table.add(studied)
        self._judge_outdated()
        self._ask_for_advice()
        self._show_state()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        before = self._table.judged, self._judging.running
        self._parameters = parameters
        self._table.show_parameters(parameters)
        self._judge_outdated()
        if (self._table.judged, self._judging.running) != before:
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
        self._judge_outdated()
        self._ask_for_advice()
        self._show_state()
        if text:
            self._text.setText(text)

    def set_may_start(self, may_start: bool) -> None:
        """Say whether the run can be studied now: not while something else is."""
        self._may_start = may_start
        self._judge_outdated()
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
        self._judging.stop()

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
        if self._busy:
            self._text.setText("Stopping…")
            self.cancel_asked.emit()
        else:
            self._judging.stop()
            self._ask_for_advice()
            self._show_state()

    # --- judging again -----------------------------------------------------------------

    def _judge_outdated(self) -> None:
        """Have judged what is outdated, unless something else is at work, which goes first."""
        is_free = self._may_start and not self._busy
        shown = None if self._shown is None else self._shown.frames
        others = [each for each in self._table.outdated if each.cluster.frames != shown]
        self._judging.follow(others if is_free else [], self._parameters)

    def _on_judged_again(self, studied: StudiedCluster) -> None:
        self._table.add(studied)
        self._after_judging()

    def _on_not_judged_again(self, studied: StudiedCluster, error: Exception) -> None:
        is_gone = isinstance(error, StudyFileError)
        self._table.add_trouble(studied, _STUDY_GONE if is_gone else f"It failed: {error}.")
        self._after_judging()

    def _after_judging(self) -> None:
        self._ask_for_advice()
        self._show_state()

    # --- advice ------------------------------------------------------------------------

    def _ask_for_advice(self) -> None:
        self._advice = None
        judged = self._table.judged
        # An advice for some of the clusters would be taken for one for all.
        are_all_known = self._table.are_all_studied and not self._table.outdated
        if judged and are_all_known and not self._busy:
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
        self._cancel.setEnabled(self._busy or self._judging.running)
        self._view.setVisible(bool(rows))
        a_row = self._view.verticalHeader().defaultSectionSize()
        heading = self._view.horizontalHeader().sizeHint().height()
        frame = 2 * self._view.frameWidth()
        self._view.setFixedHeight(heading + min(len(rows), _ROWS_SEEN) * a_row + frame)
        if self._busy:
            return
        judging = self._judging
        self._progress.setRange(0, judging.total if judging.running else 1)
        if judging.running:
            self._progress.setValue(judging.done)
            self._text.setText(_MEASURED_AGAIN.format(judging.done, judging.total))
        else:
            self._progress.reset()
            self._text.setText(_state_in_words(rows, self._shown))


def _state_in_words(rows: Sequence[RunRow], shown: Cluster | None) -> str:
    studied = [row.studied for row in rows if row.studied is not None]
    if not rows:
        return _NO_CLUSTERS
    if not studied:
        return _NOT_STUDIED
    outdated = [row.cluster.frames for row in rows if row.is_outdated]
    if shown is not None and outdated == [shown.frames]:
        return _SHOWN_AGAIN
    if outdated:
        return _OUTDATED.format(counted(len(outdated), "cluster"))
    failed = sum(bool(each.error) for each in studied)
    text = f"{len(studied)} of {counted(len(rows), 'cluster')} studied"
    text = f"{text}, {failed} of them failed." if failed else f"{text}."
    return text if len(studied) == len(rows) else f"{text} {_ADVICE_NEEDS_ALL}"
