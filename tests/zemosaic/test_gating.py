"""Gating: what ZeMosaic would do with a cluster, by the rules of ZEMOSAIC.md §4."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.header_words import Mount
from napari_zecoverage.zemosaic.gating import gate, gate_all
from napari_zecoverage.zemosaic.run_clusters import LostGroup
from napari_zecoverage.zemosaic.run_folder import ZeMosaicRun
from studies import make_frame

MakeCluster = Callable[..., Cluster]


@pytest.fixture
def make(make_cluster: MakeCluster) -> Callable[..., Cluster]:
    def made(*mounts: Mount, instrument: str | None = "Seestar S50", **changes: object) -> Cluster:
        cluster = make_cluster(len(mounts))
        frames = [
            replace(frame, mount=mount, instrument=instrument)
            for frame, mount in zip(cluster.frames, mounts, strict=True)
        ]
        return replace(cluster, frames=tuple(frames), **changes)

    return made


def counted(equatorial: int, altaz: int, unknown: int, **config: object) -> dict[str, object]:
    summary = {
        "eq_count": equatorial,
        "altaz_count": altaz,
        "unknown_count": unknown,
        "total": equatorial + altaz + unknown,
    }
    return {"filter_overrides": {"eqmode_summary": summary}, **config}


def run_of(*clusters: Cluster, **changes: Any) -> ZeMosaicRun:
    return ZeMosaicRun(Path("/run"), "classic_legacy", clusters, **changes)


# Ways past the cleanup


def test_grid_mode(make: MakeCluster, tmp_path: Path) -> None:
    cluster = make("ALT_AZ")
    found = gate(cluster, counted(0, 1, 0), run=replace(run_of(cluster), pipeline="grid"))
    assert (found.answer, found.rule, found.active, found.possible) == ("no", "grid", False, False)
    (tmp_path / "stack_plan.csv").write_text("file_path\n")
    frames = tuple(replace(frame, path=tmp_path / "a.fit") for frame in cluster.frames)
    assert gate(replace(cluster, frames=frames), {}).rule == "grid"
    assert gate(replace(cluster, run_folder=tmp_path), {}).rule == "grid"
    # A classic run gave this one its number, whatever lies there now.
    assert gate(replace(cluster, frames=frames, tile_id=3), {}).rule != "grid"


def test_existing_master_tiles(make: MakeCluster) -> None:
    config = counted(0, 1, 0, use_existing_master_tiles=True, altaz_cleanup_enabled=True)
    found = gate(make("ALT_AZ"), config)
    assert (found.answer, found.rule) == ("no", "existing_master_tiles")
    config["use_existing_master_tiles"] = False
    assert gate(make("ALT_AZ"), config).answer == "yes"


@pytest.mark.parametrize(
    ("enabled", "answer"), [(True, "depends"), (False, "no"), (None, "no"), ("false", "no")]
)
def test_sds_is_gated_by_the_cleanup_key_where_it_falls_back(
    make: MakeCluster, enabled: object, answer: str
) -> None:
    config = counted(0, 1, 0, sds_mode_default=True, altaz_cleanup_enabled=enabled)
    found = gate(make("ALT_AZ"), config)
    assert (found.answer, found.rule) == (answer, "sds")
    assert bool(found.depends_on) == (answer == "depends")
    assert "decides nothing" not in found.reason


# The count of mounts


@pytest.mark.parametrize(
    ("counts", "policy", "mode", "answer"),
    [
        ((0, 1, 0), "auto", None, "yes"),
        ((9, 1, 9), "auto", None, "yes"),
        ((9, 1, 0), "on", None, "yes"),
        ((0, 0, 3), "auto", None, "yes"),
        ((0, 0, 3), "on", None, "yes"),
        ((2, 0, 3), "on", None, "yes"),
        ((2, 0, 3), "auto", None, "depends"),
        ((2, 0, 3), "auto", "seestar", "yes"),
        ((2, 0, 3), "auto", "Seestar", "yes"),
        ((2, 0, 3), "auto", "other", "no"),
        ((2, 0, 0), "auto", None, "no"),
        ((2, 0, 0), "on", "seestar", "no"),
        ((0, 0, 0), "on", None, "no"),
        ((0, 5, 0), "off", None, "no"),
    ],
)
@pytest.mark.parametrize("where", ["filter_overrides", "global_wcs_plan_override"])
def test_the_count_in_the_config_decides(
    make: MakeCluster,
    counts: tuple[int, int, int],
    policy: str,
    mode: str | None,
    answer: str,
    where: str,
) -> None:
    config: dict[str, Any] = counted(*counts, altaz_unknown_policy=policy)
    overrides = config["filter_overrides"]
    if mode is not None:
        overrides["eqmode_summary"]["mode"] = mode
    if where == "global_wcs_plan_override":
        other = counted(9 - counts[0], 9 * (counts[1] == 0), 0)["filter_overrides"]
        config["filter_overrides"] = {**other, "global_wcs_plan_override": overrides}  # type: ignore[dict-item]
    found = gate(make("EQ"), config)
    assert found.answer == answer
    assert found.rule == ("policy_off" if policy == "off" else "eqmode_summary")
    assert bool(found.depends_on) == (answer == "depends")
    if policy != "off":
        assert f"{counts[0]} equatorial, {counts[1]} Alt-Az and {counts[2]} unknown" in found.reason


@pytest.mark.parametrize("enabled", [True, False])
def test_the_cleanup_key_decides_nothing(make: MakeCluster, enabled: bool) -> None:
    def answer(config: Mapping[str, Any]) -> tuple[str, bool]:
        found = gate(make("ALT_AZ"), {**config, "altaz_cleanup_enabled": enabled})
        return found.answer, "which decides nothing here" in found.reason

    # Off, and yet forced on; on, and yet nothing but the count can bring it about.
    assert answer(counted(0, 1, 0)) == ("yes", not enabled)
    assert answer(counted(1, 0, 0)) == ("no", enabled)
    assert answer({})[0] == "depends"


def test_without_a_count_it_depends_on_the_filter_window(make: MakeCluster) -> None:
    found = gate(make("ALT_AZ", "ALT_AZ"), {}, run=run_of(make("ALT_AZ", "ALT_AZ")))
    assert (found.answer, found.rule) == ("depends", "no_eqmode_summary")
    [waits_for] = found.depends_on
    assert "automatic grouping" in waits_for
    assert (
        "count 0 equatorial, 2 Alt-Az and 0 unknown frames: there are Alt-Az frames" in found.reason
    )
    assert "lecropper" in found.reason


def test_unknown_beside_equatorial_also_depends_on_the_mode(make: MakeCluster) -> None:
    found = gate_all([make("EQ"), make("UNKNOWN")], {})[1]
    assert found.answer == "depends"
    assert [each for each in found.depends_on if "Seestar mode" in each]
    on = gate_all([make("EQ"), make("UNKNOWN")], {"altaz_unknown_policy": "on"})[1]
    assert not [each for each in on.depends_on if "Seestar mode" in each]


def test_equatorial_frames_alone_are_left_alone(make: MakeCluster) -> None:
    first, second = gate_all([make("EQ"), make("EQ", "EQ")], {"altaz_cleanup_enabled": True})
    assert (first.answer, first.rule) == (second.answer, second.rule) == ("no", "equatorial")
    assert "decides nothing" in first.reason


def test_equatorial_frames_in_a_mixed_session_are_treated_as_altaz(make: MakeCluster) -> None:
    equatorial, _ = gate_all([make("EQ"), make("ALT_AZ")], counted(1, 1, 0))
    assert equatorial.answer == "yes"
    assert "Its headers say equatorial, but ZeMosaic never sees EQMODE" in equatorial.reason


def test_what_is_not_seen_may_change_the_answer(make: MakeCluster) -> None:
    alone = gate(make("EQ"), {})
    assert alone.answer == "depends"
    assert "of the other clusters" in alone.depends_on[0]
    missing = make("EQ", missing=(("/gone.fit", "there is no such file."),))
    assert gate_all([missing], {})[0].answer == "depends"
    assert "that were not found" in gate_all([missing], {})[0].depends_on[0]
    lost = run_of(make("EQ"), lost=(LostGroup("x", 1, (("/gone.fit", "gone"),)),))
    assert gate(make("EQ"), {}, run=lost).answer == "depends"
    assert gate(make("EQ"), {}, run=run_of(make("EQ"))).answer == "no"


# The group


@pytest.mark.parametrize(
    ("instrument", "creator", "hint"),
    [
        ("Seestar S50", None, True),
        ("ZWO SEESTAR", None, True),
        ("imx462", "ZWO Seestar S30", True),
        ("S50", None, True),
        ("my s30 pro", None, True),
        ("ASI 2600", "N.I.N.A.", False),
        (None, None, False),
    ],
)
def test_the_seestar_hint(
    make: MakeCluster, instrument: str | None, creator: str | None, hint: bool
) -> None:
    cluster = make("ALT_AZ", "ALT_AZ", instrument=None)
    last = replace(cluster.frames[1], instrument=instrument, creator=creator)
    cluster = replace(cluster, frames=(cluster.frames[0], last))
    found = gate(cluster, counted(0, 2, 0))
    assert found.answer == ("yes" if hint else "no")
    assert found.rule == ("eqmode_summary" if hint else "no_seestar")
    # "on" needs no hint, "off" takes none.
    assert gate(cluster, counted(0, 2, 0, altaz_unknown_policy="on")).answer == "yes"
    off = gate(cluster, counted(0, 2, 0, altaz_unknown_policy="off"))
    assert (off.answer, off.rule) == ("no", "policy_off")


def test_a_frame_that_was_not_found_may_be_a_seestars(make: MakeCluster) -> None:
    cluster = make("ALT_AZ", instrument=None, missing=(("/gone.fit", "gone"),))
    found = gate(cluster, counted(0, 2, 0))
    assert (found.answer, found.rule) == ("depends", "no_seestar")
    assert found.depends_on


@pytest.mark.parametrize("policy", [" ON ", "On"])
def test_the_policy_is_a_word_in_any_case(make: MakeCluster, policy: str) -> None:
    cluster = make("UNKNOWN", instrument=None)
    assert gate(cluster, counted(0, 0, 1, altaz_unknown_policy=policy)).answer == "yes"


@pytest.mark.parametrize("policy", ["always", "", 1, None, ["on"]])
def test_a_policy_that_is_not_known_is_read_as_auto(make: MakeCluster, policy: object) -> None:
    cluster = make("UNKNOWN", instrument=None)
    found = gate(cluster, counted(0, 0, 1, altaz_unknown_policy=policy))
    assert found.rule == "no_seestar"
    assert 'read as "auto"' in found.reason


def test_the_runs_snapshot_stands_in_for_the_config(make: MakeCluster) -> None:
    cluster = make("ALT_AZ")
    run = run_of(cluster, config=counted(0, 1, 0))
    assert gate(cluster, None, run=run).answer == "yes"
    assert gate(cluster, {}, run=run).answer == "depends"
    unknown = gate(cluster, None)
    assert "its defaults are assumed" in unknown.reason
    assert "defaults" not in gate(cluster, {}).reason


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(
    config=st.dictionaries(
        st.sampled_from(
            [
                "altaz_unknown_policy",
                "altaz_cleanup_enabled",
                "use_existing_master_tiles",
                "sds_mode",
            ]
        ),
        JUNK,
    ),
    overrides=JUNK
    | st.fixed_dictionaries(
        {
            "eqmode_summary": JUNK
            | st.fixed_dictionaries({"eq_count": JUNK, "altaz_count": JUNK, "mode": JUNK}),
            "global_wcs_plan_override": JUNK,
        }
    ),
    mounts=st.lists(st.sampled_from(["EQ", "ALT_AZ", "UNKNOWN"]), min_size=1, max_size=3),
)
def test_any_config_gives_an_answer_in_words(
    config: dict[str, Any], overrides: Any, mounts: Sequence[Mount]
) -> None:
    frames = tuple(frame_of(number, mount) for number, mount in enumerate(mounts))
    found = gate(Cluster("a", frames), {**config, "filter_overrides": overrides})
    assert found.reason.endswith(".")
    assert bool(found.depends_on) == (found.answer == "depends")
    assert found.active == (found.answer == "yes")
    if found.answer == "yes":
        assert found.rule == "eqmode_summary"


def frame_of(number: int, mount: Mount) -> FrameInfo:
    return make_frame(number, mount=mount, instrument="Seestar S50")
