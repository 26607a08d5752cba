"""``zecoverage export``."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from shell import GIVEN, command, flag, names_in, one_line, read_json, run, write_run

import napari_zecoverage as zc
from napari_zecoverage.cli.endings import DONE, FAILED, WRONG_USAGE
from napari_zecoverage.zemosaic import config_writing, kept_results, running
from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST, CONFIG_NAME
from napari_zecoverage.zemosaic.config_backups import list_backups


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / CONFIG_NAME
    values = {
        "input_dir": "/données",
        "altaz_min_coverage_abs": 4.0,
        "altaz_min_coverage_frac": 0.5,
        "altaz_morph_open_px": 3,
        "altaz_decay": "steep",
        "zzz": [1, {"x": None}],
    }
    path.write_text(json.dumps(values, indent=4, ensure_ascii=False), encoding="utf-8")
    return path


def test_export_changes_only_what_is_named(config) -> None:
    before = config.read_bytes()
    result = run("export", config, "--min-coverage-frac", 0.6, "--morph-open-px", 1)
    expected = before.replace(b"0.5", b"0.6").replace(b'px": 3', b'px": 1')
    assert config.read_bytes() == expected
    told = one_line(result.stdout)
    assert "altaz_min_coverage_frac: 0.5 → 0.6" in told
    assert "altaz_morph_open_px: 3 → 1" in told
    assert "altaz_decay" not in told
    assert CLOSE_ZEMOSAIC_FIRST in told
    backups = [each for each in config.parent.iterdir() if each != config]
    assert [each.read_bytes() for each in backups] == [before]
    assert str(backups[0]) in told
    # What the config cannot mean is said, and left.
    assert "'steep' is not a number" in result.stderr


def test_export_takes_the_folder_and_every_threshold(config) -> None:
    options = [word for name, value in GIVEN.items() for word in flag(name, value)]
    run("export", config.parent, *options)
    assert zc.read_config(config).parameters == zc.MaskParameters(**GIVEN)


def test_dry_run_writes_nothing(config) -> None:
    before = config.read_bytes()
    result = run("export", config, "--min-coverage-abs", 6, "--dry-run")
    assert "altaz_min_coverage_abs: 4.0 → 6.0" in result.stdout
    assert "nothing, because of --dry-run" in result.stdout
    assert config.read_bytes() == before
    assert names_in(config.parent) == [CONFIG_NAME]


def test_export_of_what_is_there_already(config) -> None:
    result = run("export", config, "--min-coverage-abs", 4)
    assert "has these values already" in result.stdout
    assert names_in(config.parent) == [CONFIG_NAME]


def test_export_makes_a_config_only_when_asked(tmp_path) -> None:
    place = tmp_path / CONFIG_NAME
    assert "no such file" in run("export", place, "--decay", 1, code=FAILED).stderr
    assert names_in(tmp_path) == []
    run("export", place, "--decay", 1, "--create")
    assert read_json(place)["altaz_decay"] == 1.0


def test_export_of_no_threshold_is_wrong_usage(config) -> None:
    before = config.read_bytes()
    assert "at least one" in one_line(run("export", config, code=WRONG_USAGE).stderr)
    assert config.read_bytes() == before


# --- the way back --------------------------------------------------------------------------


def test_backups_are_listed_and_put_back(config) -> None:
    first = config.read_bytes()
    assert "none" in run("export", config, "--backups").stdout
    run("export", config, "--min-coverage-frac", 0.6)
    second = config.read_bytes()
    run("export", config, "--min-coverage-frac", 0.7)
    newest, oldest = (each.path for each in list_backups(config))
    told = run("export", config, "--backups").stdout
    assert told.index(str(newest)) < told.index(str(oldest))
    assert f"({len(first)} bytes)" in told

    dry = run("export", config, "--restore", "--dry-run").stdout
    assert "altaz_min_coverage_frac: 0.7 → 0.6" in dry
    assert "nothing, because of --dry-run" in dry
    result = run("export", config, "--restore")
    assert "altaz_min_coverage_frac: 0.7 → 0.6" in result.stdout
    assert str(newest) in result.stderr
    assert config.read_bytes() == second
    run("export", config.parent, "--restore-from", oldest)
    assert config.read_bytes() == first


def test_config_that_is_damaged_or_gone_is_put_back(config) -> None:
    first = config.read_bytes()
    run("export", config, "--min-coverage-frac", 0.6)
    config.write_text("{")
    run("export", config, "--restore")
    assert config.read_bytes() == first
    run("export", config, "--min-coverage-frac", 0.6)
    config.unlink()
    run("export", config, "--restore")
    assert config.read_bytes() == first


def test_nothing_to_put_back(config, tmp_path) -> None:
    before = config.read_bytes()
    assert "no earlier config" in run("export", config, "--restore", code=FAILED).stderr
    other = tmp_path / "other.json"
    other.write_text("{}")
    refused = run("export", config, "--restore-from", other, code=FAILED)
    assert "is not a backup" in refused.stderr
    assert config.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--restore", "--decay", 1], "either thresholds are written"),
        (["--clear-kept", "--decay", 1], "--run RUN"),
        (["--dry-run"], "at least one"),
        (["--yes"], "at least one"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(config, arguments, told) -> None:
    before = config.read_bytes()
    refused = run("export", config, *arguments, code=WRONG_USAGE)
    assert told in one_line(refused.stderr)
    assert config.read_bytes() == before


# --- what the user should know -------------------------------------------------------------


def test_readers_of_the_keys_are_told(config) -> None:
    told = run("export", config, "--decay", 1, "--min-coverage-frac", 0.6).stdout
    lines = {line.split(": ")[0].split()[-1]: line for line in told.splitlines() if "→" in line}
    assert "from its window" in lines["altaz_decay"]
    assert "for every tile" in lines["altaz_min_coverage_frac"]
    assert f"zecoverage doctor {config.parent}" in told


def test_keys_are_shown(config) -> None:
    told = run("export", config, "--keys").stdout
    assert 'altaz_decay: "steep", taken as 0.15.' in told
    warned = next(line for line in told.splitlines() if "altaz_decay:" in line)
    assert warned.startswith("warning")
    for name in ("altaz_unknown_policy", "quality_crop_enabled", "altaz_morph_open_px"):
        assert f"{name}: " in told
    assert names_in(config.parent) == [CONFIG_NAME]


def test_conflict_is_shown_and_nothing_is_written(config, monkeypatch) -> None:
    write = config_writing.write_config

    def write_late(*arguments: Any, **options: Any) -> Any:
        config.write_text(config.read_text().replace('"altaz_morph_open_px": 3', changed))
        return write(*arguments, **options)

    changed = '"altaz_morph_open_px": 9'
    monkeypatch.setattr(config_writing, "write_config", write_late)
    refused = run("export", config, "--decay", 1, code=FAILED)
    assert "altaz_morph_open_px was 3 when it was read, and is 9 now" in refused.stderr
    assert "changed on disk since it was read" in refused.stderr
    assert changed in config.read_text()
    assert names_in(config.parent) == [CONFIG_NAME]


def test_key_that_came_and_one_that_went_meanwhile_are_shown_as_a_file_spells_them(
    config, monkeypatch
) -> None:
    write = config_writing.write_config

    def write_late(*arguments: Any, **options: Any) -> Any:
        values = read_json(config)
        del values["altaz_morph_open_px"]
        config.write_text(json.dumps({**values, "altaz_nanize": False}))
        return write(*arguments, **options)

    monkeypatch.setattr(config_writing, "write_config", write_late)
    refused = run("export", config, "--decay", 1, code=FAILED).stderr
    assert "altaz_morph_open_px was 3 when it was read, and is not in the file now" in refused
    assert "altaz_nanize was not in the file when it was read, and is false now" in refused


def test_running_zemosaic_is_warned_of(config, monkeypatch) -> None:
    process = running.RunningProcess(4711, "python3", "python3 run_zemosaic.py")
    monkeypatch.setattr(running, "find_running_zemosaic", lambda: (process,))
    for arguments in (["--decay", 1], ["--restore"], ["--decay", 0.2, "--dry-run"]):
        told = run("export", config, *arguments).stderr
        assert "warning: ZeMosaic is running, process 4711 (python3 run_zemosaic.py)" in told
    monkeypatch.setattr(running, "find_running_zemosaic", lambda: ())
    assert "warning" not in run("export", config, "--decay", 0.3).stderr


# --- with a run ----------------------------------------------------------------------------


@pytest.fixture
def a_run(sample: Path, tmp_path: Path) -> Path:
    """A run of two clusters that kept its tiles and a checkpoint."""
    frames = sorted(sample.glob("*.fit"))
    folder = write_run(tmp_path / "run", [frames[:3], frames[3:]], {"resume": "auto"})
    (folder / "zemosaic_temp_master_tiles").mkdir()
    for name in (*KEPT, "mine.txt"):
        (folder / name).write_bytes(b"1234")
    return folder


KEPT = (
    "zemosaic_temp_master_tiles/master_tile_000.fits",
    "zemosaic_temp_master_tiles/master_tile_001.fits",
    ".zemosaic_state/phase5_checkpoint.json",
)


def kept_in(a_run: Path) -> list[str]:
    return [name for name in KEPT if (a_run / name).exists()]


def test_run_tells_where_thresholds_act_and_what_hides_them(config, a_run) -> None:
    result = run("export", config, "--run", a_run, "--min-coverage-frac", 0.6)
    told = one_line(result.stdout)
    assert "master_tile_000, master_tile_001: Alt-Az cleanup: it depends." in told
    assert "2 kept master tiles" in told
    assert "1 kept checkpoint" in told
    assert "--clear-kept removes them" in told
    assert "altaz_min_coverage_frac: 0.5 → 0.6" in told
    assert kept_in(a_run) == list(KEPT)


def test_gating_is_by_the_config_that_is_exported_to(config, a_run) -> None:
    config.write_text(json.dumps({"altaz_unknown_policy": "off"}))
    told = one_line(run("export", config, "--run", a_run).stdout)
    assert "Alt-Az cleanup: no. ZeMosaic never sees EQMODE" in told
    assert '"off"' in told
    assert json.loads(config.read_text()) == {"altaz_unknown_policy": "off"}


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_kept_results_are_removed_after_a_yes(config, a_run, answer) -> None:
    arguments = ["--run", a_run, "--clear-kept", "--min-coverage-frac", 0.6]
    result = run("export", config, *arguments, typed=answer)
    assert f"Remove these 3 kept results of {a_run}? [y/N]" in result.stderr
    assert "Removed 3 kept results (12 bytes)." in result.stdout
    assert kept_in(a_run) == []
    assert (a_run / "mine.txt").exists()
    assert zc.read_config(config).parameters.min_coverage_frac == 0.6


@pytest.mark.parametrize("answer", ["n\n", "\n", "yesterday\n"])
def test_kept_results_stay_without_a_yes(config, a_run, answer) -> None:
    result = run("export", config, "--run", a_run, "--clear-kept", typed=answer)
    assert "nothing was removed" in result.stderr
    assert kept_in(a_run) == list(KEPT)


def test_answer_that_is_no_text_is_no_yes(config, a_run) -> None:
    done = subprocess.run(
        command("export", config, "--run", a_run, "--clear-kept"),
        input=b"\xff\xfe\n",
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        check=False,
        timeout=120,
    )
    assert done.returncode == DONE, done.stderr
    assert b"nothing was removed" in done.stderr
    assert kept_in(a_run) == list(KEPT)


def test_kept_results_stay_when_nobody_answers(config, a_run) -> None:
    refused = run("export", config, "--run", a_run, "--clear-kept", code=FAILED)
    assert "error: nobody answered, so nothing was removed; --yes" in refused.stderr
    assert kept_in(a_run) == list(KEPT)


def test_scripts_say_yes_beforehand(config, a_run) -> None:
    dry = run("export", config, "--run", a_run, "--clear-kept", "--yes", "--dry-run")
    assert "nothing is removed, because of --dry-run" in dry.stderr
    assert kept_in(a_run) == list(KEPT)
    result = run("export", config, "--run", a_run, "--clear-kept", "--yes")
    assert "[y/N]" not in result.stderr
    assert kept_in(a_run) == []
    again = run("export", config, "--run", a_run, "--clear-kept", "--yes")
    assert "keeps nothing that would hide" in again.stdout


def test_kept_result_that_cannot_be_removed_is_a_failure(config, a_run, monkeypatch) -> None:
    def fail(path: Path) -> None:
        raise PermissionError(13, "not [yours]")

    monkeypatch.setattr(kept_results.os, "unlink", fail)
    result = run("export", config, "--run", a_run, "--clear-kept", "--yes", code=FAILED)
    assert f"error: {a_run / KEPT[0]} is left: not [yours]\n" in result.stderr
    assert kept_in(a_run) == list(KEPT)


def test_nothing_is_written_when_the_run_is_not_there(config, tmp_path) -> None:
    before = config.read_bytes()
    refused = run("export", config, "--run", tmp_path / "no", "--decay", 1, code=FAILED)
    assert "there is no such folder" in refused.stderr
    assert config.read_bytes() == before


def test_run_whose_frames_are_gone_does_not_keep_from_exporting(config, tmp_path) -> None:
    a_run = write_run(tmp_path / "run", [[tmp_path / "gone.fit"]])
    result = run("export", config, "--run", a_run, "--decay", 1, code=FAILED)
    assert "gone.fit" in result.stderr
    assert zc.read_config(config).parameters.decay == 1


def test_a_byte_order_mark_is_told_and_taken_out(tmp_path) -> None:
    config = tmp_path / CONFIG_NAME
    values = zc.MaskParameters().to_config()
    config.write_bytes(codecs.BOM_UTF8 + json.dumps(values).encode())
    first = run("export", config, "--min-coverage-abs", "3").stdout
    assert "the byte order mark goes" in first
    assert not config.read_bytes().startswith(codecs.BOM_UTF8)
    assert "none: the config has" in run("export", config, "--min-coverage-abs", "3").stdout
