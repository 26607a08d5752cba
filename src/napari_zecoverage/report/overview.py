"""What a report says first: what to do, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from napari_zecoverage.core.advice import Advice, RunAdvice, lost_together
from napari_zecoverage.core.advice_words import share_in_words
from napari_zecoverage.core.levels import is_coloured
from napari_zecoverage.core.parameters import CONFIG_PREFIX, MaskParameters
from napari_zecoverage.report.document import Block, Bullets, Headline, Paragraph, Section
from napari_zecoverage.report.findings import ClusterFindings
from napari_zecoverage.report.subject import Subject
from napari_zecoverage.report.words import (
    MASKS,
    NOISE,
    lost_words,
    noise_words,
    number,
    setting,
    thresholds,
)
from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST, CONFIG_NAME


def overview(subject: Subject, own: ClusterFindings | None) -> Section:
    """Return what to do, the main figures, and the advice.

    Parameters
    ----------
    subject : Subject
    own : ClusterFindings or None
        The one cluster that the report is of; None for a run.
    """
    blocks: list[Block | Section] = [*_what_to_do(subject)]
    if own is not None:
        blocks += _headline_of_cluster(own, subject)
        if own.summary:
            blocks.append(Paragraph(own.summary))
        if own.trouble:
            blocks.append(Paragraph(own.trouble, "loud"))
        blocks += _advice_blocks(own.advice, subject.chosen)
    else:
        blocks.append(_headline_of_run(subject))
        blocks += _run_advice_blocks(subject)
    return Section("At a glance", "overview", tuple(blocks))


def _what_to_do(subject: Subject) -> list[Block]:
    """Say which keys of ZeMosaic's config to set, and how; nothing where nothing was found."""
    if all(each.chosen is None for each in subject.clusters):
        return []
    chosen, defaults = subject.chosen, MaskParameters()
    others = [
        each.name
        for each in fields(MaskParameters)
        if each.name not in (*_THRESHOLDS, "notes")
        and getattr(chosen, each.name) != getattr(defaults, each.name)
    ]
    if not others and chosen.thresholds == defaults.thresholds:
        words = f"nothing, where ZeMosaic's config ({CONFIG_NAME}) has ZeMosaic's defaults"
    else:
        words = f"set these keys in ZeMosaic's config ({CONFIG_NAME})"
    blocks: list[Block] = [
        Paragraph(f"What to do: {words}.", "good"),
        Bullets(
            tuple(
                f"{CONFIG_PREFIX}{name}: {_with_default(chosen, defaults, name)}"
                for name in (*_THRESHOLDS, *others)
            ),
            "good",
        ),
        Paragraph(
            "The window's Export writes them, and so does zecoverage export; both keep the config "
            f"as it was, too. {CLOSE_ZEMOSAIC_FIRST} Whether ZeMosaic heeds these keys, "
            "zecoverage doctor tells."
        ),
    ]
    if not subject.is_run:
        blocks.append(
            Paragraph(
                "One config serves all clusters of a run: look at the others before (Whole run in "
                "the window, or zecoverage run)."
            )
        )
    return blocks


_THRESHOLDS: Final = ("min_coverage_abs", "min_coverage_frac", "morph_open_px")


def _with_default(chosen: MaskParameters, defaults: MaskParameters, name: str) -> str:
    value, default = getattr(chosen, name), getattr(defaults, name)
    if value == default:
        return f"{setting(value)}, as ZeMosaic has it by default"
    return f"{setting(value)} (ZeMosaic's default: {setting(default)})"


def _headline_of_cluster(own: ClusterFindings, subject: Subject) -> list[Block]:
    tolerance = subject.advice_options.tolerance
    items = [("Chosen thresholds", thresholds(subject.chosen), _same_as(subject.chosen, own))]
    choice, other = own.chosen, own.before
    if choice is not None and other is not None:
        items += [
            (
                "Field lost",
                lost_words(choice.level),
                f"with ZeMosaic's defaults {lost_words(other.level)}",
            ),
            (
                "Fringe left, × a pixel's noise",
                noise_words(choice.level.fringe),
                f"with the defaults {noise_words(other.level.fringe)}; tolerated {tolerance:g} ×",
            ),
            ("Mask", *_mask_words(choice.level.source)),
        ]
    return [Headline(tuple(items))]


def _mask_words(source: str) -> tuple[str, str]:
    if source == "coverage":
        return "coverage", "the thresholds act"
    what, _, rest = MASKS[source].partition(": ")
    return what, rest


def _same_as(chosen: MaskParameters, own: ClusterFindings) -> str:
    if own.advice is not None and chosen == own.advice.parameters:
        return "ZeMosaic's defaults, as advised" if own.advice.leave_defaults else "as advised"
    return "ZeMosaic's defaults" if chosen == MaskParameters() else ""


def _headline_of_run(subject: Subject) -> Headline:
    studied = [each for each in subject.clusters if each.chosen is not None]
    others = sum(not each.is_studied for each in subject.clusters)
    tolerance = subject.advice_options.tolerance
    before, after = (_lost_together(studied, which) for which in ("before", "chosen"))
    over = [
        each
        for each in studied
        if each.chosen is not None and is_coloured(each.chosen.level, tolerance)
    ]
    advised = subject.advice is not None and subject.chosen == subject.advice.parameters
    return Headline(
        (
            ("Chosen thresholds", thresholds(subject.chosen), "as advised" if advised else ""),
            (
                "Clusters",
                str(len(subject.clusters)),
                f"{others} of them not studied" if others else "all studied",
            ),
            (
                "Field lost, all together",
                share_in_words(after),
                f"with ZeMosaic's defaults {share_in_words(before)}",
            ),
            (
                "Clusters with a visible fringe",
                f"{len(over)} of {len(studied)}",
                f"more than {tolerance:g} {NOISE} is left",
            ),
        )
    )


def _lost_together(studied: Sequence[ClusterFindings], which: str) -> float:
    """Return the share that all lose together, each weighted by what it covers."""
    known = [
        (each.judged.covered_px, 1 - choice.level.hard)
        for each in studied
        if each.judged is not None and (choice := getattr(each, which)) is not None
    ]
    return lost_together((area for area, _ in known), (lost for _, lost in known))


def _advice_blocks(advice: Advice | None, chosen: MaskParameters) -> list[Block]:
    if advice is None:
        return [Paragraph("No thresholds are advised: there is no coverage to judge.", "quiet")]
    blocks = _why("Advised", advice, chosen)
    if advice.cliff_margin is not None:
        blocks.append(
            Paragraph(
                f"The nearest place where a small step changes the mask is "
                f"{number(advice.cliff_margin)} frames away from the advised threshold."
            )
        )
    if advice.doubts:
        blocks += [Paragraph("Doubts:", "loud"), Bullets(advice.doubts, "loud")]
    return blocks


def _why(advised: str, advice: Advice | RunAdvice, chosen: MaskParameters) -> list[Block]:
    """Say why what was chosen is advised, or what else is."""
    if chosen == advice.parameters:
        return [Paragraph(f"Why: {advice.why}")]
    return [
        Paragraph("The chosen thresholds are not those that are advised.", "loud"),
        Paragraph(f"{advised}: {thresholds(advice.parameters)}. {advice.why}", "good"),
    ]


def _run_advice_blocks(subject: Subject) -> list[Block]:
    advice = subject.advice
    if advice is None:
        return [Paragraph("No thresholds are advised: no cluster could be judged.", "loud")]
    blocks = _why("Advised for all clusters", advice, subject.chosen)
    if advice.doubts:
        blocks += [Paragraph("Doubts:", "loud"), Bullets(advice.doubts, "loud")]
    if advice.worst:
        blocks += [
            Paragraph("One setting serves every tile of a run. These clusters it serves worst:"),
            Bullets(tuple(f"{name}: {reason}" for name, reason in advice.worst)),
        ]
    return blocks
