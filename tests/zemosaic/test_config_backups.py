"""The backups beside a config, and the way back."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from configs import AS_ZEMOSAIC_WRITES, BEFORE, TUNED, backup_of, backups, names, put
from trouble import make_old_backups

from napari_zecoverage.core.errors import (
    ConfigChangedError,
    ConfigError,
    ConfigFormatError,
    ConfigNotFoundError,
)
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import config_backups
from napari_zecoverage.zemosaic.config import CONFIG_NAME, read_config
from napari_zecoverage.zemosaic.config_backups import BACKUPS_KEPT, Backup, list_backups
from napari_zecoverage.zemosaic.config_values import MISSING, KeyChange
from napari_zecoverage.zemosaic.config_writing import restore_backup, write_config

# --- the file: dry run, nothing to do, backups, links, permissions ---------------------


def test_the_previous_file_is_kept_beside(config: Path) -> None:
    change = write_config(config, TUNED)
    assert change.backup is not None
    assert change.backup.parent == config.parent
    assert change.backup.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert names(config.parent) == sorted([CONFIG_NAME, change.backup.name])


def test_the_last_five_backups_stay_and_no_other_file_goes(tmp_path: Path, config: Path) -> None:
    strangers = [
        f"{CONFIG_NAME}.bak",
        f"{CONFIG_NAME}.2020-01-01.bak",
        f"{CONFIG_NAME}.2020-01-01T00-00-00.000000Z.bak.mine",
        "other.json.2020-01-01T00-00-00.000000Z.bak",
    ]
    for name in strangers:
        put(tmp_path / name, "mine")
    made = []
    for step in range(8):
        change = write_config(config, MaskParameters(min_coverage_abs=10 + step))
        assert change.backup is not None
        made.append(change.backup.name)
    assert len(set(made)) == 8
    assert names(tmp_path) == sorted([CONFIG_NAME, *strangers, *made[-BACKUPS_KEPT:]])
    assert json.loads((tmp_path / made[-1]).read_bytes())["altaz_min_coverage_abs"] == 16


def test_what_only_has_the_name_of_a_backup_stays(tmp_path: Path, config: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere", "mine")
    link = config.with_name(f"{CONFIG_NAME}.2020-01-01T00-00-00.000000Z.bak")
    folder = config.with_name(f"{CONFIG_NAME}.2020-01-02T00-00-00.000000Z.bak")
    link.symlink_to(elsewhere)
    folder.mkdir()
    made = [
        write_config(config, MaskParameters(min_coverage_abs=10 + step)).backup for step in range(7)
    ]
    assert link.is_symlink()
    assert folder.is_dir()
    assert [each.path for each in list_backups(config)] == made[: -BACKUPS_KEPT - 1 : -1]


def test_backup_that_goes_while_they_are_listed_costs_none_of_the_others(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = backup_of(config, "{}")
    second = backup_of(config, "{ }", "2026-01-02T03-04-06.000000Z")
    gone = config.with_name(f"{CONFIG_NAME}.2026-01-02T03-04-07.000000Z.bak")
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([first, gone, second]))
    assert [each.path for each in list_backups(config)] == [second, first]


def test_a_clock_set_back_costs_no_fresh_backup(tmp_path: Path, config: Path) -> None:
    for hour in range(7):
        put(tmp_path / f"{CONFIG_NAME}.2999-01-01T0{hour}-00-00.000000Z.bak", f"{hour}")
    change = write_config(config, TUNED)
    assert change.backup is not None
    assert change.backup.exists()
    assert [path.read_text() for path in backups(tmp_path)[1:]] == ["3", "4", "5", "6"]


def test_a_backup_of_the_same_moment_is_not_overwritten(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = config_backups.datetime

    class Stopped(real):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real(2026, 1, 1, tzinfo=tz)

    monkeypatch.setattr(config_backups, "datetime", Stopped)
    first = write_config(config, TUNED).backup
    second = write_config(config, MaskParameters()).backup
    assert first is not None
    assert second is not None
    assert [first.name, second.name] == [
        f"{CONFIG_NAME}.2026-01-01T00-00-00.000000Z.bak",
        f"{CONFIG_NAME}.2026-01-01T00-00-00.000001Z.bak",
    ]
    assert first.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


# --- backups and back ------------------------------------------------------------------


def test_backups_are_listed_the_newest_first(config: Path) -> None:
    assert list_backups(config) == ()
    old = backup_of(config, "{}")
    new = backup_of(config, "{ }", "2026-01-02T03-04-06.000000Z")
    put(config.with_name(f"{CONFIG_NAME}.mine.bak"), "{}")
    backup_of(config, "{}", "2026-13-02T03-04-05.000006Z")
    backup_of(config, "{}", "2026-01-09T03-04-05.000006Z").rename(config.with_name("other"))
    config.with_name(f"{CONFIG_NAME}.2026-01-08T03-04-05.000006Z.bak").symlink_to(old)
    config.with_name(f"{CONFIG_NAME}.2026-01-07T03-04-05.000006Z.bak").mkdir()
    assert list_backups(config.parent) == (
        Backup(new, datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC), 3),
        Backup(old, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), 2),
    )
    config.unlink()
    assert len(list_backups(config)) == 2
    assert list_backups(config.parent / "nowhere" / "c.json") == ()


def test_backups_that_cannot_be_listed_say_why(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ConfigError, match="cannot be listed: Permission denied"):
        list_backups(config)


def test_what_was_exported_is_undone_by_its_backup(config: Path) -> None:
    exported = write_config(config, TUNED)
    tuned = config.read_bytes()
    (backup,) = list_backups(config)
    assert backup.path == exported.backup
    back = restore_backup(config, backup)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert back.changes == tuple(KeyChange(key, new, old) for key, old, new in exported.changes)
    assert back.backup is not None
    assert back.backup.read_bytes() == tuned
    assert [each.path for each in list_backups(config)] == [back.backup, backup.path]
    # And forth again.
    restore_backup(str(config), str(back.backup))
    assert config.read_bytes() == tuned


def test_a_dry_restore_tells_all_and_writes_nothing(config: Path) -> None:
    backup = backup_of(config, '{"a": NaN, "altaz_margin_percent": 5, "altaz_nanize": 1}')
    before = names(config.parent)
    change = restore_backup(config, backup, dry_run=True)
    assert change.backup is None
    assert change.changes[:2] == (
        KeyChange("a", MISSING, change.changes[0].new),
        KeyChange("altaz_nanize", True, 1),
    )
    removed = [each.key for each in change.changes[2:]]
    assert removed == [
        key
        for key in json.loads(AS_ZEMOSAIC_WRITES)
        if key not in ("altaz_margin_percent", "altaz_nanize")
    ]
    assert all(each.new is MISSING for each in change.changes[2:])
    assert 'language: "fr" → not in the file' in change.lines()
    assert names(config.parent) == before
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


def test_a_backup_equal_to_the_config_is_not_written(config: Path) -> None:
    backup = backup_of(config, AS_ZEMOSAIC_WRITES)
    before = config.stat()
    change = restore_backup(config, backup)
    assert (change.changes, change.backup) == ((), None)
    assert config.stat().st_ino == before.st_ino
    # One that is only spelled otherwise is put back.
    other = backup_of(config, AS_ZEMOSAIC_WRITES + " ", "2026-01-02T03-04-07.000006Z")
    change = restore_backup(config, other)
    assert change.changes == ()
    assert change.backup is not None
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES + " "


@pytest.mark.parametrize("damaged", [b"", b"{", b"\xff", b"[]"])
def test_a_damaged_config_is_replaced_and_kept(config: Path, damaged: bytes) -> None:
    backup = backup_of(config, BEFORE)
    put(config, damaged)
    change = restore_backup(config, backup)
    assert config.read_text() == BEFORE
    assert change.changes[0] == KeyChange("altaz_morph_open_px", MISSING, 0)
    assert change.backup is not None
    assert change.backup.read_bytes() == damaged


def test_a_config_that_is_gone_comes_back(config: Path) -> None:
    backup = backup_of(config, BEFORE)
    config.unlink()
    assert restore_backup(config, backup).backup is None
    assert config.read_text() == BEFORE


def test_the_oldest_of_five_can_be_put_back(config: Path) -> None:
    make_old_backups(config.parent)
    list_backups(config)[0].path.unlink()
    oldest = list_backups(config)[-1]
    put(oldest.path, BEFORE)
    restore_backup(config, oldest)
    assert config.read_text() == BEFORE
    assert len(list_backups(config)) == BACKUPS_KEPT


def test_only_a_backup_of_this_config_is_put_back(tmp_path: Path, config: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    backup = backup_of(config, BEFORE)
    link = config.with_name(f"{CONFIG_NAME}.2026-01-08T03-04-05.000006Z.bak")
    link.symlink_to(backup)
    for stranger in (
        put(tmp_path / "other.json", BEFORE),
        backup_of(elsewhere / CONFIG_NAME, BEFORE),
        backup_of(tmp_path / "other.json", BEFORE),
        link,
    ):
        with pytest.raises(ConfigError, match="is not a backup"):
            restore_backup(config, stranger)
    for path, source in (("a\0b", backup), (config, "a\0b/c")):
        with pytest.raises(ConfigError):
            restore_backup(path, source)
    with pytest.raises(ConfigError):
        list_backups("a\0b")
    with pytest.raises(ConfigFormatError, match="is not JSON"):
        restore_backup(config, put(backup, "{"))
    backup.unlink()
    with pytest.raises(ConfigNotFoundError, match="no such backup"):
        restore_backup(config, backup)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


def test_nothing_is_put_back_over_an_unseen_change(config: Path) -> None:
    backup = backup_of(config, BEFORE)
    read = read_config(config)
    put(config, "{}")
    with pytest.raises(ConfigChangedError):
        restore_backup(config, backup, expected=read)
    assert config.read_text() == "{}"
    restore_backup(config, backup, expected=read_config(config))
    assert config.read_text() == BEFORE


def test_of_a_link_the_backups_stand_beside_the_file_it_leads_to(
    tmp_path: Path, config: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    link = other / "linked.json"
    link.symlink_to(config)
    write_config(link, TUNED)
    (backup,) = list_backups(link)
    assert backup.path.parent == config.parent
    restore_backup(link, backup)
    assert link.is_symlink()
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
