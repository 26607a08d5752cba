"""Which thresholds to pick: the least field lost for which the fringe that stays is small enough.

`best_setting` finds them, `advice_words` says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_zecoverage.core.advice_words import (
    doubts_for_cluster,
    doubts_for_run,
    why_for_cluster,
    why_for_run,
    worst_served,
)
from napari_zecoverage.core.best_setting import (
    DEFAULTS,
    Choice,
    ServedCluster,
    best_setting,
    choice_of,
    cliff_margin,
    view_of,
)
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.fringe import Fringe
from napari_zecoverage.core.judged import JudgedCluster, judge, judge_with_fringe
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy


@dataclass(frozen=True)
class Advised:
    """What every advice says, for one cluster or for a run.

    Attributes
    ----------
    parameters : MaskParameters
        The settings asked about, with the three thresholds that are advised.
    why : str
        Two sentences.
    doubts : tuple of str
        Why it should not be trusted, in words; empty when there is no doubt.
    leave_defaults : bool
        ZeMosaic's default thresholds are advised.
    """

    parameters: MaskParameters
    why: str
    doubts: tuple[str, ...]
    leave_defaults: bool


@dataclass(frozen=True)
class Advice(Advised):
    """The thresholds to pick for a cluster: what is `Advised`, and what comes of it.

    Attributes
    ----------
    before, after : Choice
        ZeMosaic's default thresholds, and those that are advised.
    cliff_margin : float or None
        Frames from the advised threshold to the nearest place where a small
        step changes the branch or enlarges the tile; None when there is none.
    judged : int
        Masks that were compared.
    """

    before: Choice
    after: Choice
    cliff_margin: float | None
    judged: int


@dataclass(frozen=True)
class RunAdvice(Advised):
    """The thresholds to pick for all clusters of a run: what is `Advised`, and what comes of it.

    Attributes
    ----------
    clusters : tuple of ServedCluster
        In the order given.
    worst : tuple of (str, str)
        Name and reason of each cluster that another setting would serve better,
        the worst served first.
    field_lost_before, field_lost_after : float
        Shares (0 to 1) of the area that the clusters cover together.
    """

    clusters: tuple[ServedCluster, ...]
    worst: tuple[tuple[str, str], ...]
    field_lost_before: float
    field_lost_after: float


def advise(
    study: ClusterStudy,
    parameters: MaskParameters | None = None,
    *,
    options: AdviceOptions | None = None,
    fringe: Fringe | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Advice:
    """Return the thresholds that we would pick for a studied cluster, and why.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage; without a tile there is no fringe, and the defaults are left.
    parameters : MaskParameters, optional
        Margin, decay and so on; ZeMosaic's defaults when left out. Its three
        thresholds mean nothing.
    options : AdviceOptions, optional
        The tolerance.
    fringe : Fringe, optional
        From `measure_fringe`, when it is known already.
    progress : callable, optional
        Given the levels looked at and all levels.
    should_stop : callable, optional
        Asked now and then.

    Returns
    -------
    Advice

    Raises
    ------
    CoverageError
        The study has no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    if fringe is None:
        _, judged = judge_with_fringe(study, parameters, progress=progress, should_stop=should_stop)
    else:
        judged = judge(study, parameters, fringe=fringe, progress=progress, should_stop=should_stop)
    return advise_judged(judged, parameters, options=options)


def advise_judged(
    judged: JudgedCluster,
    parameters: MaskParameters | None = None,
    *,
    options: AdviceOptions | None = None,
) -> Advice:
    """Return the thresholds that we would pick for a judged cluster, and why.

    Parameters
    ----------
    judged : JudgedCluster
    parameters : MaskParameters, optional
        Margin, decay and so on, as they were judged.
    options : AdviceOptions, optional

    Returns
    -------
    Advice

    Raises
    ------
    ParameterError
        The figures are for another margin, decay or strict crop.
    """
    options = options or AdviceOptions()
    base = parameters or judged.parameters
    judged.must_serve(base)
    view = view_of(judged, options)
    advised = best_setting([view], base, options)
    before, after = choice_of(judged, base.with_thresholds_of(DEFAULTS)), choice_of(judged, advised)
    leave = advised.thresholds == DEFAULTS.thresholds
    return Advice(
        parameters=advised,
        why=why_for_cluster(view, before, after, leave, options),
        doubts=judged.doubts + doubts_for_cluster(view, before, after),
        leave_defaults=leave,
        before=before,
        after=after,
        cliff_margin=cliff_margin(judged, advised),
        judged=len(judged.masks),
    )


def advise_run(
    judged: Sequence[JudgedCluster],
    parameters: MaskParameters | None = None,
    *,
    options: AdviceOptions | None = None,
) -> RunAdvice:
    """Return the one setting that serves all clusters of a run best.

    It loses the least field of all clusters together, among the settings with
    which every cluster's residual fringe is within the tolerance where any
    setting brings it there, and none trips a guard. Where no setting does all
    that, as few clusters as possible go without.

    Parameters
    ----------
    judged : sequence of JudgedCluster
        At least one.
    parameters : MaskParameters, optional
        Margin, decay and so on, as they were judged.
    options : AdviceOptions, optional

    Returns
    -------
    RunAdvice

    Raises
    ------
    ParameterError
        There is no cluster, or the figures are for another margin, decay or strict crop.
    """
    if not judged:
        raise ParameterError("judged", "must have at least one cluster")
    options = options or AdviceOptions()
    base = parameters or judged[0].parameters
    for each in judged:
        each.must_serve(base)
    views = [view_of(each, options) for each in judged]
    advised = best_setting(views, base, options)
    defaults = base.with_thresholds_of(DEFAULTS)
    served = tuple(
        ServedCluster(
            view.judged.name,
            choice_of(view.judged, defaults),
            choice_of(view.judged, advised),
            view.alone_lost,
        )
        for view in views
    )
    areas = [each.covered_px for each in judged]
    leave = advised.thresholds == DEFAULTS.thresholds
    lost_before = lost_together(areas, [each.before.field_lost for each in served])
    lost_after = lost_together(areas, [each.after.field_lost for each in served])
    worst = worst_served(views, served)
    return RunAdvice(
        parameters=advised,
        why=why_for_run(views, leave, lost_before, lost_after),
        doubts=doubts_for_run(views, served, worst),
        leave_defaults=leave,
        clusters=served,
        worst=worst,
        field_lost_before=lost_before,
        field_lost_after=lost_after,
    )


def lost_together(areas: Iterable[int], shares: Iterable[float]) -> float:
    """Return the share of the field that clusters lose together.

    Parameters
    ----------
    areas : iterable of int
        Pixels that each covers.
    shares : iterable of float
        What each loses of them, 0 to 1; one that is NaN does not count.

    Returns
    -------
    float
        NaN when nothing is known.
    """
    known = [(area, share) for area, share in zip(areas, shares, strict=True) if share == share]
    total = sum(area for area, _ in known)
    return sum(area * share for area, share in known) / total if total else math.nan
