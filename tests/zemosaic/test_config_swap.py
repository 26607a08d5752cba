"""A config swapped in: the old or the new file, whole, whatever happens."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trouble
from configs import AS_ZEMOSAIC_WRITES, BEFORE, TUNED, backup_of, backups, names, put, rewritten
from trouble import Trouble, full_disk, interrupt, make_old_backups

from napari_zecoverage.core.errors import ConfigChangedError, ConfigError, ConfigWriteError
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.zemosaic import config_swap
from napari_zecoverage.zemosaic.config import CONFIG_NAME, read_config
from napari_zecoverage.zemosaic.config_backups import BACKUPS_KEPT
from napari_zecoverage.zemosaic.config_swap import STALE_AFTER_S
from napari_zecoverage.zemosaic.config_writing import restore_backup, write_config

# --- the file: dry run, nothing to do, backups, links, permissions ---------------------


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_permissions_and_owner_are_kept(config: Path, mode: int) -> None:
    config.chmod(mode)
    if os.geteuid() == 0:
        os.chown(config, 12345, 54321)
    before = config.stat()
    change = write_config(config, TUNED)
    for path in (config, change.backup):
        assert path is not None
        after = path.stat()
        assert stat.S_IMODE(after.st_mode) == mode
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_of_a_link_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    target = put(real / "mine.json", AS_ZEMOSAIC_WRITES)
    (tmp_path / "step").symlink_to(target)
    link = tmp_path / CONFIG_NAME
    link.symlink_to("step")
    change = write_config(tmp_path, TUNED)
    assert change.path == link
    assert link.is_symlink()
    assert not target.is_symlink()
    assert read_config(target).parameters == TUNED
    assert change.backup is not None
    assert change.backup.parent == real
    assert names(tmp_path) == ["real", "step", CONFIG_NAME]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_in_a_circle_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for act in (
        lambda: read_config(tmp_path / "a"),
        lambda: write_config(tmp_path / "a", TUNED, create=True),
    ):
        with pytest.raises(ConfigError, match="cannot be read"):
            act()


# --- changed since it was read ---------------------------------------------------------


@pytest.mark.parametrize("newer", [b'{"newer": 1}', None])
def test_a_change_while_we_write_is_noticed(
    config: Path, monkeypatch: pytest.MonkeyPatch, newer: bytes | None
) -> None:
    real = config_swap._back_up

    def meanwhile(*arguments: Any) -> Path:
        if newer is None:
            config.unlink()
        else:
            config.write_bytes(newer)
        return real(*arguments)

    monkeypatch.setattr(config_swap, "_back_up", meanwhile)
    with pytest.raises(ConfigChangedError):
        write_config(config, TUNED)
    assert names(config.parent) == ([] if newer is None else [CONFIG_NAME])
    if newer is not None:
        assert config.read_bytes() == newer


# --- a new file ------------------------------------------------------------------------


def test_a_new_config_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigWriteError, match="Make the folder first"):
        write_config(tmp_path / "no" / "c.json", TUNED, create=True)
    assert names(tmp_path) == []


def test_a_file_that_appears_while_a_new_one_is_made_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = config_swap._write_beside

    def meanwhile(target: Path, content: bytes) -> Path:
        put(target, "{}")
        return real(target, content)

    monkeypatch.setattr(config_swap, "_write_beside", meanwhile)
    with pytest.raises(ConfigChangedError):
        write_config(tmp_path, TUNED, create=True)
    assert (tmp_path / CONFIG_NAME).read_bytes() == b"{}"
    assert names(tmp_path) == [CONFIG_NAME]


# --- failures: the old or the new file, whole ------------------------------------------


def test_a_read_only_config_is_left_alone(config: Path) -> None:
    config.chmod(0o444)
    try:
        with pytest.raises(ConfigWriteError, match="is read-only; nothing was written"):
            write_config(config, TUNED)
        assert write_config(config, TUNED, dry_run=True).changes
        assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
        assert names(config.parent) == [CONFIG_NAME]
    finally:
        config.chmod(0o644)


def test_a_config_of_somebody_else_is_left_alone(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigWriteError, match="is read-only"):
        write_config(config, TUNED)


@pytest.mark.parametrize("step", ["open", "replace", "fsync"])
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "cannot be written: .*Allow writing"),
        (errno.EROFS, "cannot be written: .*disk is read-only"),
        (errno.ENOSPC, "cannot be written: .*Make room on the disk"),
        (errno.EIO, r"cannot be written: .*Nothing was changed\.$"),
    ],
)
def test_what_the_system_refuses_is_told_in_words(
    config: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, message: str
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    where = config_swap if step == "open" else os
    monkeypatch.setattr(where, step, refuse, raising=False)
    with pytest.raises(ConfigWriteError, match=message) as refused:
        write_config(config, TUNED)
    assert str(config) in str(refused.value)
    assert os.strerror(number) in str(refused.value)
    assert config.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES
    assert names(config.parent) == [CONFIG_NAME]


@pytest.mark.parametrize("make_trouble", [full_disk, interrupt])
def test_trouble_at_any_step_leaves_the_old_or_the_new_file_whole(
    tmp_path: Path, make_trouble: Callable[[], None]
) -> None:
    new = rewritten(tmp_path / "new.json", AS_ZEMOSAIC_WRITES, TUNED)
    old = AS_ZEMOSAIC_WRITES.encode()
    seen = set()
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        make_old_backups(folder)
        config = put(folder / CONFIG_NAME, old)
        failing = Trouble(at, make_trouble)
        failed: BaseException | None = None
        with pytest.MonkeyPatch.context() as patches:
            failing.install(partial(patches.setattr, raising=False))
            try:
                write_config(config, TUNED)
            except (ConfigWriteError, KeyboardInterrupt) as error:
                failed = error
        assert not list(folder.glob(".*")), f"step {at} leaves a temporary file"
        content = config.read_bytes()
        seen.add(content)
        assert content in (old, new), f"step {at} damages the config"
        assert all(path.read_bytes() == old for path in backups(folder))
        if isinstance(failed, ConfigWriteError):
            assert content == old, f"step {at} reports a failure after the swap"
        if content == old:
            assert failed is not None
            assert len(backups(folder)) == 6, f"step {at} leaves a backup of nothing"
        else:
            assert len(backups(folder)) >= BACKUPS_KEPT
        if failing.count < at:
            break
    assert at > 12, "the steps are not counted"
    assert failed is None
    assert seen == {old, new}


def test_an_interrupt_just_after_the_swap_costs_no_backup(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def swap_and_interrupt(source: Path, target: Path) -> None:
        real(source, target)
        if target == config:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", swap_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_config(config, TUNED)
    assert read_config(config).parameters == TUNED
    (kept,) = backups(config.parent)
    assert kept.read_text(encoding="utf-8") == AS_ZEMOSAIC_WRITES


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be synced there")
def test_what_is_swapped_in_is_on_the_disk_before_and_the_folder_after(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def swap(source: Path, target: Path) -> None:
        steps.append("config" if target == config else "backup")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", swap)
    write_config(config, TUNED)
    assert steps == ["file", "file", "backup", "config", "folder"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork a process")
def test_a_process_killed_at_any_step_leaves_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    new = rewritten(tmp_path / "new.json", AS_ZEMOSAIC_WRITES, TUNED)
    old = AS_ZEMOSAIC_WRITES.encode()
    for at in range(1, 40):
        (tmp_path / str(at)).mkdir()
        make_old_backups(tmp_path / str(at))
        put(tmp_path / str(at) / CONFIG_NAME, old)
    ended = subprocess.run(
        [sys.executable, trouble.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    steps = int(ended.stdout)
    assert 12 < steps < 40
    states = []
    for at in range(1, steps):
        folder = tmp_path / str(at)
        states.append((folder / CONFIG_NAME).read_bytes())
        assert all(path.read_bytes() == old for path in backups(folder))
        # What a kill leaves behind does not stand in the way of the next export.
        write_config(folder, TUNED)
        assert (folder / CONFIG_NAME).read_bytes() == new
    assert set(states) == {old, new}
    assert states == sorted(states, key=lambda content: content == new), "old, then new"


# --- backups and back ------------------------------------------------------------------


@pytest.mark.parametrize("make_trouble", [full_disk, interrupt])
def test_trouble_at_any_step_of_a_restore_leaves_one_of_the_two_whole(
    tmp_path: Path, make_trouble: Callable[[], None]
) -> None:
    seen = set()
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        config = put(folder / CONFIG_NAME, AS_ZEMOSAIC_WRITES)
        backup = backup_of(config, BEFORE)
        failing = Trouble(at, make_trouble)
        failed = False
        with pytest.MonkeyPatch.context() as patches:
            failing.install(partial(patches.setattr, raising=False))
            try:
                restore_backup(config, backup)
            except (ConfigWriteError, KeyboardInterrupt):
                failed = True
        assert not list(folder.glob(".*")), f"step {at} leaves a temporary file"
        seen.add(content := config.read_text(encoding="utf-8"))
        assert backup.read_text() == BEFORE
        assert content in (BEFORE, AS_ZEMOSAIC_WRITES)
        assert failed or content == BEFORE
        if failing.count < at:
            break
    assert at > 12
    assert not failed
    assert seen == {BEFORE, AS_ZEMOSAIC_WRITES}


def test_what_a_killed_export_left_is_removed_by_a_later_one(config: Path) -> None:
    def aged(name: str, seconds: float) -> Path:
        path = put(config.with_name(name), "half")
        os.utime(path, (os.stat(config).st_mtime - seconds,) * 2)
        return path

    stale = aged(f".{CONFIG_NAME}.0123456789abcdef.tmp", STALE_AFTER_S + 60)
    stay = [
        aged(f".{CONFIG_NAME}.0123456789abcde0.tmp", STALE_AFTER_S - 600),
        aged(f".{CONFIG_NAME}.0123456789abcde1.tmp", -86400),
        aged(f".{CONFIG_NAME}.0123456789abcdeX.tmp", 86400),
        aged(f".{CONFIG_NAME}.tmp", 86400),
        aged(".other.json.0123456789abcdef.tmp", 86400),
    ]
    folder = config.with_name(f".{CONFIG_NAME}.0123456789abcde2.tmp")
    folder.mkdir()
    os.utime(folder, (0, 0))
    write_config(config, MaskParameters(), dry_run=True)
    assert stale.exists()
    write_config(config, TUNED)
    assert not stale.exists()
    assert all(path.exists() for path in [*stay, folder])
