"""The rows of the table of a run's clusters: what the present thresholds do to each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from qtpy.QtGui import QColor, QFont

from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.verdict import LOUD_COLOUR

if TYPE_CHECKING:
    from napari_zecoverage.core.clusters import Cluster
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.levels import LevelField
    from napari_zecoverage.many import StudiedCluster

COLUMNS: Final = ("Cluster", "Frames", "Lost", "Fringe", "Mask")
_TOOLTIPS: Final = (
    "Double-click opens the cluster.",
    "Frames of the cluster.",
    "Share of the covered area that the saved tile would not show.",
    "The worst colour step that stays visible, in units of the core's colour noise of one pixel.",
    "Which mask ZeMosaic would take, and * where it does otherwise than asked.",
)
NAME, FRAMES, LOST, FRINGE, MASK = range(len(COLUMNS))

SORT_ROLE: Final = Qt.ItemDataRole.UserRole
"""What a column is sorted by; whatever has no number comes last."""

_MUCH_LOST: Final = 0.5
"""From this share on the colour of *Lost* is full."""

_MANY_TOLERANCES: Final = 4.0
"""From so many times the tolerance on the colour of *Fringe* is full."""

_WARM: Final = QColor("#d55e00")
_LOUD: Final = QColor(LOUD_COLOUR)
_ON_LOUD: Final = QColor("#ffffff")
_GREY: Final = QColor("#808080")
_FULL_ALPHA: Final = 170

_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT: Final = QModelIndex()


@dataclass(frozen=True)
class RunRow:
    """One cluster of the table.

    Attributes
    ----------
    cluster : Cluster
    studied : StudiedCluster or None
        None as long as it is not studied.
    level : LevelField or None
        What ZeMosaic would do with the present thresholds, where it is known.
    trouble : str
        Why it cannot be judged for other settings; empty when it can, or was not tried.
    """

    cluster: Cluster
    studied: StudiedCluster | None = None
    level: LevelField | None = None
    trouble: str = ""

    @property
    def judged(self) -> JudgedCluster | None:
        """The figures of all its masks."""
        return None if self.studied is None else self.studied.judged

    @property
    def is_outdated(self) -> bool:
        """Whether its figures are those of another margin, decay or strict crop."""
        return self.judged is not None and self.level is None

    @property
    def state(self) -> str:
        """Which mask, or why there is none to tell."""
        if self.level is not None:
            return self.level.source + (" *" if self.level.guards else "")
        if self.studied is None:
            return "not studied"
        if self.studied.error:
            return "failed"
        if self.studied.skipped:
            return "no mask"
        if self.studied.judged is None:
            return "no coverage"
        return "outdated"

    @property
    def reason(self) -> str:
        """More about the state, in words."""
        if self.level is not None:
            return "; ".join(self.level.guards)
        if self.studied is None:
            return "Study all clusters to see what the thresholds do to this one."
        if self.studied.judged is not None:
            again = f" {self.trouble} Press “Study all”." if self.trouble else ""
            return f"Its figures are for another margin, decay or strict crop.{again}"
        return self.studied.error or self.studied.skipped or self.studied.summary

    def following(self, parameters: MaskParameters) -> RunRow:
        """Return the row under other thresholds."""
        judged = self.judged
        level = None if judged is None else judged.at(parameters)
        return self if level == self.level else replace(self, level=level)


class RunTable(QAbstractTableModel):
    """The clusters of a run, and what the thresholds do to each; follows every slider's tick."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: list[RunRow] = []
        self._parameters = MaskParameters()
        self._tolerance = AdviceOptions().tolerance

    @property
    def rows(self) -> tuple[RunRow, ...]:
        """All rows, in the order of the clusters given."""
        return tuple(self._rows)

    @property
    def judged(self) -> list[JudgedCluster]:
        """The figures of those clusters that serve the present margin, decay and strict crop."""
        found = [row.judged for row in self._rows]
        return [each for each in found if each is not None and each.serves(self._parameters)]

    @property
    def are_all_studied(self) -> bool:
        """Whether every cluster was studied, or cannot be."""
        return all(row.studied is not None for row in self._rows)

    @property
    def outdated(self) -> list[StudiedCluster]:
        """Those that can be judged again for the present margin, decay and strict crop."""
        return [
            row.studied
            for row in self._rows
            if row.studied is not None and row.is_outdated and not row.trouble
        ]

    def set_clusters(self, clusters: Sequence[Cluster]) -> None:
        """Put these clusters in the table; those that are studied already stay so."""
        known = {row.cluster.frames: row for row in self._rows}
        self.beginResetModel()
        self._rows = [
            replace(known.get(each.frames, RunRow(each)), cluster=each) for each in clusters
        ]
        self.endResetModel()

    def add(self, studied: StudiedCluster) -> None:
        """Take what was found in a cluster of the table; any other is left aside."""
        for number, row in enumerate(self._rows):
            if row.cluster.frames == studied.cluster.frames:
                self._rows[number] = RunRow(row.cluster, studied).following(self._parameters)
                self._tell(number, number)

    def add_trouble(self, studied: StudiedCluster, trouble: str) -> None:
        """Note why a cluster cannot be judged again: a sentence."""
        for number, row in enumerate(self._rows):
            if row.studied is studied:
                self._rows[number] = replace(row, trouble=trouble)
                self._tell(number, number)

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Show what other thresholds do."""
        self._parameters = parameters
        followed = [row.following(parameters) for row in self._rows]
        changed = [
            number
            for number, (old, new) in enumerate(zip(self._rows, followed, strict=True))
            if old is not new
        ]
        self._rows = followed
        if changed:
            self._tell(changed[0], changed[-1])

    def set_tolerance(self, tolerance: float) -> None:
        """Colour the fringe by another tolerance."""
        self._tolerance = tolerance
        if self._rows:
            self._tell(0, len(self._rows) - 1)

    def _tell(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    # --- what Qt asks ----------------------------------------------------------------------

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """Return the number of clusters."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title and what it means."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return _TOOLTIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, is sorted by, and is coloured with."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == SORT_ROLE:
            return _sorted_by(row, column)
        if role == Qt.ItemDataRole.BackgroundRole:
            return self._background(row, column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._foreground(row, column)
        if role == Qt.ItemDataRole.FontRole and row.is_outdated:
            return _italic()
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (FRAMES, LOST, FRINGE):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _foreground(self, row: RunRow, column: int) -> QColor | None:
        if row.is_outdated:
            return _GREY
        return _ON_LOUD if column == MASK and _is_loud(row) else None

    def _background(self, row: RunRow, column: int) -> QColor | None:
        if column == MASK:
            return _LOUD if _is_loud(row) else None
        if column == LOST:
            strength = _lost(row) / _MUCH_LOST
        elif column == FRINGE:
            # Within the tolerance there is nothing to see.
            over = _fringe(row) / self._tolerance
            strength = over / _MANY_TOLERANCES if over > 1 else 0.0
        else:
            return None
        if not strength > 0:
            return None
        colour = QColor(_WARM)
        colour.setAlpha(round(_FULL_ALPHA * min(1.0, strength)))
        return colour


def _italic() -> QFont:
    font = QFont()
    font.setItalic(True)
    return font


def _lost(row: RunRow) -> float:
    return math.nan if row.level is None else 1.0 - row.level.hard


def _fringe(row: RunRow) -> float:
    known = row.level is not None and row.level.fringe is not None
    return row.level.fringe.sigmas if known else math.nan


def _is_loud(row: RunRow) -> bool:
    """Return whether ZeMosaic would not take the coverage mask, or the cluster failed."""
    if row.level is not None:
        return row.level.source != "coverage"
    return row.studied is not None and bool(row.studied.error)


def _text(row: RunRow, column: int) -> str:
    if column == NAME:
        return row.cluster.name
    if column == FRAMES:
        return str(len(row.cluster.frames))
    if column == MASK:
        return row.state
    value = _lost(row) if column == LOST else _fringe(row)
    if math.isnan(value):
        return "" if row.level is None else "–"
    return f"{value:.1%}" if column == LOST else f"{value:.2f}"


def _sorted_by(row: RunRow, column: int) -> str | float:
    if column == NAME:
        return row.cluster.name.casefold()
    if column == FRAMES:
        return float(len(row.cluster.frames))
    if column == MASK:
        return row.state
    value = _lost(row) if column == LOST else _fringe(row)
    return -1.0 if math.isnan(value) else value


def _tooltip(row: RunRow, column: int) -> str | None:
    if column == MASK:
        return row.reason or None
    if column == FRINGE and row.level is not None:
        fringe = row.level.fringe
        if fringe is None:
            return "Not measurable, or nothing that was measured stays visible."
        return (
            f"{fringe.step:.2f} ± {fringe.error:.2f} ADU where {fringe.count:g} frames overlap, "
            f"{fringe.area_px} px of it visible"
        )
    if column == NAME:
        summary = "" if row.studied is None else row.studied.summary
        return "\n".join(filter(None, [row.cluster.name, summary]))
    return None
