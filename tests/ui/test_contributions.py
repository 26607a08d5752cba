"""The sample and the reader of the manifest."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Layer

from napari_zecoverage.core.cache import StudyFileError, write_study
from napari_zecoverage.ui import contributions
from napari_zecoverage.ui.contributions import get_reader, layers_of, open_sample, read_layers


@pytest.fixture
def file(tmp_path, study):
    return write_study(tmp_path / "night.zestudy", study)


def test_layers_of_a_study_are_layers(study) -> None:
    tile, coverage = (Layer.create(*each) for each in layers_of(study))
    assert (tile.name, coverage.name) == ("tile", "coverage")
    assert tile.rgb
    assert not coverage.visible
    np.testing.assert_array_equal(coverage.data, study.coverage)
    assert coverage.metadata["summary"] == study.summary
    assert tile.metadata["cluster"] == "night"


def test_coverage_alone_is_seen(make_study) -> None:
    ((_, settings, _),) = layers_of(make_study(tile=False))
    assert settings["name"] == "coverage"
    assert settings["visible"]


@pytest.mark.parametrize("kind", [str, lambda path: path, lambda path: [str(path)]])
def test_reader_takes_a_path_and_a_list(file, study, kind) -> None:
    reader = get_reader(kind(file))
    layers = reader(kind(file))
    assert [each[1]["name"] for each in layers] == ["tile", "coverage"]
    np.testing.assert_array_equal(layers[1][0], study.coverage)


def test_reader_takes_several(file) -> None:
    paths = [str(file), str(file)]
    assert len(get_reader(paths)(paths)) == 4


@pytest.mark.parametrize("path", ["a.fit", ["a.zestudy", "a.fit"], [], "zestudy", "a.zestudy.txt"])
def test_reader_leaves_other_files_alone(path) -> None:
    assert get_reader(path) is None


def test_reader_says_which_file_is_damaged(file) -> None:
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(StudyFileError, match=r"night\.zestudy"):
        read_layers(str(file))


def test_sample_data_is_the_studied_sample(small_sample, monkeypatch) -> None:
    monkeypatch.setattr(contributions, "sample_folder", lambda: small_sample)
    tile, coverage = open_sample()
    assert tile[0].shape == (*coverage[0].shape, 3)
    assert coverage[0].max() == 6
