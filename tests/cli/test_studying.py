"""What the commands that study clusters share."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from napari_zecoverage.cli.endings import Trouble
from napari_zecoverage.cli.studying import chosen_thresholds, found_clusters
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings


def test_folders_and_files_of_the_home_are_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    paths = write_sample(tmp_path / "night", SampleSettings(n_frames=2, shape=(64, 80))).paths
    trouble = Trouble()
    # Shells leave it as it is in quotes, and behind "--out=".
    in_folder = found_clusters([Path("~/night")], trouble)
    as_files = found_clusters([Path("~/night") / each.name for each in paths], trouble)
    assert not trouble.count
    assert [cluster.frames for cluster in in_folder] == [cluster.frames for cluster in as_files]


def test_name_that_no_system_takes_is_told_not_raised(tmp_path: Path, capsys) -> None:
    trouble = Trouble()
    assert found_clusters([tmp_path / ("n" * 300)], trouble) == []
    assert trouble.count == 1
    assert capsys.readouterr().err.startswith("error: files: ")


def test_wrong_usage_is_told_before_the_config_is_read(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="min_coverage_frac"):
        chosen_thresholds(tmp_path / "missing", {"min_coverage_frac": 7})
