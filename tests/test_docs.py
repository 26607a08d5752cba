"""The documentation: what it shows exists, what it says agrees with the code."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

import napari_zecoverage as zc
from napari_zecoverage.cli import app
from napari_zecoverage.core.clusters import MIN_STACKED
from napari_zecoverage.core.outcome import LEAST_KEPT_SHARE
from napari_zecoverage.core.read_thresholds import abs_as_read
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.verdict import inset_px

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PICTURES = sorted((DOCS / "pictures").iterdir())

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
OURS = re.compile(r"(?:^|/|\s)(zecoverage\s[^\n#`]*)")
INLINE = re.compile(r"`(zecoverage [^`\n]+)`")

# Of paths only those of an imagined home: nobody needs to know another machine's.
FORBIDDEN = re.compile(
    r"(?<![\w.:/~<>$}*-])/(?!home/you\b)[a-z]\w*/|\b(?:AI|LLM|assistant|golden)\b",
)


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch):
    """Let the tests import what makes the docs."""
    monkeypatch.syspath_prepend(str(DOCS))
    yield
    for name in [each for each in sys.modules if each == "making" or each.startswith("making.")]:
        del sys.modules[name]


def shown(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = set()
    for line in re.sub(CODE, "", shown(page)).splitlines():
        if line.startswith("#"):
            words = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


# --- links and pictures --------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page) -> None:
    for target in LINK.findall(re.sub(CODE, "", shown(page))):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / unquote(path)).resolve() if path else page
        assert place.exists(), target
        if anchor and place.suffix == ".md":
            assert unquote(anchor) in anchors(place), target


def test_every_picture_is_shown_once_at_least() -> None:
    used = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in LINK.findall(shown(page))
        if not target.startswith("http")
    }
    assert [each.name for each in PICTURES if each.resolve() not in used] == []


def test_every_picture_says_what_it_shows() -> None:
    for page in PAGES:
        for words in re.findall(r"!\[([^\]]*)\]\(", shown(page)):
            assert len(words) > 10, name_of(page)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.name)
def test_every_picture_is_small(picture) -> None:
    limit = {".png": 100_000, ".jpg": 200_000}[picture.suffix]
    assert picture.stat().st_size <= limit


@pytest.mark.window
def test_every_picture_is_made_by_the_script(making) -> None:
    from making import quirks, shots

    made = {"report-threshold.png"}
    made |= {f"{each.__name__.replace('_', '-')}.png" for each in quirks.PICTURES}
    made |= {f"{each.__name__.replace('_', '-')}.jpg" for each in shots.SHOTS}
    assert {each.name for each in PICTURES} == made


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in LINK.findall(shown(page)):
            place = (page.parent / target.partition("#")[0]).resolve()
            if place.suffix == ".md" and place.exists():
                waiting.append(place)
    assert [name_of(each) for each in DOCS.rglob("*.md") if each not in reached] == []


# --- words ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, DOCS / "example.py", DOCS / "example.ipynb"], ids=name_of)
def test_no_page_tells_of_a_machine_or_of_its_makers(page) -> None:
    text = shown(page)
    if page.suffix == ".ipynb":
        text = re.sub(r'"image/png": "[^"]*"', "", text)
    assert FORBIDDEN.findall(text) == []


def test_forbidden_words_are_found() -> None:
    assert FORBIDDEN.search("see /srv/data/x")
    assert FORBIDDEN.search("written by an assistant")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_is_left_to_be_written(page) -> None:
    assert not re.search(r"TODO|FIXME|XXX|<!-- (?!Made from the code)", shown(page))


# --- commands ------------------------------------------------------------------------------


def commands_shown(page: Path) -> list[str]:
    found = []
    for language, code in CODE.findall(shown(page)):
        if language == "sh":
            found += OURS.findall(code)
    return [*found, *INLINE.findall(re.sub(CODE, "", shown(page)))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_one_that_there_is(page) -> None:
    program = typer.main.get_command(app)
    general = {opt for each in program.params for opt in (*each.opts, *each.secondary_opts)}
    for line in commands_shown(page):
        words = shlex.split(line.replace("…", ""), comments=True)[1:]
        while words and words[0] in general:
            words.pop(0)
        if not words or words[0] == "COMMAND":
            continue
        assert words[0] in program.commands, line
        command = program.commands[words[0]]
        known = {opt for each in command.params for opt in (*each.opts, *each.secondary_opts)}
        known |= {"--help", "-h"}
        unknown = [w for w in words[1:] if w.startswith("-") and w.split("=")[0] not in known]
        assert unknown == [], line


def test_commands_are_found_on_pages() -> None:
    assert any(
        "--min-coverage-frac" in each
        for each in commands_shown(DOCS / "how-to" / "export-and-undo.md")
    )
    assert commands_shown(ROOT / "README.md")


def test_every_command_is_told_of_in_a_how_to_or_the_tutorial() -> None:
    told = " ".join(shown(page) for page in [*(DOCS / "how-to").glob("*.md"), DOCS / "tutorial.md"])
    program = typer.main.get_command(app)
    assert [name for name in program.commands if f"zecoverage {name}" not in told] == []


# --- the reference -------------------------------------------------------------------------


@pytest.mark.window
@pytest.mark.parametrize("name", ["commands", "settings", "keys", "results"])
def test_the_reference_says_what_the_code_says(making, name) -> None:
    from making import reference

    page = DOCS / "reference" / f"{name}.md"
    assert set(reference.PAGES) == {"commands", "settings", "keys", "results"}
    assert shown(page) == reference.PAGES[name](), "run: python docs/make_pictures.py reference"


def test_settings_have_their_keys_defaults_and_ranges() -> None:
    text = shown(DOCS / "reference" / "settings.md")
    for key, value in zc.MaskParameters().to_config().items():
        row = next(line for line in text.splitlines() if f"`{key}`" in line)
        assert f"`{key.removeprefix('altaz_')}`" in row
        expected = {True: "yes", False: "no"}.get(value, f"{value:g}")
        assert f"| {expected} |" in row


def test_every_variable_of_ours_is_told_of() -> None:
    package = ROOT / "src" / "napari_zecoverage"
    code = " ".join(each.read_text(encoding="utf-8") for each in package.rglob("*.py"))
    used = set(re.findall(r"\bZECOVERAGE_[A-Z_]+\b", code))
    told = set(re.findall(r"`(ZECOVERAGE_[A-Z_]+)`", shown(DOCS / "reference" / "environment.md")))
    assert used <= told


def test_the_explanation_tells_true_numbers() -> None:
    text = " ".join(shown(DOCS / "explanation.md").split())
    assert (
        "A margin of 5 % with decay 0.15 and one of 9.3 % with decay 1 give the same tile" in text
    )
    assert inset_px((600, 600), 5.0, 0.15) == inset_px((600, 600), 9.3, 1.0)
    assert "`abs` 5 asks for 5 and `abs` 6 asks for 3" in text
    assert [abs_as_read(least, 0.5, 6.0) for least in (5.0, 6.0)] == [5.0, 3.0]
    assert "With `abs` 12 it decides only above 24 frames" in text
    assert zc.MaskParameters().min_coverage_frac * 24 == 12
    assert "When a cluster has fewer, it goes through its frames again until there are five" in text
    assert MIN_STACKED == 5
    assert "less than 10 %" in text
    assert LEAST_KEPT_SHARE == 0.10
    assert "The *tolerance* is a quarter (0.25) of that noise" in text
    assert zc.AdviceOptions().tolerance == 0.25
    assert "by four times the noise" in text
    assert number_in_core("STAR_SIGMAS") == 4
    assert "make up a fifth of the covered area, if they have at least half" in text
    assert (number_in_core("CORE_SHARE"), number_in_core("CORE_LEAST")) == (0.2, 0.5)
    assert "wider than an eighth of the tile" in text
    assert number_in_core("CELLS") == 8
    assert "in one case of a hundred" in text
    assert number_in_core("LOOK_ELSEWHERE") == 0.01
    assert "**Few frames** (less than 8)" in text
    assert number_in_core("FEW_FRAMES") == 8
    assert "at least one frame away from the next cliff" in text
    assert number_in_core("LEAST_MARGIN") == 1


def number_in_core(name: str) -> float:
    """Return a number that one room of core names, wherever it lives."""
    rooms = (ROOT / "src" / "napari_zecoverage" / "core").glob("*.py")
    found = [
        re.findall(rf"^{name}: Final = ([\d.]+)$", each.read_text("utf-8"), re.MULTILINE)
        for each in rooms
    ]
    (value,) = [value for each in found for value in each]
    return float(value)


def printed_by_the_notebook() -> str:
    cells = json.loads(shown(DOCS / "example.ipynb"))["cells"]
    outputs = [each for cell in cells for each in cell.get("outputs", [])]
    return "".join("".join(each.get("text", [])) for each in outputs)


def test_the_tutorial_tells_true_numbers() -> None:
    text = shown(DOCS / "tutorial.md")
    # Of the same sample, and run again by a test below.
    seen = printed_by_the_notebook()
    assert "52 % of the field instead of 38 %" in text
    before, after = re.search(r"field lost: ([\d.]+)% before, ([\d.]+)% after", seen).groups()
    assert (round(float(before)), round(float(after))) == (38, 52)
    assert "abs 3, frac 0.53, opening 3" in seen
    assert "six times the noise of a pixel" in text
    noise = re.search(r"([\d.]+) × the noise, at 8 frames", seen).group(1)
    assert round(float(noise)) == 6
    assert "Drag **min_coverage_frac** to 0.70" in text
    assert "a pixel needs 11.2 frames" in text
    assert 0.70 * SampleSettings().n_frames == pytest.approx(11.2)
    assert "**min_coverage_frac** 0.53, which asks for 9 frames" in text
    assert 8 < 0.53 * SampleSettings().n_frames <= 9
    assert f"the table has one line: {SampleSettings().n_frames} frames of two nights" in text
    assert len(SampleSettings().nights) == 2


# --- Python --------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_on_pages_names_what_there_is(page) -> None:
    for language, code in CODE.findall(shown(page)):
        if language == "python":
            compile(code, name_of(page), "exec")
            for name in re.findall(r"\bzc\.(\w+)", code):
                assert hasattr(zc, name), name
    for name in re.findall(r"`zc\.(\w+)", shown(page)):
        assert hasattr(zc, name), name


def test_the_notebook_is_that_of_the_script(making) -> None:
    from making import notebook

    written = json.loads(shown(DOCS / "example.ipynb"))
    cells = notebook.read_cells(DOCS / "example.py")
    assert [(each["cell_type"], "".join(each["source"])) for each in written["cells"]] == [
        (each.kind, each.source) for each in cells
    ]
    assert (written["nbformat"], written["nbformat_minor"]) == (4, 5)
    code = [each for each in written["cells"] if each["cell_type"] == "code"]
    assert [each["execution_count"] for each in code] == list(range(1, len(code) + 1))
    assert not [out for each in code for out in each["outputs"] if out["output_type"] == "error"]


def test_the_notebook_runs(making) -> None:
    from making import notebook

    written = json.loads(shown(DOCS / "example.ipynb"))["cells"]
    outputs = notebook.run_cells(notebook.read_cells(DOCS / "example.py"))
    # Figures differ a little with the versions of libraries; what kind of thing is told does not.
    assert [kinds_of(found) for found in outputs] == [
        kinds_of(each.get("outputs", [])) for each in written
    ]


def kinds_of(outputs: list) -> list[str]:
    return [each["output_type"] for each in outputs]
