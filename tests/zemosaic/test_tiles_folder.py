"""All tiles of a run, and the folder they go into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from made_tiles import MILD, everything_below

from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.master_tile import write_master_tiles
from napari_zecoverage.zemosaic.run_names import TILES_FOLDER
from napari_zecoverage.zemosaic.tile_check import check_master_tile


def test_tiles_of_a_run(study, tmp_path) -> None:
    outcome = apply_mask(study, MILD)
    blind = replace(study, wcs_header=None, cluster=replace(study.cluster, name="blind"))
    told: list[Path] = []
    asked: list[int] = []

    def clusters() -> Iterator[tuple[ClusterStudy, MaskOutcome]]:
        for made in (study, blind, study):
            asked.append(len(told))
            yield made, outcome

    done = write_master_tiles(clusters(), tmp_path / "out", on_written=told.append)
    assert [each.name for each in done.tiles] == ["master_tile_000.fits", "master_tile_002.fits"]
    assert told == list(done.tiles)
    # Each is written before the next study is asked for.
    assert asked == [0, 1, 1]
    assert [name for name, _ in done.left_out] == ["blind"]
    assert "WCS" in done.left_out[0][1]
    assert done.notes == ()
    assert [fits.getheader(each)["ZMT_ID"] for each in done.tiles] == [0, 2]
    assert sorted(everything_below(tmp_path)) == [
        "out/master_tile_000.fits",
        "out/master_tile_002.fits",
    ]


def test_tiles_keep_their_numbers(study, tmp_path) -> None:
    pairs = [(study, apply_mask(study, MILD))] * 2
    done = write_master_tiles(pairs, tmp_path, tile_ids=[12, 1003])
    assert [each.name for each in done.tiles] == ["master_tile_012.fits", "master_tile_1003.fits"]
    with pytest.raises(OutputError, match="two clusters have the tile number 3"):
        write_master_tiles(pairs, tmp_path / "other", tile_ids=[3, 3])


def test_one_tile_is_too_few(study, tmp_path) -> None:
    done = write_master_tiles([(study, apply_mask(study, MILD))], tmp_path)
    assert "at least 2" in done.notes[0]


def test_tiles_that_are_there_already(study, tmp_path) -> None:
    pairs = [(study, apply_mask(study, MILD))] * 2
    (tmp_path / "master_tile_001.fits").write_bytes(b"mine")
    (tmp_path / "master_tile_077.fits").write_bytes(b"mine, too")
    with pytest.raises(OutputError, match=r"holds master tiles already \(master_tile_001.fits"):
        write_master_tiles(pairs, tmp_path)
    done = write_master_tiles(pairs, tmp_path, overwrite=True)
    assert check_master_tile(done.tiles[1]) == []
    assert "master_tile_077.fits" in done.notes[0]
    assert (tmp_path / "master_tile_077.fits").read_bytes() == b"mine, too"


@pytest.mark.parametrize("name", ["rejected_by_quality", "Mes_rejets", "trash", "Quarantine"])
def test_folder_that_zemosaic_passes_over(study, tmp_path, name) -> None:
    with pytest.raises(OutputError, match="passes over"):
        write_master_tiles([(study, apply_mask(study, MILD))], tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_link_to_zemosaics_own_folder(study, tmp_path) -> None:
    own = tmp_path / "run" / TILES_FOLDER
    own.mkdir(parents=True)
    (own / "master_tile_000.fits").write_bytes(b"ZeMosaic's")
    (tmp_path / "out").symlink_to(own)
    pairs = [(study, apply_mask(study, MILD))]
    for folder in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(OutputError, match="is a ZeMosaic run's own"):
            write_master_tiles(pairs, folder, overwrite=True)
    assert everything_below(own) == {"master_tile_000.fits": b"ZeMosaic's"}


def test_folder_that_is_a_file(study, tmp_path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(OutputError, match="is not a folder"):
        write_master_tiles([(study, apply_mask(study, MILD))], tmp_path / "out" / "below")
