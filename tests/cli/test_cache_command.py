"""``zecoverage cache``."""

from __future__ import annotations

from shell import run

import napari_zecoverage as zc


def test_cache_tells_its_place_and_is_emptied(sample, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "cache"))
    assert "studied clusters  0\n" in run("cache").stdout
    run("mask", sample, "--stack", "none", "--out", tmp_path / "out")
    place = zc.StudyCache().directory
    assert run("cache", "--where").stdout == f"{place}\n"
    size = zc.StudyCache().size_bytes()
    told = run("cache").stdout
    assert str(place) in told
    assert "studied clusters  1\n" in told
    assert f"{size / 1e6:.1f} MB of at most" in told
    assert "1 studied clusters removed" in run("cache", "--clear").stderr
    assert zc.StudyCache().entries() == []
