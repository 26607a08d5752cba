"""The manifest: what ``npe2 validate`` lets pass although napari would drop or refuse it."""

from __future__ import annotations

import importlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from napari._app_model.constants import MenuId
from npe2 import PluginManifest
from npe2.manifest import contributions as npe2_contributions
from npe2.manifest.contributions import ContributionPoints
from packaging.requirements import Requirement
from pydantic import BaseModel

import napari_zecoverage

NAME = "napari-zecoverage"
ROOT = Path(__file__).resolve().parents[1]
PACKAGED = Path(napari_zecoverage.__file__).with_name("napari.yaml")
MANIFEST: dict[str, Any] = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
CONTRIBUTIONS: dict[str, Any] = MANIFEST["contributions"]
COMMANDS: list[dict[str, Any]] = CONTRIBUTIONS["commands"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# What one entry of a section may be.
ENTRY_MODELS = {
    "commands": ["CommandContribution"],
    "readers": ["ReaderContribution"],
    "writers": ["WriterContribution"],
    "widgets": ["WidgetContribution"],
    "sample_data": ["SampleDataGenerator", "SampleDataURI"],
    "submenus": ["SubmenuContribution"],
    "keybindings": ["KeyBindingContribution"],
    "menus": ["MenuCommand", "Submenu"],
    "configurations": ["ConfigurationContribution"],
}
# Sections whose entries stand under names of their own.
NAMED_LISTS = {"menus"}
NAMED_ENTRIES = {"configurations"}

QT_BINDINGS = {"pyqt5", "pyqt6", "pyside2", "pyside6"}


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each section's name with each of its entries."""
    for section, content in CONTRIBUTIONS.items():
        lists = content.values() if section in NAMED_LISTS else [content]
        if section in NAMED_ENTRIES:
            lists = [list(content.values())]
        for each in lists:
            yield from ((section, entry) for entry in each)


def model(name: str) -> type[BaseModel]:
    module = npe2_contributions
    if name in ENTRY_MODELS["menus"]:
        module = npe2_contributions._menus
    elif name in ENTRY_MODELS["configurations"]:
        module = npe2_contributions._configuration
    found = getattr(module, name)
    assert issubclass(found, BaseModel)
    return found


def keys_of(found: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in found.model_fields.items()}


def target(python_name: str) -> Any:
    module, _, attribute = python_name.partition(":")
    value = importlib.import_module(module)
    for part in attribute.split("."):
        value = getattr(value, part)
    return value


def test_npe2_reads_it() -> None:
    assert PluginManifest.from_file(PACKAGED).name == NAME


def test_name_is_the_distributions() -> None:
    assert MANIFEST["name"] == PROJECT["project"]["name"] == NAME
    assert metadata.metadata(NAME)["Name"] == NAME


def test_napari_finds_it_in_the_package() -> None:
    points = metadata.entry_points(group="napari.manifest", name=NAME)
    assert [point.value for point in points] == [f"napari_zecoverage:{PACKAGED.name}"]


def test_top_level_manifest_is_the_packages() -> None:
    top = ROOT / "napari.yaml"
    # Git without symbolic links writes the link's target as text.
    if top.is_symlink() or top.stat().st_size > 100:
        assert top.read_text(encoding="utf-8") == PACKAGED.read_text(encoding="utf-8")
    else:
        assert (ROOT / top.read_text(encoding="utf-8").strip()).samefile(PACKAGED)


def test_manifest_keys_are_npe2s() -> None:
    assert MANIFEST.keys() <= keys_of(PluginManifest)


def test_sections_are_npe2s() -> None:
    assert CONTRIBUTIONS.keys() <= keys_of(ContributionPoints)


def test_entries_have_keys_of_npe2() -> None:
    for section, entry in entries():
        models = [model(name) for name in ENTRY_MODELS[section]]
        assert any(entry.keys() <= keys_of(each) for each in models), (section, entry)


def test_command_ids_are_unique_and_ours() -> None:
    count = Counter(command["id"] for command in COMMANDS)
    assert count
    assert set(count.values()) == {1}
    assert all(each.startswith(f"{NAME}.") for each in count)


def test_commands_in_use_are_declared_and_all_are_used() -> None:
    declared = {command["id"] for command in COMMANDS}
    used = {entry["command"] for section, entry in entries() if "command" in entry}
    assert used == declared


def test_promised_contributions_are_there() -> None:
    promised = {"widgets", "sample_data", "readers", "menus", "configurations"}
    assert promised <= CONTRIBUTIONS.keys()
    assert {"napari/layers/register", "napari/layers/visualize", "napari/file/io_utilities"} <= (
        CONTRIBUTIONS["menus"].keys()
    )


def test_settings_have_keys_of_npe2() -> None:
    allowed = {
        key
        for name, field in model("ConfigurationContribution").model_fields.items()
        if name == "properties"
        for key in keys_of(get_args(field.annotation)[1])
    }
    assert "enum" in allowed
    for page in CONTRIBUTIONS["configurations"].values():
        for name, each in page["properties"].items():
            assert each.keys() <= allowed, name
            # Shown to people: a title, and what it does.
            assert each["title"]
            assert each["description"].endswith(".")


def test_a_command_that_takes_a_path_is_offered_to_nobody() -> None:
    (reader,) = [each for each in COMMANDS if each["id"] == f"{NAME}.get_reader"]
    assert reader["enablement"] == "False"


def test_titles_are_told_apart_and_those_with_a_dialog_end_in_dots() -> None:
    titles = {each["id"]: each["title"] for each in COMMANDS}
    assert len(set(titles.values())) == len(titles)
    asking = {"align_frames", "open_run", "export_thresholds"}
    assert {each.split(".")[1] for each, title in titles.items() if title.endswith("…")} == asking


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command["id"])
def test_command_leads_to_something_callable(command: dict[str, Any]) -> None:
    assert callable(target(command["python_name"]))


def test_menus_are_open_to_plugins() -> None:
    # napari drops an item of any other menu without a word; it has no public list of them.
    open_menus = {str(each) for each in MenuId.contributables()}
    own = {submenu["id"] for submenu in CONTRIBUTIONS.get("submenus", [])}
    assert CONTRIBUTIONS.get("menus", {}).keys() <= open_menus | own


def test_submenus_in_use_are_declared() -> None:
    declared = {submenu["id"] for submenu in CONTRIBUTIONS.get("submenus", [])}
    used = {
        entry["submenu"]
        for section, entry in entries()
        if section == "menus" and "submenu" in entry
    }
    assert used == declared


def test_no_qt_binding_among_the_dependencies() -> None:
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.name.lower() not in QT_BINDINGS
        # napari's extras bring one.
        assert not (requirement.name == "napari" and requirement.extras), text
