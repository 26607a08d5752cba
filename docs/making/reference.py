"""The pages of the reference that say what the code says: settings, commands, keys, results.

Each function returns the text of a page; `PAGES` names them. A test holds the
pages in docs/reference equal to what is returned here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from importlib.resources import files
from typing import Any, Final

import typer
import yaml

from napari_zecoverage import outputs, run_figures
from napari_zecoverage.cli import app
from napari_zecoverage.core.parameters import (
    CONFIG_PREFIX,
    AdviceOptions,
    MaskParameters,
    StudyOptions,
    limits_of,
)
from napari_zecoverage.report import figures, placing
from napari_zecoverage.ui.shortcuts import IN_THE_DOCK, KEYS, spelled_keys
from napari_zecoverage.zemosaic.config_keys import CONFIG_KEYS, READ_BY

MADE: Final = (
    "<!-- Made from the code by docs/make_pictures.py reference. Change the code, not this. -->"
)

_ABOUT_RESULTS: Final = (
    "Results are JSON. `schema_version` is raised whenever a key is renamed or "
    "changes its meaning. Each file holds its own explanation under `meaning`; it is this:"
)
_ABOUT_SUMMARY: Final = (
    "Besides: `cluster` (its frames, each with `method`, `rms_px`, `n_stars` and `reason`), "
    "`study` (options, canvas, coverage with `pixels_of_count`), `parameters` (the "
    "[settings](settings.md)), and `outcome` (`source` is the mask that ZeMosaic takes)."
)
_ABOUT_PREFERENCES: Final = (
    "Folder and limit of the cache are the window's own. `zecoverage cache`, `run` and all other "
    "commands know nothing of napari's preferences: they use the usual folder and 4 GB, or the "
    "folder that `ZECOVERAGE_CACHE_DIR` names ([Environment variables](environment.md))."
)
_PANELS: Final = {
    "Thresholds": "thresholds-and-masks",
    "Study": "study",
    "Advice": "advice",
}


def commands() -> str:
    """Return the page of the command line."""
    program = _program()
    lines = [
        MADE,
        "# Commands",
        "",
        "`zecoverage COMMAND --help` says the same as this page.",
        "",
        _table(("Command", ""), [(f"[`{n}`](#{n})", _first(c)) for n, c in _commands(program)]),
        "",
        "Options for all commands, before the command's name:",
        "",
        _options(program),
    ]
    for name, command in _commands(program):
        lines += ["", f"## {name}", "", *_about(command), "", _code(_usage(name, command)), ""]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        rows = [(f"`{_word(each)}`", _cell(getattr(each, "help", ""))) for each in arguments]
        if rows:
            lines += [_table(("Argument", ""), rows), ""]
        lines += [_options(command)]
        if command.epilog:
            lines += ["", _cell(command.epilog)]
    return _page(lines)


def settings() -> str:
    """Return the page of all settings."""
    lines = [
        MADE,
        "# Settings",
        "",
        "## Thresholds and masks",
        "",
        "What ZeMosaic reads from its config. The defaults are ZeMosaic's.",
        "",
        _group(MaskParameters, keys=True),
        "",
        "Read by ZeMosaic:",
        "",
        *[
            f"- **{reader}**: {words}."
            for reader, words in READ_BY.items()
            if reader != "lecropper"
        ],
        "",
        "What surprises in them is told, with pictures, in the [explanation](../explanation.md).",
        "",
        "## Study",
        "",
        "How frames are aligned, counted and stacked; `zc.StudyOptions` in Python.",
        "",
        _group(StudyOptions),
        "",
        "## Advice",
        "",
        "What the advice goes by; `zc.AdviceOptions` in Python.",
        "",
        _group(AdviceOptions),
    ]
    preferences = _preferences()
    if preferences:
        lines += [
            "",
            "## Preferences of the window",
            "",
            "In napari 0.9 and later: *File → Preferences*, page *ZeCoverage*.",
            "",
            _table(("Name", "Default", "Meaning"), preferences),
            "",
            _ABOUT_PREFERENCES,
        ]
    return _page(lines)


def keys() -> str:
    """Return the page of the keyboard."""
    everywhere = [(f"`{spelled_keys(each.keys)}`", each.text) for each in KEYS]
    dock = [(f"`{spelled_keys(key)}`", text) for key, text in IN_THE_DOCK]
    return _page(
        [
            MADE,
            "# Keys",
            "",
            "The window has the same list. On a Mac, `Ctrl` is `⌘`.",
            "",
            "Wherever the focus is, also on the picture (H, `.` and `,` where nothing is typed):",
            "",
            _table(("Key", "What it does"), everywhere),
            "",
            "With the focus in the dock:",
            "",
            _table(("Key", "What it does"), dock),
        ]
    )


def results() -> str:
    """Return the page of the JSON files."""
    return _page(
        [
            MADE,
            "# Keys of the results",
            "",
            _ABOUT_RESULTS,
            "",
            f"## {outputs.SUMMARY_NAME}, of `zecoverage mask`",
            "",
            f"One for each cluster, `schema_version` {outputs.SUMMARY_VERSION}.",
            "",
            _table(("Key", "Meaning"), _meanings(outputs.MEANING)),
            "",
            _ABOUT_SUMMARY,
            "",
            f"## {run_figures.RUN_NAME}, of `zecoverage run`",
            "",
            f"One for the run, `schema_version` {run_figures.RUN_VERSION}.",
            "",
            _table(("Key", "Meaning"), _meanings(run_figures.MEANING)),
            "",
            f"## {placing.FIGURES_NAME}, of `zecoverage report` and `run`",
            "",
            f"Beside the report, `schema_version` {figures.SCHEMA_VERSION}.",
            "",
            _table(("Key", "Meaning"), _meanings(figures.MEANING)),
        ]
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands": commands,
    "settings": settings,
    "keys": keys,
    "results": results,
}


# --- commands ------------------------------------------------------------------------------


def _program() -> Any:
    return typer.main.get_command(app)


def _commands(program: Any) -> list[tuple[str, Any]]:
    return [(name, each) for name, each in program.commands.items() if not each.hidden]


def _about(command: Any) -> list[str]:
    return (command.help or "").strip().splitlines()


def _first(command: Any) -> str:
    return " ".join(_about(command)).split(". ")[0].split(".  ")[0].rstrip(".") + "."


def _usage(name: str, command: Any) -> str:
    words = ["zecoverage", name]
    for each in command.params:
        if each.param_type_name == "argument":
            words.append(_word(each))
        elif each.required:
            words.append(f"{each.opts[0]} {each.metavar or each.name.upper()}")
    return " ".join([*words, "[OPTIONS]"])


def _word(argument: Any) -> str:
    word = argument.metavar or argument.name.upper()
    word = word if argument.nargs == 1 else f"{word}…"
    return word if argument.required else f"[{word}]"


def _options(command: Any) -> str:
    rows, panels = [], {}
    for each in command.params:
        if each.param_type_name != "option" or each.hidden:
            continue
        names = ", ".join(f"`{name}`" for name in (*each.opts, *each.secondary_opts))
        panel = getattr(each, "rich_help_panel", None)
        if panel in _PANELS:
            panels.setdefault(panel, []).append(names)
        else:
            rows.append((names, each.help or ""))
    table = _table(("Option", ""), rows)
    for panel, names in panels.items():
        # What they mean is told once.
        table += f"\n\n[{panel}](settings.md#{_PANELS[panel]}): {', '.join(names)}."
    return table


# --- settings ------------------------------------------------------------------------------


def _group(group: type[Any], *, keys: bool = False) -> str:
    readers = {entry.key: entry.reader for entry in CONFIG_KEYS}
    head = ["Name", "Default", "Range", "Unit", "Meaning"]
    if keys:
        head[1:1] = ["ZeMosaic's key", "Read by"]
    rows = []
    for each in fields(group):
        if each.name == "notes":
            continue
        limits = limits_of(group, each.name)
        option, choices = _option_of(each.name)
        if limits is None:
            among = "yes, no" if isinstance(each.default, bool) else choices.replace("|", ", ")
            default = {True: "yes", False: "no"}.get(each.default, str(each.default))
            row = [default, among, "", option.split(" By default")[0]]
        else:
            upper = "and more" if math.isinf(limits.maximum) else f"to {limits.maximum:g}"
            row = [f"{each.default:g}", f"{limits.minimum:g} {upper}", limits.unit, limits.meaning]
        key = CONFIG_PREFIX + each.name
        if keys:
            row[0:0] = [f"`{key}`", readers[key]]
        rows.append([f"`{each.name}`", *row])
    return _table(head, rows)


def _option_of(name: str) -> tuple[str, str]:
    """Return the help and the choices of a setting's option."""
    for _, command in _commands(_program()):
        for each in command.params:
            if each.name == name and each.param_type_name == "option":
                return each.help or "", each.metavar or ""
    raise LookupError(f"no command has an option for {name}")


def _preferences() -> list[tuple[str, str, str]]:
    """Return the preferences that the manifest declares."""
    manifest = yaml.safe_load(files("napari_zecoverage").joinpath("napari.yaml").read_text("utf-8"))
    rows = []
    for section in manifest["contributions"].get("configurations", {}).values():
        for each in section["properties"].values():
            choices = ", ".join(map(str, each.get("enum", ())))
            meaning = each["description"] + (f" One of: {choices}." if choices else "")
            rows.append((each["title"], str(each["default"]) or "empty", meaning))
    return rows


# --- results -------------------------------------------------------------------------------


def _meanings(meaning: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", words) for name, words in meaning.items()]


# --- Markdown ------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(each) for each in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return a text in one line that no table breaks at."""
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"```sh\n{text}\n```"


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"
