"""The tile that a run holds of a cluster, set beside our study of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.tile_comparison import tile_beside


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    settings = SampleSettings(n_frames=6, shape=(300, 400))
    truth = write_sample(tmp_path_factory.mktemp("sample"), settings)
    options = StudyOptions(stack="mean", canvas="padded")
    return study_cluster(Cluster.from_files(truth.paths), options, cache=False)


def of_run(study, path):
    return replace(study, cluster=replace(study.cluster, master_tile=path, tile_id=3))


def test_it_lies_where_it_was_cut_out_and_differs_by_nothing(study, tmp_path):
    strict = MaskParameters(min_coverage_frac=0.7)
    outcome = apply_mask(study, strict)
    path = write_master_tile(tmp_path / "master_tile_003.fits", study, outcome, tile_id=3)
    beside = tile_beside(of_run(study, path), strict.to_config())
    assert beside.tile.tile_id == 3
    assert beside.rect == outcome.saved_rect
    same = " ".join(beside.lines)
    assert "100.00% are kept by both, 0.00% by the tile alone, 0.00% by ours alone" in same

    # Against other settings than it was made with, the difference is told.
    other = tile_beside(of_run(study, path), {"altaz_min_coverage_frac": 0.2})
    assert other.rect == outcome.saved_rect
    shares = re.search(r"([\d.]+)% by the tile alone, ([\d.]+)% by ours", " ".join(other.lines))
    assert shares is not None
    assert float(shares[1]) == 0
    assert float(shares[2]) > 1


def test_none_is_none_and_a_damaged_one_is_told(study, tmp_path):
    assert tile_beside(study, None) is None
    path = tmp_path / "master_tile_003.fits"
    path.write_text("no tile")
    beside = tile_beside(of_run(study, path), None)
    assert beside.tile is None
    assert beside.rect is None
    assert str(path) in beside.lines[0]
