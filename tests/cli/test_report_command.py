"""``zecoverage report``."""

from __future__ import annotations

import shutil

import pytest
from shell import flag, names_in, one_line, read_json, run

import napari_zecoverage as zc
from napari_zecoverage.cli.endings import FAILED, WRONG_USAGE

REPORT = ["report-pictures", "report.html", "report.json", "report.md"]


def test_report_writes_what_is_advised(sample, tmp_path) -> None:
    out = tmp_path / "out"
    result = run("report", sample, "--out", out)
    assert names_in(out) == REPORT
    study = zc.study_cluster(zc.find_clusters(sample)[0])
    figures = read_json(out / "report.json")
    assert figures["settings"]["chosen"] == zc.advise(study).parameters.to_config()
    assert figures["clusters"][0]["summary"] == study.summary
    told = one_line(result.stdout)
    assert study.summary in told
    assert str(out / "report.html") in told


def test_report_takes_thresholds_options_and_a_config(sample, tmp_path) -> None:
    config = tmp_path / "zemosaic_config.json"
    config.write_text('{"altaz_min_coverage_frac": 0.7, "altaz_decay": 0.3}')
    options = [*flag("min_coverage_abs", 2), "--tolerance", 0.5, "--stack", "mean"]
    run("report", sample, "--config", config, *options, "--out", tmp_path / "out")
    settings = read_json(tmp_path / "out" / "report.json")["settings"]
    chosen = zc.MaskParameters(min_coverage_frac=0.7, decay=0.3, min_coverage_abs=2)
    assert settings["chosen"] == chosen.to_config()
    assert settings["advice"]["tolerance"] == 0.5
    assert settings["study"]["stack"] == "mean"


def test_several_clusters_have_a_report_each(sample, tmp_path) -> None:
    frames = sorted(sample.glob("*.fit"))
    for name in ("one", "two"):
        (tmp_path / "frames" / name).mkdir(parents=True)
        for path in frames:
            shutil.copy(path, tmp_path / "frames" / name)
    (tmp_path / "frames" / "two" / frames[0].name).write_text("damaged")
    run("report", tmp_path / "frames", "--stack", "none", "--out", tmp_path / "out")
    assert names_in(tmp_path / "out") == ["one", "two"]
    for name, left_out in (("one", 0), ("two", 1)):
        assert names_in(tmp_path / "out" / name) == REPORT
        figures = read_json(tmp_path / "out" / name / "report.json")
        assert len(figures["clusters"][0]["left_out"]) == left_out


def test_an_older_report_is_replaced_and_nobody_elses_file(sample, tmp_path) -> None:
    fast = ["--stack", "none", "--out", tmp_path]
    run("report", sample, *fast)
    first = (tmp_path / "report.json").read_bytes()
    run("report", sample, *flag("min_coverage_abs", 4), *fast)
    assert (tmp_path / "report.json").read_bytes() != first
    (tmp_path / "report.md").write_text("my own")
    result = run("report", sample, *fast, code=FAILED)
    assert "report.md" in result.stderr
    assert (tmp_path / "report.md").read_text() == "my own"
    run("report", sample, *fast, "--force")
    assert (tmp_path / "report.md.kept-1").read_text() == "my own"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "out", "--tolerance", "0"], "--tolerance"),
        (["--out", "out", "--min-coverage-frac", "2"], "--min-coverage-frac"),
        ([], "--out"),
    ],
)
def test_wrong_usage_is_said_before_any_work(
    sample, tmp_path, monkeypatch, arguments, told
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("report", sample, *arguments, code=WRONG_USAGE).stderr
    assert told in refused
    assert "frames:" not in refused
    assert names_in(tmp_path) == []


def test_frames_that_are_not_there_are_said_in_a_line(tmp_path) -> None:
    result = run("report", tmp_path / "nowhere.fit", "--out", tmp_path / "out", code=FAILED)
    assert result.stderr.count("error:") == 1
    assert not (tmp_path / "out").exists()
