"""What is advised, and what settings do, said in words."""

from __future__ import annotations

import math
from typing import Final

from napari_zecoverage.core.best_setting import (
    Choice,
    ServedCluster,
    View,
    excess_of,
    harm_of,
)
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import LevelField, called, opening_as_read
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters

MUCH_LOST: Final = 0.05
"""A cluster that loses more than this share of its field to the others is named."""

MOST_NAMES: Final = 5
"""So many clusters are named in a sentence."""

_HARDLY_ANY: Final = 0.1
"""Where no coverage mask keeps more than this share, no threshold is to blame."""

NOT_KNOWN: Final = "not known"
NOT_MEASURABLE: Final = "not measurable"


# --- figures -------------------------------------------------------------------------------


def exactly(value: float) -> str:
    """Return a number that reads back as the same: near a count of frames a digit decides."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def thresholds_in_words(parameters: MaskParameters) -> str:
    """Return the three thresholds as ZeMosaic calls them."""
    return (
        f"min_coverage_abs {exactly(parameters.min_coverage_abs)}, "
        f"min_coverage_frac {exactly(parameters.min_coverage_frac)}, "
        f"morph_open_px {parameters.morph_open_px}"
    )


def share_in_words(share: float | None, unknown: str = NOT_KNOWN) -> str:
    """Return a share of 0…1 in percent."""
    return unknown if share is None or not math.isfinite(share) else f"{share:.1%}"


def fringe_in_words(fringe: ResidualFringe | None) -> str:
    """Return the fringe that a mask leaves, in ADU and in units of a pixel's noise."""
    if fringe is None or not math.isfinite(fringe.sigmas):
        return NOT_MEASURABLE
    if fringe.step == 0:
        return "none"
    return f"{fringe.step:.3g} ADU ({fringe.sigmas:.2f} × noise)"


# --- one cluster ---------------------------------------------------------------------------


def why_for_cluster(
    view: View, before: Choice, after: Choice, leave: bool, options: AdviceOptions
) -> str:
    """Return the two sentences of an advice for one cluster."""
    judged = view.judged
    if not view.reason:
        return (
            f"No colour step above the tolerance of {options.tolerance:g} × a pixel's noise was "
            "found, whatever a mask would show, so there is nothing to cut. "
            f"ZeMosaic's defaults cost {_part(before.field_lost)} of the field."
        )
    if not view.safe:
        return (
            "There are colour steps to cut, but every threshold trips a guard or lies next to a "
            f"cliff. ZeMosaic's defaults cost {_part(before.field_lost)} of the field."
        )
    level = judged.levels[judged.level_index(after.parameters)]
    within = excess_of(judged, after.level, options) == 0
    first = (
        f"From {_frames(level)} of {judged.maximum:g} on, "
        f"{_left(after.level)} stays visible, {'within' if within else 'above'} the tolerance of "
        f"{options.tolerance:g} × that noise"
    )
    if within:
        first += _one_less(view, after, options)
    else:
        first += "; no setting that is safe brings it lower"
    cost = f"It costs {_part(after.field_lost)} of the field"
    if leave:
        return f"{first}. {cost}; these are ZeMosaic's defaults."
    return (
        f"{first}. {cost}; ZeMosaic's defaults cost {_part(before.field_lost)} and leave "
        f"{_left(before.level)}."
    )


def _one_less(view: View, after: Choice, options: AdviceOptions) -> str:
    """Say what the next milder level would show, where that is why it is not advised."""
    judged = view.judged
    index = judged.level_index(after.parameters) - 1
    milder = judged.fields(after.parameters.morph_open_px)[max(index, 0)]
    if milder.source != "coverage" or excess_of(judged, milder, options) == 0:
        return ""
    level = judged.levels[index]
    milder_one = f"from {_frames(level)} on" if level > 0 else "without a threshold"
    return f"; {milder_one} it would be {_left(milder)}"


def _left(level: LevelField) -> str:
    fringe = level.fringe
    if fringe is None:
        return "no measurable colour step"
    if fringe.step == 0:
        return "no colour step that can be told from noise"
    return f"a colour step of {fringe.step:.3g} ADU ({fringe.sigmas:.2f} × a pixel's noise)"


def _frames(count: float) -> str:
    return f"{count:.4g} {'frame' if count == 1 else 'frames'}"


def _part(share: float) -> str:
    return share_in_words(share, "an unknown part")


def doubts_for_cluster(view: View, before: Choice, after: Choice) -> tuple[str, ...]:
    """Return why an advice for one cluster should not be trusted; empty when there is no doubt."""
    doubts = []
    fringes = [each.fringe for each in view.judged.masks if each.fringe is not None]
    tripped = harm_of(view, before.level)
    kept = [each.hard for each in view.judged.masks if each.source == "coverage"]
    if kept and max(kept) < _HARDLY_ANY:
        doubts.append(
            "Hardly any pixel is opaque whatever the thresholds are: the margin is too wide for "
            "this field, or nanize_threshold too high. Lower margin_percent."
        )
    elif not fringes:
        doubts.append("The fringe is not measurable: leave the defaults.")
    elif not view.reason:
        doubts.append(_nothing_to_gain(view, fringes))
    elif not view.safe:
        doubts.append("No threshold is safe here: leave the defaults.")
    elif view.allowed > 0:
        doubts.append("This is a compromise: a fringe stays visible.")
    if tripped and before.parameters.thresholds == after.parameters.thresholds:
        doubts.append(f"ZeMosaic's defaults trip a guard here: {', '.join(tripped)}.")
    return tuple(doubts)


def _nothing_to_gain(view: View, fringes: list[ResidualFringe]) -> str:
    raw = max((each.raw_step for each in fringes if each.raw_step == each.raw_step), default=0.0)
    step = max(each.step for each in fringes)
    if raw > max(2 * step, view.judged.core_noise):
        return (
            f"Nothing to gain: leave the defaults. Steps of up to {raw:.3g} ADU are repaired when "
            "the frames' backgrounds are matched, so they are no reason to cut."
        )
    return "Nothing to gain: leave the defaults."


# --- words for a run -------------------------------------------------------------------------


def worst_served(
    views: list[View], served: tuple[ServedCluster, ...]
) -> tuple[tuple[str, str], ...]:
    """Return name and reason of each cluster that another setting would serve better."""
    found: list[tuple[int, float, str, str]] = []
    for view, each in zip(views, served, strict=True):
        judged, level = view.judged, each.after.level
        index = judged.level_index(each.after.parameters)
        excess = float(
            view.excess[opening_as_read(each.after.parameters.morph_open_px, judged.maximum)][index]
        )
        extra = each.after.field_lost - each.alone_lost
        harm = harm_of(view, level)
        if level.source != "coverage":
            reason = f"ZeMosaic takes {called(level.source)}"
            found.append((0, -float(judged.covered_px), each.name, reason))
        elif harm:
            found.append((1, -float(judged.covered_px), each.name, ", ".join(harm)))
        elif excess > view.allowed:
            found.append((2, -excess, each.name, f"{_left(level)} stays visible"))
        elif extra > MUCH_LOST:
            reason = f"it loses {extra:.1%} of its field more than with settings of its own"
            found.append((3, -extra, each.name, reason))
    return tuple((name, reason) for *_, name, reason in sorted(found))


def why_for_run(
    views: list[View],
    leave: bool,
    lost_before: float,
    lost_after: float,
) -> str:
    """Return the two sentences of an advice for a run."""
    reasons = sum(view.reason for view in views)
    if not reasons:
        return (
            "No cluster shows a colour step above the tolerance, so there is nothing to cut. "
            f"ZeMosaic's defaults cost {_part(lost_before)} of the field of all clusters."
        )
    clusters = "1 cluster" if len(views) == 1 else f"{len(views)} clusters"
    first = f"{reasons} of {clusters} {'shows' if reasons == 1 else 'show'} colour steps to cut"
    if leave:
        return (
            f"{first}, and ZeMosaic's defaults serve them best together. "
            f"They cost {_part(lost_after)} of the field of all clusters."
        )
    return (
        f"{first}, and these settings serve all best together. They cost {_part(lost_after)} of "
        f"the field of all clusters; ZeMosaic's defaults cost {_part(lost_before)}."
    )


def doubts_for_run(
    views: list[View], served: tuple[ServedCluster, ...], worst: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    """Return what speaks against an advice for a run."""
    unmeasured = [
        view.judged.name for view in views if all(each.fringe is None for each in view.judged.masks)
    ]
    unsafe = [view.judged.name for view in views if not view.safe]
    told = (
        ("The fringe is not measurable in {}.", unmeasured),
        ("Every threshold trips a guard or lies next to a cliff in {}.", unsafe),
        ("Other settings would serve {} better.", [name for name, _ in worst]),
        ("They are this strict for the sake of {}.", _deciding(views, served, worst)),
    )
    return tuple(text.format(_some(names)) for text, names in told if names)


def _deciding(
    views: list[View], served: tuple[ServedCluster, ...], worst: tuple[tuple[str, str], ...]
) -> list[str]:
    """Return the clusters that need what costs others much of their field."""
    named = {name for name, _ in worst}
    if not any(each.after.field_lost - each.alone_lost > MUCH_LOST for each in served):
        return []
    return [
        each.name
        for view, each in zip(views, served, strict=True)
        if view.reason
        and view.safe
        and each.name not in named
        and each.after.field_lost - each.alone_lost < MUCH_LOST / 5
    ]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
