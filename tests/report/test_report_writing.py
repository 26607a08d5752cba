"""The whole report: complete, true to the figures, all or nothing."""

from __future__ import annotations

import base64
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_reading import NASTY, Page
from report_studies import SHAPE, make_cluster, make_red_study, make_study

import napari_zecoverage as zc
from napari_zecoverage import report as report_room
from napari_zecoverage.core.advice import advise_judged, advise_run
from napari_zecoverage.core.errors import OutputError, StudyCancelledError
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.many import StudiedCluster, StudiedRun
from napari_zecoverage.report import Report, write_report
from napari_zecoverage.report.document import visible
from napari_zecoverage.report.words import with_error

CHOSEN = MaskParameters(min_coverage_abs=4, min_coverage_frac=0.6, margin_percent=3)
EXPORTED = (
    ("ZeMosaic's config", "/home/a|b/zemosaic_config.json"),
    ("masked tile", Path("t.fits")),
)


def read(report: Report) -> tuple[Page, str, dict[str, Any]]:
    page = Page(report.html.read_text(encoding="utf-8"))
    markdown = report.markdown.read_text(encoding="utf-8")
    figures = json.loads(report.figures.read_text(encoding="ascii"), parse_constant=pytest.fail)
    return page, markdown, figures


@pytest.fixture(scope="module")
def study() -> ClusterStudy:
    return make_red_study()


@pytest.fixture(scope="module")
def single(study, tmp_path_factory) -> Report:
    folder = tmp_path_factory.mktemp("single") / "out"
    return write_report(folder, study, CHOSEN, exported=EXPORTED)


def judged_line(study: ClusterStudy, file: Path | None, **changes: Any) -> StudiedCluster:
    fringe = measure_fringe(study)
    judged = judge(study, fringe=fringe)
    line = StudiedCluster(
        cluster=study.cluster,
        summary=study.summary,
        study_file=file,
        judged=judged,
        fringe_counts=fringe.counts,
        advice=advise_judged(judged),
        seconds=1.0,
        notes=("A note of the line.",),
    )
    return replace(line, **changes)


def make_run(*lines: StudiedCluster) -> StudiedRun:
    judged = [each.judged for each in lines if each.judged is not None]
    return StudiedRun(
        clusters=lines,
        advice=advise_run(judged) if judged else None,
        parameters=MaskParameters(),
        options=StudyOptions(),
        advice_options=AdviceOptions(),
        scheduler="2 processes of 1 thread",
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> StudiedRun:
    folder = tmp_path_factory.mktemp("studies")
    plain = make_study(10, "plain")
    red = make_red_study("<b>red</b>|`x`")
    lines = [
        judged_line(each, zc.write_study(folder / f"{k}.zestudy", each))
        for k, each in enumerate((plain, red))
    ]
    lines.append(judged_line(make_study(9, "not kept"), None))
    lines.append(StudiedCluster(make_cluster(6, "broken"), error="it is\nnot readable."))
    lines.append(StudiedCluster(make_cluster(2, "small"), skipped="It is not Alt-Az."))
    lines.append(judged_line(make_study(9, "lost"), folder / "nowhere.zestudy"))
    return make_run(*lines)


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory) -> Report:
    return write_report(tmp_path_factory.mktemp("run") / "out", run)


# --- complete and offline ------------------------------------------------------------------


def test_the_files_are_where_the_report_says(single) -> None:
    assert {path.name for path in single.folder.iterdir()} == {
        "report.html",
        "report.md",
        "report.json",
        "report-pictures",
    }
    assert single.html.is_file()
    assert set(single.pictures) == set((single.folder / "report-pictures").iterdir())
    assert len(single.pictures) == 12


@pytest.mark.parametrize("name", ["single", "whole"])
def test_the_page_needs_nothing_but_itself(name: str, request) -> None:
    report = request.getfixturevalue(name)
    page, _, _ = read(report)
    shown = [each["src"] for each in page.named("img")]
    shown += [each["srcset"] for each in page.named("source")]
    embedded = set()
    for each in shown:
        kind, _, data = each.partition(",")
        assert kind == "data:image/png;base64"
        png = base64.b64decode(data, validate=True)
        assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) is not None
        embedded.add(png)
    assert embedded == {path.read_bytes() for path in report.pictures}
    for tag, attributes in page.tags:
        for attribute, value in attributes.items():
            if attribute in ("src", "srcset", "href", "action", "data"):
                assert value.startswith(("data:image/png;base64,", "#")), (tag, attribute)
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}


@pytest.mark.parametrize("name", ["single", "whole"])
def test_every_link_has_its_one_place(name: str, request) -> None:
    page, markdown, _ = read(request.getfixturevalue(name))
    assert len(page.ids) == len(set(page.ids))
    assert all(re.fullmatch(r"[a-z0-9-]+", each) for each in page.ids)
    targets = {each["href"].removeprefix("#") for each in page.named("a")}
    assert targets <= set(page.ids)
    places = re.findall(r'<a id="([a-z0-9-]+)"></a>', markdown)
    assert sorted(places) == sorted(page.ids)


@pytest.mark.parametrize("name", ["single", "whole"])
def test_markdown_shows_pictures_that_are_there(name: str, request) -> None:
    report = request.getfixturevalue(name)
    _, markdown, figures = read(report)
    parsed = MarkdownIt("commonmark").enable("table").parse(markdown)
    images = [child for token in parsed for child in token.children or [] if child.type == "image"]
    assert images
    assert all(image.content for image in images)
    for image in images:
        assert (report.folder / image.attrs["src"]).is_file()
    listed = [file for each in figures["clusters"] for file in each["pictures"].values()]
    listed += list((figures["run"] or {"pictures": {}})["pictures"].values())
    assert sorted(image.attrs["src"] for image in images) == sorted(listed)


def test_every_picture_is_told_in_words(single) -> None:
    page, _, _ = read(single)
    images = page.named("img")
    assert len(images) == 9
    assert all(len(each["alt"]) > 20 for each in images)
    assert len({each["alt"] for each in images}) == len(images)
    assert len(page.of("figcaption")) == len(images)


# --- true to the figures -------------------------------------------------------------------


def table_of(page: Page) -> dict[str, list[str]]:
    """Return the rows of all tables, by their first cell."""
    rows: dict[str, list[str]] = {}
    heading = ""
    for tag, text in page.texts:
        if tag == "th":
            heading = text
            rows.setdefault(heading, [])
        elif tag == "td":
            rows[heading].append(text)
    return rows


def test_the_figures_are_those_of_the_masks(single, study) -> None:
    page, markdown, figures = read(single)
    fringe = measure_fringe(study)
    (cluster,) = figures["clusters"]
    rows = table_of(page)
    for column, (key, parameters) in enumerate(
        (("defaults", MaskParameters()), ("chosen", CHOSEN))
    ):
        outcome = apply_mask(study, parameters, fringe=fringe)
        told = cluster[key]
        assert told["parameters"] == parameters.to_config()
        assert told["mask"] == outcome.source
        assert told["threshold_frames"] == outcome.threshold
        assert told["field_lost"]["hard"] == pytest.approx(outcome.field_lost.hard, abs=1e-12)
        assert told["field_lost"]["soft"] == pytest.approx(outcome.field_lost.soft, abs=1e-12)
        assert told["alpha"] == pytest.approx(outcome.alpha_stats._asdict())
        assert told["fringe_left"]["step"] == outcome.fringe.step
        assert told["fringe_left"]["sigmas"] == outcome.fringe.sigmas
        y0, x0, y1, x1 = outcome.saved_rect
        assert told["saved_shape"] == [y1 - y0, x1 - x0]
        assert rows["field lost, hard"][column] == f"{outcome.field_lost.hard:.1%}"
        assert rows["field lost, soft"][column] == f"{outcome.field_lost.soft:.1%}"
        assert rows["min_coverage_abs, frames"][column] == f"{parameters.min_coverage_abs:g}"
        assert rows["min_coverage_frac"][column] == f"{parameters.min_coverage_frac:g}"
        assert rows["saved tile, px"][column] == f"{x1 - x0} × {y1 - y0}"
        assert f" {outcome.field_lost.hard:.1%} |" in markdown
    assert rows["altaz_min_coverage_frac"][:2] == ["0.6", "0.5"]
    assert figures["settings"]["chosen"] == CHOSEN.to_config()


def test_the_fringe_of_each_count_is_told(single, study) -> None:
    page, markdown, figures = read(single)
    fringe = measure_fringe(study)
    told = figures["clusters"][0]["fringe"]
    assert told["core_count"] == fringe.core_count
    assert [each["count"] for each in told["counts"]] == [each.count for each in fringe.counts]
    rows = table_of(page)
    for count, plain in zip(fringe.counts, told["counts"], strict=True):
        for name in ("red_green", "blue_green", "red_green_error", "raw_red_green", "noise"):
            value = getattr(count, name)
            assert plain[name] == (value if math.isfinite(value) else None)
        if count.measurable:
            words = with_error(count.red_green, count.red_green_error, "+")
            assert rows[f"{count.count:g}"][2] == words
            assert f"| {words} |" in markdown.replace("\\", "")
    reddest = max(told["counts"], key=lambda each: each["red_green"] or 0)
    assert reddest["red_green"] == pytest.approx(8, rel=0.15)


def test_the_levels_are_those_that_were_judged(single, study) -> None:
    _, _, figures = read(single)
    judged = judge(study, CHOSEN, fringe=measure_fringe(study))
    told = figures["clusters"][0]["levels"]
    assert told["frames"] == list(judged.levels)
    assert [each["field_kept"]["hard"] for each in told["masks"]] == [
        each.hard for each in judged.masks
    ]
    assert list(told["mask_of_level"].values()) == [list(each) for each in judged.chosen]


def test_the_frames_are_told_with_the_reasons(single, study) -> None:
    page, _, figures = read(single)
    cells = page.of("td")
    for frame, registration in zip(study.cluster.frames, study.registrations, strict=True):
        assert frame.path.name in cells
        assert not registration.reason or registration.reason in cells
    assert "it is text." in cells
    (cluster,) = figures["clusters"]
    assert [each["method"] for each in cluster["frames"]] == [
        each.method for each in study.registrations
    ]
    assert cluster["frames"][-1] == cluster["frames"][-1] | {"used": False, "times_counted": 0}
    assert cluster["left_out"] == [{"path": "/frames/bad.fit", "reason": "it is text."}]
    assert "A note." in page.of("li")


def test_a_note_of_several_lines_is_several_points(study, tmp_path) -> None:
    note = "None of 2 files can be used:\n/a: it is cut short.\n/b: it is text."
    page, markdown, _ = read(write_report(tmp_path, replace(study, notes=(note,))))
    assert set(note.split("\n")) <= set(page.of("li"))
    assert "\\n" not in markdown


def test_exports_settings_and_versions_are_told(single) -> None:
    page, markdown, figures = read(single)
    rows = table_of(page)
    assert rows["ZeMosaic's config"] == ["/home/a|b/zemosaic_config.json"]
    assert rows["masked tile"] == ["t.fits"]
    assert "/home/a\\|b/zemosaic\\_config.json" in markdown
    assert figures["exported"][1] == {"what": "masked tile", "where": "t.fits"}
    assert figures["versions"]["napari-zecoverage"] == zc.__version__
    assert figures["versions"]["numpy"] == np.__version__
    assert rows["numpy"] == [np.__version__]
    assert rows["tolerance"][0] == f"{AdviceOptions().tolerance:g}"
    assert figures["settings"]["study"]["stack"] == StudyOptions().stack
    assert set(figures["meaning"]) >= {"null", "field_lost", "fringe_left", "matrix"}


def test_without_thresholds_the_advised_ones_are_taken(study, tmp_path) -> None:
    advice = zc.advise(study)
    page, _, figures = read(write_report(tmp_path, study))
    assert figures["settings"]["chosen"] == advice.parameters.to_config()
    assert figures["clusters"][0]["advice"]["why"] == advice.why
    assert any(advice.why in each for each in page.of("p"))
    assert not advice.leave_defaults


def to_do(page: Page) -> list[str]:
    """Return what the page says first: a paragraph, and the points that follow it."""
    first = page.of("p")[1]  # the subtitle is above
    return [first, *(each for each in page.of("li") if each.startswith("altaz_"))]


def test_what_to_do_comes_first_and_names_each_key(single, study, tmp_path) -> None:
    page, markdown, _ = read(single)
    assert to_do(page) == [
        "What to do: set these keys in ZeMosaic's config (zemosaic_config.json).",
        "altaz_min_coverage_abs: 4 (ZeMosaic's default: 3)",
        "altaz_min_coverage_frac: 0.6 (ZeMosaic's default: 0.5)",
        "altaz_morph_open_px: 3, as ZeMosaic has it by default",
        "altaz_margin_percent: 3 (ZeMosaic's default: 5)",
    ]
    assert markdown.index("What to do") < markdown.index("Chosen thresholds")
    assert "The chosen thresholds are not those that are advised." in page.of("p")
    page, _, _ = read(write_report(tmp_path / "same", study, MaskParameters()))
    assert to_do(page)[0].startswith("What to do: nothing, where ZeMosaic's config ")
    assert len(to_do(page)) == 4


def test_what_cannot_be_judged_is_no_reason_to_do_anything(tmp_path) -> None:
    run = make_run(StudiedCluster(make_cluster(6, "broken"), error="it is broken."))
    page, _, _ = read(write_report(tmp_path, run))
    assert not any("What to do" in each for each in page.of("p"))


def test_where_no_step_is_left_there_is_none_before_matching_either(study, tmp_path) -> None:
    for each, words in ((make_study(10, "plain"), "–"), (study, "not known")):
        page, _, figures = read(write_report(tmp_path / each.cluster.name, each, MaskParameters()))
        assert (figures["clusters"][0]["chosen"]["fringe_left"]["step"] == 0) is (words == "–")
        assert table_of(page)["the same before matching, ADU"][:2] == [words, words]


# --- a run ---------------------------------------------------------------------------------


def test_every_cluster_of_a_run_has_its_line(whole, run) -> None:
    page, markdown, figures = read(whole)
    assert [each["name"] for each in figures["clusters"]] == [
        each.cluster.name for each in run.clusters
    ]
    rows = table_of(page)
    chosen = run.advice.parameters
    for line in run.clusters:
        row = rows[line.cluster.name]
        assert row[0] == str(len(line.cluster.frames))
        if line.judged is None:
            assert row[-1] == visible(line.error or line.skipped)
            continue
        level = line.judged.at(chosen)
        assert row[1] == level.source
        assert row[2] == f"{1 - level.hard:.1%}"
        assert row[3] == f"{1 - line.judged.at(MaskParameters()).hard:.1%}"
    assert "\\<b\\>red\\</b\\>\\|\\`x\\`" in markdown


def test_the_worst_comes_first(whole, run) -> None:
    page, _, figures = read(whole)
    order = figures["run"]["worst_first"]
    assert order[0] == 4
    assert order[-1] == 5
    titles = [each for each in page.of("h2") if each.startswith("Cluster ")]
    assert [int(each.split()[1].rstrip(":")) for each in titles] == order


def test_the_advice_of_a_run_is_told(whole, run) -> None:
    page, _, figures = read(whole)
    told = figures["run"]["advice"]
    assert told["parameters"] == run.advice.parameters.to_config()
    assert told["field_lost_after"] == run.advice.field_lost_after
    assert any(run.advice.why in each for each in page.of("p"))
    for name, reason in run.advice.worst:
        assert f"{name}: {reason}" in page.of("li")
    together = f"{run.advice.field_lost_after:.1%}"
    assert together in page.of("dd")
    assert figures["run"]["scheduler"] == run.scheduler


def test_a_cluster_without_its_study_has_figures_and_no_pictures(whole) -> None:
    _, _, figures = read(whole)
    by_name = {each["name"]: each for each in figures["clusters"]}
    for name, why in (("not kept", "was not kept"), ("lost", "there is no such file")):
        cluster = by_name[name]
        assert cluster["pictures"] == {}
        assert any(why in note for note in cluster["notes"])
        assert cluster["chosen"]["mask"] == "coverage"
    assert set(by_name["plain"]["pictures"]) >= {"defaults", "chosen", "coverage", "threshold"}
    assert by_name["broken"]["not_studied"] == "it is\nnot readable."
    assert by_name["broken"]["chosen"] is None
    assert by_name["small"]["skipped"]


def test_a_run_in_which_nothing_was_studied_is_told(tmp_path) -> None:
    run = make_run(StudiedCluster(make_cluster(6, "broken"), error="it is broken."))
    page, markdown, figures = read(write_report(tmp_path, run))
    assert figures["run"]["advice"] is None
    assert "it is broken." in page.of("p")
    assert "not known" in page.of("dd")
    assert not strange_words(markdown.partition('"settings"')[0])


def test_a_run_without_clusters_is_told(tmp_path) -> None:
    page, markdown, figures = read(write_report(tmp_path, make_run()))
    assert figures["clusters"] == []
    assert "0 clusters" in page.of("h1")
    assert not strange_words(markdown.partition('"settings"')[0])


def test_a_run_without_tiles_is_told(tmp_path) -> None:
    study = replace(make_study(6, "bare"), tile=None)
    judged = judge(study)
    line = StudiedCluster(study.cluster, judged=judged, advice=advise_judged(judged))
    page, markdown, _ = read(write_report(tmp_path, make_run(line)))
    assert "not measurable" in page.of("td")
    assert not strange_words(markdown.partition('"settings"')[0])


def test_clusters_judged_for_another_margin_are_not_called_unstudied(tmp_path) -> None:
    line = judged_line(make_study(9, "not kept"), None)
    report = write_report(tmp_path, make_run(line), MaskParameters(margin_percent=10))
    text = report.markdown.read_text("utf-8")
    assert "all studied" in text
    assert "not studied" not in text
    assert "studied, but with another margin, decay or strict crop" in text


def test_a_run_for_another_margin_is_advised_for_that_margin(run, tmp_path) -> None:
    """Else a report would tell of figures and of an advice that do not belong together."""
    kept = make_run(*run.clusters[:2])
    wide = replace(MaskParameters(), margin_percent=12)
    studies = [zc.read_study(each.study_file) for each in kept.clusters]
    judged = [judge(each, wide, fringe=measure_fringe(each)) for each in studies]
    chosen = advise_run(judged, wide).parameters
    _, markdown, figures = read(write_report(tmp_path / "out", kept, chosen))
    assert figures["run"]["advice"]["parameters"] == chosen.to_config()
    for each, own in zip(figures["clusters"], judged, strict=True):
        assert each["advice"]["parameters"] == advise_judged(own, wide).parameters.to_config()
    assert "not those that are advised" not in markdown


def test_a_run_is_advised_with_the_tolerance_of_now(run, tmp_path) -> None:
    lax = AdviceOptions(tolerance=5)
    advised = advise_run(run.judged, options=lax)
    assert advised.parameters != run.advice.parameters
    _, _, figures = read(write_report(tmp_path / "out", run, options=lax))
    assert figures["run"]["advice"]["parameters"] == advised.parameters.to_config()
    assert figures["settings"]["advice"]["tolerance"] == 5
    red = figures["clusters"][1]
    alone = advise_judged(run.clusters[1].judged, options=lax)
    assert red["advice"]["parameters"] == alone.parameters.to_config()


def test_a_threshold_of_more_than_a_hundred_frames_has_its_half(study, tmp_path) -> None:
    many = replace(study, coverage=study.coverage * np.float32(201 / study.coverage.max()))
    page, _, figures = read(write_report(tmp_path, many, MaskParameters()))
    assert figures["clusters"][0]["chosen"]["threshold_frames"] == 100.5
    assert table_of(page)["threshold, frames"][0] == "100.5"


def test_the_studies_of_a_run_are_opened_one_at_a_time(run, tmp_path, monkeypatch) -> None:
    import gc
    import weakref

    from napari_zecoverage.core import cache

    real, opened = cache.read_study, []

    def read_study(path: Path) -> ClusterStudy:
        gc.collect()
        assert not any(alive() is not None for alive in opened)
        study = real(path)
        opened.append(weakref.ref(study.tile))
        return study

    monkeypatch.setattr(cache, "read_study", read_study)
    write_report(tmp_path, make_run(*run.clusters[:2]))
    assert len(opened) == 2


# --- what is not known ---------------------------------------------------------------------


def strange_words(text: str) -> set[str]:
    """Return Python's words for what is not a number, where people read."""
    return {"nan", "NaN", "inf", "None"} & set(re.findall(r"\w+", text))


def without(study: ClusterStudy, *names: str) -> ClusterStudy:
    return replace(study, **dict.fromkeys(names))


@pytest.mark.parametrize("missing", [("tile",), ("coverage",), ("coverage", "tile")])
def test_what_is_not_known_is_said_in_words(study, tmp_path, missing) -> None:
    page, markdown, figures = read(write_report(tmp_path, without(study, *missing)))
    (words,) = page.of("main")
    assert not strange_words(words.partition("as ZeMosaic names them")[0])
    assert not strange_words(markdown.partition('"settings"')[0])
    assert "not measur" in words
    (cluster,) = figures["clusters"]
    assert cluster["fringe"]["counts"] == []
    assert cluster["chosen"]["fringe_left"] is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_any_frames_make_a_report(tmp_path, count: int) -> None:
    study = make_study(5, "few")
    flat = np.full(SHAPE, count, np.float32)
    page, _, figures = read(write_report(tmp_path, replace(study, coverage=flat)))
    assert figures["clusters"][0]["levels"]["frames"] == [0, count]
    assert len(page.named("img")) >= 4


def test_a_fringe_that_cannot_be_measured_is_said_to_be_so(tmp_path) -> None:
    study = make_study(8, "bright")
    tile = np.full((*SHAPE, 3), np.nan, np.float32)
    tile[::40, ::40] = 1000
    page, markdown, figures = read(write_report(tmp_path, replace(study, tile=tile)))
    assert "not measurable" in " ".join(page.of("td"))
    assert "not measurable" in markdown
    assert all(each["red_green"] is None for each in figures["clusters"][0]["fringe"]["counts"])


# --- names of strangers --------------------------------------------------------------------


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(st.characters(codec=None), min_size=1, max_size=40) | st.sampled_from(NASTY))
def test_any_name_makes_a_report(tmp_path_factory, name: str) -> None:
    cluster = make_cluster(6, "x")
    safe = name.replace("/", "").replace("\x00", "") or "x"
    frames = tuple(
        replace(each, path=Path("/frames") / f"{safe}.fit", filter=name, object_name=name)
        for each in cluster.frames
    )
    cluster = replace(
        cluster,
        name=name,
        frames=frames,
        left_out=((f"/frames/{safe}", name),),
        missing=((name, name),),
        notes=(name,),
    )
    run = make_run(StudiedCluster(cluster, error=name))
    report = write_report(tmp_path_factory.mktemp("any") / "out", run)
    page, _, figures = read(report)
    assert figures["clusters"][0]["name"] == name
    assert figures["clusters"][0]["frames"][0]["path"] == str(frames[0].path)
    assert visible(name) in page.of("p")
    assert f"{visible(safe)}.fit" in page.of("td")
    assert not {"script", "img", "b", "iframe"} & {tag for tag, _ in page.tags}
    assert all(path.name.isascii() for path in report.folder.rglob("*"))


def test_names_of_strangers_are_drawn_into_the_chart(tmp_path) -> None:
    lines = [
        judged_line(make_study(6, name), None)
        for name in ("$\\frac{1}{2}$", "_a^b{", "中文 עברית \U0001f300", "x" * 200)
    ]
    report = write_report(tmp_path, make_run(*lines))
    assert any(path.name == "run-clusters.png" for path in report.pictures)


# --- all or nothing ------------------------------------------------------------------------


def test_progress_goes_from_the_first_cluster_to_the_end(run, tmp_path) -> None:
    told = []
    write_report(tmp_path, make_run(*run.clusters[3:5]), progress=told.append)
    assert [each.done for each in told] == [0, 1, 2]
    assert {each.total for each in told} == {2}
    assert str(told[0]) == "writing the report 0/2: broken"


@pytest.mark.parametrize("after", [0, 1, 2, 4])
def test_a_report_can_be_stopped(run, tmp_path, after: int) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    asked = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > after

    with pytest.raises(StudyCancelledError):
        write_report(tmp_path, make_run(*run.clusters[:2]), should_stop=should_stop)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_in_the_way_is_found_before_the_work(run, tmp_path) -> None:
    (tmp_path / "report.md").write_text("my own notes")
    told = []
    with pytest.raises(OutputError, match=r"report\.md"):
        write_report(tmp_path, run, progress=told.append)
    assert told == []
    assert (tmp_path / "report.md").read_text() == "my own notes"


def test_a_report_of_ours_is_replaced(run, tmp_path) -> None:
    broken = make_run(*run.clusters[3:4])
    write_report(tmp_path, make_run(*run.clusters[:1]))
    report = write_report(tmp_path, broken)
    assert report.pictures == ()
    assert read(report)[2]["title"] == "1 cluster"
    assert len(list(tmp_path.iterdir())) == 4


def test_no_window_and_no_pyplot_are_touched() -> None:
    code = (
        "import sys, matplotlib\n"
        # Not through its own items: asking it for the backend chooses one.
        "before = dict(dict.items(matplotlib.rcParams))\n"
        "import napari_zecoverage.report.writing, numpy as np\n"
        "from napari_zecoverage.report import maps, paper\n"
        "paper.draw(maps.coverage_map(np.ones((9, 9)), 1, 200))\n"
        "assert dict(dict.items(matplotlib.rcParams)) == before\n"
        "print([each for each in ('matplotlib.pyplot', 'qtpy', 'napari') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_a_public_name() -> None:
    assert zc.write_report is report_room.write_report
