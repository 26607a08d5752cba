"""Whether ZeMosaic would run Alt-Az cleanup on a cluster, and why (ZEMOSAIC.md §4).

Only a tile that is cleaned has its coverage counted; on others no threshold acts. Much of
what decides is only ever in ZeMosaic's memory, so "it depends" is often the true answer.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.header_words import Mount
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME
from napari_zecoverage.zemosaic.run_folder import ZeMosaicRun

Answer = Literal["yes", "no", "depends"]

Rule = Literal[
    "grid",
    "existing_master_tiles",
    "sds",
    "policy_off",
    "no_seestar",
    "eqmode_summary",
    "equatorial",
    "no_eqmode_summary",
]

_SEESTAR_WORDS: Final = ("seestar", "s30", "s50")
_POLICIES: Final = ("auto", "on", "off")

_LECROPPER: Final = (
    "ZeMosaic must also be able to load its lecropper module (Tk has to be installed); if it "
    "cannot, nothing is masked, without a word."
)
_AUTO_GROUP: Final = (
    "whether the automatic grouping in ZeMosaic's filter window is used: only then does it count "
    "mounts, and without that count no tile is cleaned"
)
_SEESTAR_MODE: Final = "whether the filter window is in Seestar mode"


@dataclass(frozen=True)
class Gating:
    """Whether ZeMosaic would run Alt-Az cleanup on a cluster.

    Attributes
    ----------
    answer : {"yes", "no", "depends"}
        "depends": it cannot be known from files.
    rule : str
        What decides: "grid", "existing_master_tiles", "sds" (there coverage
        cannot exist, or only when SDS gives up), "policy_off", "no_seestar",
        "eqmode_summary" (the count of mounts is in the config), "equatorial",
        "no_eqmode_summary" (the count is only made in ZeMosaic's memory).
    reason : str
        The same in words, for users.
    depends_on : tuple of str
        For "depends": on what, in words.
    """

    answer: Answer
    rule: Rule
    reason: str
    depends_on: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """ZeMosaic surely runs the cleanup."""
        return self.answer == "yes"

    @property
    def possible(self) -> bool:
        """Thresholds may act on this cluster."""
        return self.answer != "no"

    @property
    def coverage_exists(self) -> bool:
        """False for frames that ZeMosaic stacks without any coverage: those of grid mode.

        SDS and existing master tiles are settings, which may be others next time.
        """
        return self.rule != "grid"


def gate(
    cluster: Cluster, config: Mapping[str, Any] | None, *, run: ZeMosaicRun | None = None
) -> Gating:
    """Tell whether ZeMosaic would run Alt-Az cleanup on a cluster.

    Parameters
    ----------
    cluster : Cluster
    config : mapping or None
        ZeMosaic's config (`read_config`, a run's snapshot, or what its command
        line is given). None: the run's snapshot, else ZeMosaic's defaults.
    run : ZeMosaicRun, optional
        The run that the cluster is of. All its frames' mounts count together;
        without it, those of other clusters are not known.

    Returns
    -------
    Gating
    """
    if run is None:
        return _gate(cluster, _Settings.read(config), _mounts_of([cluster], 0, False), None)
    return gate_all([cluster], config, run=run)[0]


def gate_all(
    clusters: Sequence[Cluster],
    config: Mapping[str, Any] | None,
    *,
    run: ZeMosaicRun | None = None,
) -> list[Gating]:
    """Tell for each cluster whether ZeMosaic would run Alt-Az cleanup on it.

    Parameters
    ----------
    clusters : sequence of Cluster
        Without `run`: all that ZeMosaic would be given.
    config : mapping or None
        As for `gate`.
    run : ZeMosaicRun, optional
        As for `gate`.

    Returns
    -------
    list of Gating
        One a cluster.
    """
    if config is None and run is not None:
        config = run.config
    settings = _Settings.read(config)
    if run is None:
        mounts = _mounts_of(clusters, 0, True)
    else:
        mounts = _mounts_of(run.clusters, sum(len(group.missing) for group in run.lost), True)
    return [_gate(cluster, settings, mounts, run) for cluster in clusters]


# What is known


class _Summary(NamedTuple):
    """ZeMosaic's count of mounts, over all frames of a run."""

    equatorial: int
    altaz: int
    unknown: int
    mode: str | None
    """The filter's mode; only "seestar" matters."""


class _Settings(NamedTuple):
    """What of the config has a say."""

    policy: str
    cleanup_enabled: bool | None
    existing_tiles: bool
    sds: bool
    summary: _Summary | None
    notes: tuple[str, ...]

    @classmethod
    def read(cls, config: Mapping[str, Any] | None) -> _Settings:
        notes = []
        if config is None:
            config = {}
            notes.append("ZeMosaic's config is not known; its defaults are assumed.")
        given = config.get("altaz_unknown_policy", "auto")
        policy = given.strip().lower() if isinstance(given, str) else "auto"
        if policy not in _POLICIES:
            policy = "auto"
        if policy == "auto" and given != "auto" and str(given).strip().lower() != "auto":
            notes.append('altaz_unknown_policy is none of "auto", "on", "off"; read as "auto".')
        cleanup = config.get("altaz_cleanup_enabled")
        return cls(
            policy=policy,
            cleanup_enabled=None if cleanup is None else _is_on(cleanup),
            existing_tiles=_is_on(config.get("use_existing_master_tiles")),
            sds=any(_is_on(value) for key, value in config.items() if key.startswith("sds_mode")),
            summary=_summary(config),
            notes=tuple(notes),
        )


class _Mounts(NamedTuple):
    """What the frames' headers say of their mounts, over a run."""

    counts: Mapping[Mount, int]
    unseen: int
    """Frames that were not found."""
    whole: bool
    """Whether these are all frames that ZeMosaic would count."""


def _is_on(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes", "on")
    return value is True or (isinstance(value, (int, float)) and bool(value))


def _mounts_of(clusters: Sequence[Cluster], lost: int, whole: bool) -> _Mounts:
    counts: Counter[Mount] = Counter()
    for cluster in clusters:
        counts.update(cluster.mounts)
    return _Mounts(counts, lost + sum(len(each.missing) for each in clusters), whole)


def _summary(config: Mapping[str, Any]) -> _Summary | None:
    """Find the count of mounts in the order in which ZeMosaic looks for it."""
    overrides = config.get("filter_overrides")
    if not isinstance(overrides, Mapping):
        return None
    plan = overrides.get("global_wcs_plan_override")
    for place in (plan, overrides):
        counted = place.get("eqmode_summary") if isinstance(place, Mapping) else None
        if isinstance(counted, Mapping):
            modes = (counted.get("mode"), overrides.get("mode"))
            return _Summary(
                _count(counted.get("eq_count")),
                _count(counted.get("altaz_count")),
                _count(counted.get("unknown_count")),
                next((mode.strip().lower() for mode in modes if isinstance(mode, str)), None),
            )
    return None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


# The decision


def _gate(
    cluster: Cluster, settings: _Settings, mounts: _Mounts, run: ZeMosaicRun | None
) -> Gating:
    routed = _by_route(cluster, settings, run)
    if routed is not None:
        return routed
    gating = _by_group(cluster, settings) or _by_count(settings, mounts)
    said = [gating.reason]
    if gating.possible:
        if set(cluster.mounts) == {"EQ"}:
            said.append(
                "Its headers say equatorial, but ZeMosaic never sees EQMODE when it stacks a tile."
            )
        said.append(_LECROPPER)
    if settings.cleanup_enabled is not None and settings.cleanup_enabled != gating.active:
        word = "on" if settings.cleanup_enabled else "off"
        said.append(f"altaz_cleanup_enabled is {word}, which decides nothing here.")
    said += settings.notes
    return Gating(gating.answer, gating.rule, " ".join(said), gating.depends_on)


def _by_route(cluster: Cluster, settings: _Settings, run: ZeMosaicRun | None) -> Gating | None:
    """Answer where ZeMosaic takes a way that leads past the cleanup of master tiles."""
    if _is_grid(cluster, run):
        return Gating(
            "no",
            "grid",
            f"A {GRID_PLAN_NAME} lies with the frames: ZeMosaic runs in GRID mode, which counts "
            "no coverage and masks no tile.",
        )
    if settings.existing_tiles:
        return Gating(
            "no",
            "existing_master_tiles",
            "use_existing_master_tiles is on: ZeMosaic takes master tiles as they are, stacks no "
            "frames and counts no coverage.",
        )
    if settings.sds:
        if settings.cleanup_enabled:
            return Gating(
                "depends",
                "sds",
                "SDS mode is on: ZeMosaic makes no master tiles, and counts no coverage, unless "
                "SDS fails and it falls back to them; altaz_cleanup_enabled is on, so it would "
                f"clean them then. {_LECROPPER}",
                ("whether SDS mode fails and ZeMosaic falls back to master tiles",),
            )
        return Gating(
            "no",
            "sds",
            "SDS mode is on: ZeMosaic makes no master tiles and counts no coverage. Where it falls "
            "back to them, altaz_cleanup_enabled is off.",
        )
    return None


def _is_grid(cluster: Cluster, run: ZeMosaicRun | None) -> bool:
    if run is not None:
        return run.pipeline == "grid"
    if cluster.tile_id is not None:  # a classic run gave it
        return False
    folder = cluster.run_folder or _common_folder(cluster.frames)
    return folder is not None and os.path.isfile(folder / GRID_PLAN_NAME)


def _common_folder(frames: Sequence[FrameInfo]) -> Path | None:
    try:
        return Path(os.path.commonpath([frame.path.parent for frame in frames]))
    except ValueError:  # none, or on several drives
        return None


def _by_group(cluster: Cluster, settings: _Settings) -> Gating | None:
    """Answer where ZeMosaic leaves this group alone, whatever the others are.

    When tiles are stacked no group's mount is ever known: Phase 1 keeps its
    headers in a form in which EQMODE is not looked for.
    """
    unseen = "ZeMosaic never sees EQMODE when it stacks a tile, so this group's mount is unknown"
    if settings.policy == "off":
        return Gating(
            "no",
            "policy_off",
            f'{unseen}, and altaz_unknown_policy is "off": no tile is cleaned.',
        )
    if settings.policy == "on" or any(map(_is_seestar, cluster.frames)):
        return None
    reason = (
        f'{unseen}, and with altaz_unknown_policy "auto" only frames whose INSTRUME or CREATOR '
        "names a Seestar (S30, S50) are taken for Alt-Az"
    )
    if cluster.missing:
        waits_for = "whether one of the frames that were not found names a Seestar"
        return Gating("depends", "no_seestar", f"{reason}; those found do not.", (waits_for,))
    return Gating(
        "no", "no_seestar", f'{reason}; none does. Set it to "on" to have this group cleaned.'
    )


def _is_seestar(frame: FrameInfo) -> bool:
    words = f"{frame.instrument or ''}\n{frame.creator or ''}".lower()
    return any(word in words for word in _SEESTAR_WORDS)


def _by_count(settings: _Settings, mounts: _Mounts) -> Gating:
    """Answer by the count of mounts over the whole run, or by the one that could be made."""
    if settings.summary is None:
        return _by_headers(settings.policy, mounts)
    counted = settings.summary
    answer, why = _globally(counted, settings.policy)
    return Gating(
        answer,
        "eqmode_summary",
        f"The config's eqmode_summary counts {counted.equatorial} equatorial, {counted.altaz} "
        f"Alt-Az and {counted.unknown} unknown frames: {why}.",
        (_SEESTAR_MODE,) if answer == "depends" else (),
    )


def _by_headers(policy: str, mounts: _Mounts) -> Gating:
    counts = mounts.counts
    expected = _Summary(
        counts.get("EQ", 0), counts.get("ALT_AZ", 0), counts.get("UNKNOWN", 0), None
    )
    answer, why = _globally(expected, policy)
    depends_on = []
    if answer == "no":
        if mounts.whole and not mounts.unseen:
            return Gating(
                "no",
                "equatorial",
                "All frames' headers say equatorial, so ZeMosaic's count of mounts, if it makes "
                "one, finds nothing to clean.",
            )
        others = "that were not found" if mounts.whole else "of the other clusters"
        depends_on.append(f"whether frames {others} are Alt-Az, or say nothing of their mount")
    depends_on.append(_AUTO_GROUP)
    if answer == "depends":
        depends_on.append(_SEESTAR_MODE)
    return Gating(
        "depends",
        "no_eqmode_summary",
        f"No file holds ZeMosaic's count of mounts, so it depends on {'; and '.join(depends_on)}. "
        f"By the headers it would count {expected.equatorial} equatorial, {expected.altaz} Alt-Az "
        f"and {expected.unknown} unknown frames: {why}.",
        tuple(depends_on),
    )


def _globally(counted: _Summary, policy: str) -> tuple[Answer, str]:
    """Apply ZeMosaic's rule for the whole run to a count of mounts; the policy is not "off"."""
    if counted.altaz > 0:
        return "yes", "there are Alt-Az frames, so cleanup is on"
    if counted.unknown <= 0:
        return "no", "there are neither Alt-Az nor unknown frames, so cleanup is off"
    if policy == "on":
        return "yes", 'there are unknown frames, and altaz_unknown_policy is "on": cleanup is on'
    if counted.equatorial == 0:
        return "yes", "there are unknown frames and no equatorial ones, so cleanup is on"
    if counted.mode == "seestar":
        return "yes", "there are unknown frames, and the filter was in Seestar mode: cleanup is on"
    if counted.mode is not None:
        return "no", "the unknown frames stand beside equatorial ones, so cleanup is off"
    return (
        "depends",
        "the unknown frames stand beside equatorial ones, so cleanup is on in Seestar mode only",
    )
