"""The table of ZeMosaic's keys is that of ZEMOSAIC.md §6."""

from __future__ import annotations

from configs import TABLE

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic.config_keys import CONFIG_KEYS, READ_BY

ENTRIES = {entry.key: entry for entry in CONFIG_KEYS}


def test_the_table_is_zemosaics() -> None:
    assert [
        (
            entry.key,
            entry.default,
            entry.reader,
            tuple(entry.window_range) if entry.window_range else (entry.in_window or None),
        )
        for entry in CONFIG_KEYS
    ] == TABLE
    for entry, row in zip(CONFIG_KEYS, TABLE, strict=True):
        assert type(entry.default) is type(row[1])
        assert entry.effect.endswith(".")
        assert entry.read_by == READ_BY[entry.reader]
        assert (entry.kind == "switch") == isinstance(entry.default, bool)
        assert bool(entry.choices) == (entry.kind == "choice")


def test_every_threshold_is_in_the_table_with_the_same_default() -> None:
    ours = MaskParameters().to_config()
    assert ours.keys() <= ENTRIES.keys()
    assert {key: ENTRIES[key].default for key in ours} == ours
