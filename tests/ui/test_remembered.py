"""The last thresholds of each cluster."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui import kept_json, remembered
from napari_zecoverage.ui.remembered import RememberedThresholds, remembered_file

TUNED = MaskParameters(min_coverage_frac=0.7, nanize=False, notes=("read from somewhere",))


def test_nothing_is_known_at_first(make_cluster) -> None:
    assert RememberedThresholds().of(make_cluster()) is None


def test_a_cluster_gets_its_own_back(make_cluster) -> None:
    first, second = make_cluster(4, "a"), make_cluster(5, "b")
    RememberedThresholds().remember(first, TUNED)
    RememberedThresholds().remember(second, MaskParameters())
    assert RememberedThresholds().of(first) == TUNED
    assert RememberedThresholds().of(second) == MaskParameters()


def test_a_cluster_is_known_by_its_frames_not_by_its_name(make_cluster) -> None:
    cluster = make_cluster(4, "a")
    RememberedThresholds().remember(cluster, TUNED)
    assert RememberedThresholds().of(replace(cluster, name="called otherwise")) == TUNED
    assert RememberedThresholds().of(replace(cluster, frames=cluster.frames[1:])) is None


def test_the_place_can_be_moved(tmp_path, monkeypatch, make_cluster) -> None:
    monkeypatch.setenv(kept_json.PLACE_VARIABLE, str(tmp_path / "elsewhere"))
    assert remembered_file() == tmp_path / "elsewhere" / "thresholds.json"
    RememberedThresholds().remember(make_cluster(), TUNED)
    assert remembered_file().is_file()
    assert [each.name for each in remembered_file().parent.iterdir()] == ["thresholds.json"]


def test_the_oldest_are_forgotten(make_cluster, monkeypatch) -> None:
    monkeypatch.setattr(remembered, "MOST_CLUSTERS", 2)
    known = RememberedThresholds()
    clusters = [make_cluster(1, name) for name in "abc"]
    for cluster in clusters:
        known.remember(cluster, TUNED)
    assert [known.of(cluster) for cluster in clusters] == [None, TUNED, TUNED]
    known.remember(clusters[1], TUNED)
    known.remember(clusters[0], TUNED)
    assert [known.of(cluster) for cluster in clusters] == [TUNED, TUNED, None]


@pytest.mark.parametrize(
    "values",
    [
        {"min_coverage_frac": 7},
        {"min_coverage_frac": "much"},
        {"what_is_this": 1},
        {"nanize": 3},
        [1, 2],
        None,
    ],
)
def test_thresholds_that_are_none_are_not_taken(make_cluster, values) -> None:
    cluster = make_cluster()
    RememberedThresholds().remember(cluster, TUNED)
    content = json.loads(remembered_file().read_text())
    (identity,) = content["clusters"]
    content["clusters"][identity] = values
    remembered_file().write_text(json.dumps(content))
    assert RememberedThresholds().of(cluster) is None


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=60)
    | st.sampled_from(
        [b"[1]", b'{"version": 1, "clusters": 3}', b'{"version": 2, "clusters": {}}', b"[" * 9999]
    )
)
def test_a_damaged_file_costs_what_it_held(make_cluster, content) -> None:
    remembered_file().parent.mkdir(parents=True, exist_ok=True)
    remembered_file().write_bytes(content)
    known = RememberedThresholds()
    assert known.of(make_cluster()) is None
    known.remember(make_cluster(), TUNED)
    assert known.of(make_cluster()) == TUNED


def test_a_place_that_cannot_be_written_is_no_error(tmp_path, make_cluster, caplog) -> None:
    (tmp_path / "file").write_text("")
    known = RememberedThresholds(tmp_path / "file" / "thresholds.json")
    known.remember(make_cluster(), TUNED)
    assert "not remembered" in caplog.text


def test_what_could_not_be_read_again_is_not_written(make_cluster, monkeypatch, caplog) -> None:
    known = RememberedThresholds()
    known.remember(make_cluster(1, "a"), TUNED)
    before = remembered_file().read_bytes()
    monkeypatch.setattr(kept_json, "_MOST_BYTES", len(before) + 10)
    known.remember(make_cluster(1, "b"), TUNED)
    assert remembered_file().read_bytes() == before
    assert "not remembered" in caplog.text


def test_a_write_that_fails_leaves_the_file_before(make_cluster, monkeypatch) -> None:
    known = RememberedThresholds()
    known.remember(make_cluster(1, "a"), TUNED)
    before = remembered_file().read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    known.remember(make_cluster(1, "b"), TUNED)
    assert remembered_file().read_bytes() == before
    assert [each.name for each in remembered_file().parent.iterdir()] == ["thresholds.json"]
