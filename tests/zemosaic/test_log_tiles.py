"""Which tile a line without a tile id belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from logged import all_entries, alpha, crop, gating, log_of, said, stats

from napari_zecoverage.zemosaic.logs import LogReading


def placed(reading: LogReading) -> dict[int, list[float]]:
    """The alpha shares that were taken as each tile's."""
    return {
        tile: [e.values["nonzero_frac"] for e in log.entries if e.kind == "alpha_stats"]
        for tile, log in reading.tiles.items()
    }


def test_a_line_between_two_of_one_tile_is_that_tiles(tmp_path: Path) -> None:
    reading = log_of(tmp_path, stats(0), alpha(0.1), crop(0), gating(7), alpha(0.7), crop(7))
    assert placed(reading) == {0: [0.1], 7: [0.7]}
    assert not reading.without_tile
    taken = [entry for entry in all_entries(reading) if not entry.named]
    assert [entry.tile for entry in taken] == [0, 7]
    assert "2 lines are without a tile id taken" in said(reading)


@pytest.mark.parametrize(
    ("messages", "certain"),
    [
        # Before the first line of a tile, after the last one, between two tiles.
        ((alpha(0.1), stats(0), crop(0)), {0: []}),
        ((stats(0), crop(0), alpha(0.1)), {0: []}),
        ((stats(0), alpha(0.1), crop(1)), {0: [], 1: []}),
        # Two tiles at work at once.
        ((stats(0), stats(1), alpha(0.1), crop(1), alpha(0.2), crop(0)), {0: [], 1: []}),
        # Two such lines: one of them must be another tile's.
        ((stats(0), alpha(0.1), alpha(0.2), crop(0)), {0: []}),
        ((stats(0), alpha(0.1), crop(0), alpha(0.2), crop(0)), {0: []}),
        # All gating lines first.
        ((gating(0), gating(1), stats(0), alpha(0.1), crop(0), crop(1)), {0: [0.1], 1: []}),
    ],
)
def test_a_line_that_may_be_anothers_is_left_apart(
    tmp_path: Path, messages: tuple[str, ...], certain: dict[int, list[float]]
) -> None:
    reading = log_of(tmp_path, *messages)
    assert placed(reading) == certain
    left = sum(message.startswith("ALPHA") for message in messages) - sum(
        map(len, certain.values())
    )
    assert len(reading.without_tile) == left
    assert ("it is not certain" in said(reading)) == bool(left)


def test_of_two_runs_in_one_log_the_last_counts(tmp_path: Path) -> None:
    first = (gating(0), stats(0, most=8), alpha(0.1), crop(0), stats(1), crop(1))
    second = (gating(0), stats(0, most=4), alpha(0.2), crop(0))
    reading = log_of(tmp_path, *first, *second)
    assert reading.tiles[0].times == 2
    assert reading.tiles[1].times == 1
    assert placed(reading)[0] == [0.2]
    coverage = reading.tiles[0].said("coverage_stats")
    assert coverage is not None
    assert coverage["max"] == 4
    assert len(reading.tiles[0].entries) == 4
    assert "tile 0." in said(reading)
    assert reading.tiles[0].said("pad") is None
