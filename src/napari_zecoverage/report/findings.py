"""What is known of one cluster of a report: figures, words and pictures, but no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from napari_zecoverage.core.fringe import CountFringe, Fringe
from napari_zecoverage.core.judged import JudgedCluster, judge, judge_with_fringe
from napari_zecoverage.core.levels import LevelField, field_of, threshold_of_level
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.core.studied import ClusterStudy, StopCallback
from napari_zecoverage.report.cluster_pictures import (
    Drawing,
    Sizes,
    draw_counts,
    draw_judged,
    draw_maps,
    draw_tiles,
)
from napari_zecoverage.report.document import Picture
from napari_zecoverage.report.threshold_charts import Mark

if TYPE_CHECKING:
    from napari_zecoverage.core.advice import Advice
    from napari_zecoverage.core.clusters import Cluster

DEFAULTS_NAME: Final = "ZeMosaic's defaults"
CHOSEN_NAME: Final = "chosen"
ADVISED_NAME: Final = "advised"


class Choice(NamedTuple):
    """What given thresholds do to a cluster.

    Attributes
    ----------
    name : str
        For people.
    parameters : MaskParameters
    level : LevelField
        Which mask, what it keeps, what fringe it leaves, which guards fired.
    threshold : float
        Frames that coverage is compared with; NaN when it is not used.
    saved_shape : (int, int) or None
        Height and width of the saved tile; None where it is not known.
    notes : tuple of str
        Each guard that fired, in words.
    """

    name: str
    parameters: MaskParameters
    level: LevelField
    threshold: float
    saved_shape: tuple[int, int] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ClusterFindings:
    """What is known of one cluster.

    Attributes
    ----------
    number : int
        From 1; names its pictures and its place in the report.
    cluster : Cluster
    study : ClusterStudy or None
        Without coverage and tile; None when there is none any more.
    summary : str
        One line; empty when the cluster was not studied.
    trouble : str
        Why it was not studied; empty when it was.
    skipped : bool
        ZeMosaic makes no coverage of it, so there was nothing to study.
    notes : tuple of str
    before, chosen : Choice or None
        With ZeMosaic's defaults, and with the chosen thresholds.
    advised : Choice or None
        What the advice for this cluster alone gives.
    counts : tuple of CountFringe
    core_count, core_noise : float
        Frames, and ADU; NaN where there is no core.
    judged : JudgedCluster or None
    advice : Advice or None
    pictures : dict of str to Picture
        By kind: what their files are named after the number.
    """

    number: int
    cluster: Cluster
    study: ClusterStudy | None = None
    summary: str = ""
    trouble: str = ""
    skipped: bool = False
    notes: tuple[str, ...] = ()
    before: Choice | None = None
    chosen: Choice | None = None
    advised: Choice | None = None
    counts: tuple[CountFringe, ...] = ()
    core_count: float = math.nan
    core_noise: float = math.nan
    judged: JudgedCluster | None = None
    advice: Advice | None = None
    pictures: dict[str, Picture] | None = None

    @property
    def anchor(self) -> str:
        """Where it stands in the report."""
        return f"cluster-{self.number}"

    @property
    def is_studied(self) -> bool:
        """Whether it was studied, be it for other settings than the chosen ones."""
        return self.study is not None or self.judged is not None


class Known(NamedTuple):
    """What of a cluster was found before the report; the rest is made."""

    fringe: Fringe | None = None
    counts: tuple[CountFringe, ...] = ()
    judged: JudgedCluster | None = None
    advice: Advice | None = None


def find_out(
    number: int,
    study: ClusterStudy,
    parameters: MaskParameters | None,
    options: AdviceOptions,
    known: Known,
    folder: Path,
    sizes: Sizes,
    should_stop: StopCallback,
) -> ClusterFindings:
    """Find out what a report says of a studied cluster, and draw its pictures.

    Parameters
    ----------
    number : int
    study : ClusterStudy
    parameters : MaskParameters or None
        The chosen ones; None for those that this cluster's advice gives.
    options : AdviceOptions
    known : Known
    folder : Path
        The pictures go into its folder `PICTURES_NAME`.
    sizes : Sizes
    should_stop : callable

    Raises
    ------
    StudyCancelledError
        `should_stop` said so.
    """
    notes = [*study.cluster.notes, *study.notes]
    base = parameters or MaskParameters()
    fringe, judged, advice = known.fringe, known.judged, known.advice
    if fringe is None and study.tile is not None and study.coverage is not None:
        fringe, judged = judge_with_fringe(study, base, should_stop=should_stop)
    if fringe is None:
        notes.append("The fringe was not measured: it needs a tile and a coverage.")
    else:
        notes += fringe.notes
    if study.coverage is not None:
        if judged is None or not judged.serves(base):
            judged = judge(study, base, fringe=fringe, should_stop=should_stop)
        # What was advised for another margin is not to be told beside these figures.
        if advice is None or known.judged is None or not known.judged.serves(base):
            from napari_zecoverage.core.advice import advise_judged

            advice = advise_judged(judged, base, options=options)
    chosen_parameters = parameters or (MaskParameters() if advice is None else advice.parameters)
    outcomes = {
        DEFAULTS_NAME: apply_mask(study, MaskParameters(), fringe=fringe),
        CHOSEN_NAME: apply_mask(study, chosen_parameters, fringe=fringe),
    }
    choices = {name: choice_of_outcome(name, outcome) for name, outcome in outcomes.items()}
    advised = None
    if advice is not None and advice.parameters == chosen_parameters:
        advised = choices[CHOSEN_NAME]._replace(name=ADVISED_NAME)
    elif advice is not None:
        outcome = apply_mask(study, advice.parameters, fringe=fringe)
        advised = choice_of_outcome(ADVISED_NAME, outcome)
    marks = marks_of([choices[DEFAULTS_NAME], advised, choices[CHOSEN_NAME]])
    drawing = Drawing(number, folder, should_stop)
    draw_tiles(drawing, study, outcomes[DEFAULTS_NAME], outcomes[CHOSEN_NAME], sizes)
    draw_maps(drawing, study, fringe, sizes)
    if judged is not None:
        draw_judged(drawing, judged, chosen_parameters, marks, options.tolerance)
    counts = known.counts if fringe is None else fringe.counts
    core_count = math.nan if fringe is None else fringe.core_count
    if counts:
        draw_counts(drawing, counts, core_count)
    return ClusterFindings(
        number=number,
        cluster=study.cluster,
        study=replace(study, coverage=None, tile=None),
        summary=study.summary,
        notes=tuple(dict.fromkeys(notes)),
        before=choices[DEFAULTS_NAME],
        chosen=choices[CHOSEN_NAME],
        advised=advised,
        counts=counts,
        core_count=core_count,
        core_noise=math.nan if fringe is None else fringe.core_noise,
        judged=judged,
        advice=advice,
        pictures=drawing.made,
    )


def choice_of_outcome(name: str, outcome: MaskOutcome) -> Choice:
    """Return what an outcome says, without its pixels."""
    y0, x0, y1, x1 = outcome.saved_rect
    return Choice(
        name,
        outcome.parameters,
        field_of(outcome),
        outcome.threshold,
        (y1 - y0, x1 - x0),
        outcome.notes,
    )


def choice_of_judged(
    name: str, judged: JudgedCluster | None, parameters: MaskParameters | None
) -> Choice | None:
    """Read from a cluster's figures what thresholds do; None where they do not tell."""
    if judged is None or parameters is None:
        return None
    level = judged.at(parameters)
    if level is None:
        return None
    threshold = threshold_of_level(level, parameters, judged.maximum)
    return Choice(name, parameters, level, threshold, None, level.guards)


def marks_of(choices: list[Choice | None]) -> list[Mark]:
    """Return the marks of charts; advised is left out where it is what was chosen."""
    forms = {DEFAULTS_NAME: "defaults", ADVISED_NAME: "advised", CHOSEN_NAME: "chosen"}
    return [
        Mark(
            each.name,
            forms[each.name],  # type: ignore[arg-type]
            each.threshold,
            each.parameters.min_coverage_abs,
            each.parameters.min_coverage_frac,
        )
        for each in choices
        if each is not None
    ]


def without_study(
    number: int,
    cluster: Cluster,
    known: Known,
    parameters: MaskParameters,
    *,
    summary: str = "",
    trouble: str = "",
    skipped: bool = False,
    notes: tuple[str, ...] = (),
) -> ClusterFindings:
    """Return what is known of a cluster whose study is not at hand: figures, no pictures."""
    advised = None if known.advice is None else known.advice.parameters
    return ClusterFindings(
        number=number,
        cluster=cluster,
        summary=summary,
        trouble=trouble,
        skipped=skipped,
        notes=notes,
        before=choice_of_judged(DEFAULTS_NAME, known.judged, MaskParameters()),
        chosen=choice_of_judged(CHOSEN_NAME, known.judged, parameters),
        advised=choice_of_judged(ADVISED_NAME, known.judged, advised),
        counts=known.counts,
        core_noise=math.nan if known.judged is None else known.judged.core_noise,
        judged=known.judged,
        advice=known.advice,
    )
