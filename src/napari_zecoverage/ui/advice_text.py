"""Advice as rich text that is taken in at a glance: what to set, figures, reason, doubts."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Final

from napari_zecoverage.core.advice_words import (
    fringe_in_words,
    share_in_words,
    thresholds_in_words,
)

if TYPE_CHECKING:
    from napari_zecoverage.core.advice import Advice, RunAdvice
    from napari_zecoverage.core.best_setting import Choice

_WORST_NAMED: Final = 3


def text_of_advice(advice: Advice) -> str:
    """Return the advice for one cluster."""
    parts = [
        _headline("", advice),
        _figures(advice),
        paragraph(advice.why),
    ]
    if advice.cliff_margin is not None:
        margin = f"{advice.cliff_margin:.1f}".removesuffix(".0")
        parts.append(paragraph(f"The nearest cliff is {margin} frame{'s' * (margin != '1')} away."))
    return "".join([*parts, *_listed("Mind:", advice.doubts)])


def text_of_run_advice(advice: RunAdvice) -> str:
    """Return the advice for a run; of those that it serves worst, the first few."""
    worst = [f"{name}: {reason}." for name, reason in advice.worst[:_WORST_NAMED]]
    more = len(advice.worst) - _WORST_NAMED
    if more > 0:
        worst.append(f"And {more} more that another setting would serve better.")
    parts = [_headline("For the run: ", advice), paragraph(advice.why)]
    parts += _listed("Mind:", advice.doubts)
    return "".join([*parts, *_listed("Served worst:", worst)])


def paragraph(text: str) -> str:
    """Return plain text as a paragraph with a little air above."""
    return _raw_paragraph(escape(text))


def _headline(prefix: str, advice: Advice | RunAdvice) -> str:
    defaults = " (ZeMosaic's defaults)" if advice.leave_defaults else ""
    thresholds = escape(prefix + thresholds_in_words(advice.parameters))
    return _raw_paragraph(f"<b>{thresholds}</b>{defaults}")


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    """Return a title and a point for each line; nothing for no lines."""
    points = [paragraph(f"• {line}") for line in lines]
    return [_raw_paragraph(f"<b>{title}</b>"), *points] if points else []


def _raw_paragraph(rich: str) -> str:
    return f'<p style="margin-top:3px;margin-bottom:0px">{rich}</p>'


def _figures(advice: Advice) -> str:
    """Return a table of what it costs and brings; one line, where nothing is to be changed."""
    choices = {"defaults": advice.before}
    if not advice.leave_defaults:
        choices["advised"] = advice.after
    lines = [("", "field lost", "fringe left", "alpha > 0")]
    lines += [(name, *_cells(choice)) for name, choice in choices.items()]
    rows = "".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines)
    return f'<table style="margin-top:3px" cellspacing="0">{rows}</table>'


def _cells(choice: Choice) -> tuple[str, str, str]:
    stats = choice.level.alpha_stats
    return (
        share_in_words(choice.field_lost),
        fringe_in_words(choice.level.fringe),
        "" if stats is None else share_in_words(stats.nonzero_frac),
    )


def _cell(text: str) -> str:
    return f'<td style="padding-right:10px; white-space:nowrap">{escape(text)}</td>'
