"""The thresholds, and what ZeMosaic would do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.parameters import (
    CONFIG_PREFIX,
    Limits,
    MaskParameters,
    limits_of,
)
from napari_zecoverage.ui.controls import (
    LOUD,
    ChangingWords,
    NumberControl,
    push_button,
    wrapped_label,
)
from napari_zecoverage.ui.history import History
from napari_zecoverage.verdict import Hint, Verdict, hints_of

# Called as in ZeMosaic's config, so that what ZeMosaic says of them is understood.
_LABELS: Final = {
    "min_coverage_abs": "min_coverage_abs",
    "min_coverage_frac": "min_coverage_frac",
    "morph_open_px": "morph_open_px",
    "margin_percent": "margin_percent",
    "decay": "decay",
    "nanize_threshold": "nanize_threshold",
}
# After which control each hint stands.
_HINT_AFTER: Final = {
    "min_coverage_frac": "min_coverage",
    "morph_open_px": "morph_open_px",
    "decay": "margin",
    "nanize_threshold": "nanize_threshold",
}
_TONES: Final = {"plain": "", "idle": "font-style: italic", "loud": LOUD}
_RULES: Final = {
    "min_coverage_abs": "ZeMosaic keeps a pixel from max(abs, frac × the most frames on a pixel) "
    "on. With at most 6 frames on a pixel it lowers an abs that asks for all of them.",
    "min_coverage_frac": "ZeMosaic keeps a pixel from max(abs, frac × the most frames on a pixel) "
    "on. Too strict a share makes it fall back to another mask.",
    "morph_open_px": "A binary opening: 0 none, 1 the cross of 5 px, 2 and more the 3×3 square, "
    "whatever the number. With at most 3 frames on a pixel, 1 is the most. An opening that would "
    "leave nothing is left out.",
    "margin_percent": "Alpha rises from 0 to 1 over this width, from the rim of what is kept "
    "inwards. The saved tile knows only yes (alpha from 0.5 on) or no: with decay it is one "
    "inset, ceil(margin in px × 0.5^decay) − 1 px.",
    "decay": "Alpha is (distance / margin in px)^(1 / decay). The saved tile knows only yes or "
    "no: with the margin it is one inset.",
    "nanize_threshold": "Where alpha is at or below this, ZeMosaic empties the pixels. Opaque they "
    "are from alpha 0.5 on, so below 0.5 nothing changes, and above it black pixels stay visible.",
}
_STRICT_CROP: Final = "strict_overlap_crop_enabled"
_NO_CLUSTER: Final = "Run a cluster to see what ZeMosaic would do with these thresholds."
_BY_HAND: Final = "set by hand"
DEFAULTS_PRESET: Final = "ZeMosaic's defaults"
ADVICE_PRESET: Final = "advice"


class ThresholdPanel(QGroupBox):
    """Presets, undo, redo and reset, a slider for each threshold, and the verdict.

    The parameters are kept whole: what has no control, and digits that a field
    does not show, stay as they were given until that field is moved.

    Signals
    -------
    parameters_changed(MaskParameters)
        By hand, by a preset, by undo or redo, or by `set_parameters`.
    """

    parameters_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Thresholds", parent)
        self._history = History(MaskParameters())
        self._presets: dict[str, MaskParameters] = {}
        self._controls: dict[str, NumberControl] = {}
        self._hints: dict[str, QLabel] = {}
        self._is_judged = False

        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(3)
        for name, text in _LABELS.items():
            self._add_control(grid, name, text)
            if name in _HINT_AFTER:
                self._add_hint(grid, _HINT_AFTER[name])
        self._strict_crop = _strict_crop_box()
        self._strict_crop.toggled.connect(self._on_strict_crop)
        grid.addWidget(self._strict_crop, grid.rowCount(), 0, 1, 2)

        self._verdict = wrapped_label("verdict", _NO_CLUSTER)
        self._verdict.setToolTip(
            "Hard: the share of the covered area that is not opaque in the saved tile.\n"
            "Soft: the mean of 1 − alpha over it; what is cut off counts as lost."
        )

        layout = QVBoxLayout(self)
        layout.addLayout(self._ways_back())
        layout.addLayout(grid)
        layout.addWidget(ChangingWords(self._verdict))
        self.set_preset(DEFAULTS_PRESET, MaskParameters())
        self._show_hints(hints_of(self.parameters))

    @property
    def parameters(self) -> MaskParameters:
        """The thresholds as they stand."""
        return self._history.present

    def set_parameters(self, parameters: MaskParameters, gesture: object = None) -> None:
        """Take other thresholds, all at once: one step to undo.

        Parameters
        ----------
        parameters : MaskParameters
        gesture : object, optional
            All that comes of one gesture, such as a drag in a plot, is one step.
        """
        before = self.parameters
        self._history.record(parameters, gesture)
        self._show(self.parameters)
        if self.parameters != before:
            self._tell()

    def set_preset(self, name: str, parameters: MaskParameters | None) -> None:
        """Offer thresholds under a name, or with None not any more."""
        self._presets.pop(name, None)
        if parameters is not None:
            self._presets[name] = parameters
        with QSignalBlocker(self._preset):
            self._preset.clear()
            self._preset.addItems([_BY_HAND, *self._presets])
        self._show(self.parameters)

    def set_coverage_maximum(self, frames: float) -> None:
        """Let the slider for the frames end at the best-covered pixel's count."""
        self._controls["min_coverage_abs"].set_slider_maximum(max(1.0, frames))

    def show_verdict(self, verdict: Verdict) -> None:
        """Say what ZeMosaic would do, and beside the controls what they do."""
        self._is_judged = True
        self._verdict.setText(verdict.html())
        self._show_hints(verdict.hints)

    def undo(self) -> None:
        """Go back to the thresholds before the last change."""
        self._go_to(self._history.undo)

    def redo(self) -> None:
        """Take back the last undo."""
        self._go_to(self._history.redo)

    def _ways_back(self) -> QHBoxLayout:
        self._preset = QComboBox()
        self._preset.setObjectName("preset")
        self._preset.setAccessibleName("Preset")
        self._preset.setToolTip(
            "Thresholds to begin with: ZeMosaic's defaults, what the config of Export says, or "
            "the advice."
        )
        self._preset.textActivated.connect(self._on_preset)
        self._undo = push_button(
            "undo",
            "↶",
            "Undo (Ctrl+Z in this dock). A drag is one step.",
            self.undo,
            accessible_name="Undo a change of thresholds",
        )
        self._redo = push_button(
            "redo",
            "↷",
            "Redo (Ctrl+Shift+Z in this dock).",
            self.redo,
            accessible_name="Redo a change of thresholds",
        )
        self._reset = push_button(
            "reset",
            "Reset",
            "Back to ZeMosaic's defaults; can be undone.",
            self._on_reset,
            accessible_name="Reset the thresholds",
        )
        for button in (self._undo, self._redo):
            button.setFixedWidth(36)
        row = QHBoxLayout()
        row.addWidget(self._preset, 1)
        for button in (self._undo, self._redo, self._reset):
            row.addWidget(button)
        return row

    def _add_control(self, grid: QGridLayout, name: str, text: str) -> None:
        limits = limits_of(MaskParameters, name)
        assert limits is not None  # every name above is a number
        control = NumberControl(name, limits)
        control.valueChanged.connect(self._on_value)
        label = QLabel(text)
        label.setBuddy(control)
        tooltip = _tooltip(name, limits)
        for widget in (label, control):
            widget.setToolTip(tooltip)
        control.set_accessible_name(text)
        self._controls[name] = control
        row = grid.rowCount()
        grid.addWidget(label, row, 0)
        grid.addWidget(control, row, 1)

    def _add_hint(self, grid: QGridLayout, name: str) -> None:
        """Add a line under a control; always one, so that no slider moves under the hand."""
        label = wrapped_label(f"hint_{name}", "")
        label.setWordWrap(False)
        label.setContentsMargins(8, 1, 4, 1)
        self._hints[name] = label
        grid.addWidget(ChangingWords(label), grid.rowCount(), 0, 1, 2)

    def _show_hints(self, hints: Mapping[str, Hint]) -> None:
        for name, hint in hints.items():
            label = self._hints[name]
            if label.text() != hint.text:
                label.setText(hint.text)
                label.setToolTip(hint.text)
            if label.styleSheet() != _TONES[hint.tone]:
                label.setStyleSheet(_TONES[hint.tone])

    def _show(self, parameters: MaskParameters) -> None:
        for name, control in self._controls.items():
            with QSignalBlocker(control):
                control.setValue(getattr(parameters, name))
        with QSignalBlocker(self._strict_crop):
            self._strict_crop.setChecked(parameters.strict_overlap_crop_enabled)
        self._show_ways_back()

    def _show_ways_back(self) -> None:
        self._undo.setEnabled(self._history.can_undo)
        self._redo.setEnabled(self._history.can_redo)
        names = [name for name, each in self._presets.items() if each == self.parameters]
        # Of equal presets, the one that was chosen stays.
        if self._preset.currentText() not in names:
            with QSignalBlocker(self._preset):
                self._preset.setCurrentText(names[0] if names else _BY_HAND)

    def _on_value(self, value: float) -> None:
        control = self.sender()
        assert isinstance(control, NumberControl)
        name = control.objectName()
        whole = isinstance(getattr(self.parameters, name), int)
        changed = replace(self.parameters, **{name: int(value) if whole else value})
        self._history.record(changed, control.gesture)
        self._show_ways_back()
        self._tell()

    def _on_strict_crop(self, enabled: bool) -> None:
        self.set_parameters(replace(self.parameters, **{_STRICT_CROP: enabled}))

    def _on_preset(self, name: str) -> None:
        if name in self._presets:
            self.set_parameters(self._presets[name])
        self._show_ways_back()

    def _on_reset(self) -> None:
        self.set_parameters(MaskParameters())

    def _go_to(self, step: Callable[[], MaskParameters]) -> None:
        before = self.parameters
        self._show(step())
        if self.parameters != before:
            self._tell()

    def _tell(self) -> None:
        # With a cluster the hints come with its verdict, which knows more.
        if not self._is_judged:
            self._show_hints(hints_of(self.parameters))
        self.parameters_changed.emit(self.parameters)


def _tooltip(name: str, limits: Limits) -> str:
    upper = f"…{limits.maximum:g}" if limits.maximum < 1e9 else " and more"
    default = getattr(MaskParameters(), name)
    # Paragraphs, so that Qt breaks the lines.
    return (
        f"<p>{limits.meaning}</p><p>{_RULES[name]}</p>"
        f"<p><b>{CONFIG_PREFIX}{name}</b>: {limits.minimum:g}{upper} "
        f"{limits.unit or '(no unit)'}; ZeMosaic's default is {default:g}.</p>"
    )


def _strict_crop_box() -> QCheckBox:
    box = QCheckBox("strict_overlap_crop")
    box.setObjectName(_STRICT_CROP)
    box.setAccessibleName(box.text())
    defaults = MaskParameters()
    box.setToolTip(
        "<p>Crops the tile to the rectangle round its well-covered core: every pixel of alpha "
        f"{defaults.strict_overlap_crop_alpha_threshold:g} and more, and "
        f"{defaults.strict_overlap_crop_bbox_pad_px} px round it.</p>"
        "<p>ZeMosaic leaves it out when the core is less than "
        f"{defaults.strict_overlap_crop_min_nonzero_frac:.0%} of the tile, or a side would be "
        f"shorter than {defaults.strict_overlap_crop_min_size_px} px.</p>"
        f"<p><b>{CONFIG_PREFIX}{_STRICT_CROP}</b>: ZeMosaic's default is on.</p>"
    )
    return box
