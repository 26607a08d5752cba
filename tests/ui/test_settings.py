"""What the user prefers, on napari's page and here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

import napari_zecoverage
from napari_zecoverage.core.cache import StudyCache
from napari_zecoverage.core.paths import cache_folder
from napari_zecoverage.picture import COUNT_COLOURS, FRINGE_COLOURS, fringe_colours
from napari_zecoverage.ui import settings as settings_module
from napari_zecoverage.ui.inspect.stretch_box import STRENGTHS
from napari_zecoverage.ui.settings import Preferences, Settings

PAGES = yaml.safe_load(
    Path(napari_zecoverage.__file__).with_name("napari.yaml").read_text(encoding="utf-8")
)["contributions"]["configurations"]
PROPERTIES = {name: each for page in PAGES.values() for name, each in page["properties"].items()}
TYPES = {"string": str, "number": float}


@pytest.fixture
def page():
    """napari's settings of this plugin."""
    settings = pytest.importorskip("napari.settings")
    if not hasattr(settings, "get_plugin_settings"):
        pytest.skip("before napari 0.9 there is no page")
    return settings.get_plugin_settings("napari-zecoverage")


@pytest.fixture
def settings(qtbot) -> Settings:
    return Settings()


# --- the manifest and the code say the same --------------------------------------------------


def test_defaults_are_the_manifests() -> None:
    assert {name: each["default"] for name, each in PROPERTIES.items()} == asdict(Preferences())


def test_every_default_is_of_its_type_and_in_its_range() -> None:
    for name, each in PROPERTIES.items():
        default = each["default"]
        assert isinstance(default, TYPES[each["type"]]), name
        assert default in each.get("enum", [default])
        assert each.get("minimum", default) <= default <= each.get("maximum", default)


def test_the_choices_are_the_codes() -> None:
    assert PROPERTIES["coverage_colours"]["enum"] == list(COUNT_COLOURS)
    assert PROPERTIES["fringe_colours"]["enum"] == list(FRINGE_COLOURS)
    assert PROPERTIES["stretch"]["enum"] == ["asinh", "linear"]
    strength = PROPERTIES["strength"]
    assert (strength["minimum"], strength["maximum"]) == (STRENGTHS.minimum, STRENGTHS.maximum)


def test_groups_are_the_manifests() -> None:
    assert {name: tuple(each["properties"]) for name, each in PAGES.items()} == (
        settings_module._GROUPS
    )


def test_no_threshold_is_a_setting() -> None:
    assert not any("coverage_abs" in name or "coverage_frac" in name for name in PROPERTIES)


def test_colours_are_napari_and_matplotlibs() -> None:
    from napari.utils.colormaps import ensure_colormap

    turned = [fringe_colours(name, channel) for name in FRINGE_COLOURS for channel in (0, 1)]
    for name in (*COUNT_COLOURS, *FRINGE_COLOURS, *turned):
        assert ensure_colormap(name).name == name


# --- they follow each other ----------------------------------------------------------------


def test_the_page_is_followed_at_once(page, settings, qtbot) -> None:
    with qtbot.waitSignal(settings.changed) as changed:
        page.picture.stretch = "linear"
    assert changed.args == [Preferences(), Preferences(stretch="linear")]
    page.studies.cache_gigabytes = 1.5
    assert settings.present == Preferences(stretch="linear", cache_gigabytes=1.5)


def test_what_is_changed_here_comes_to_the_page(page, settings, qtbot) -> None:
    settings.change(strength=2.5)
    assert settings.present.strength == 2.5
    qtbot.waitUntil(lambda: page.picture.strength == 2.5)
    assert Settings().present == Preferences(strength=2.5)


def test_the_page_is_kept_in_a_file(page, settings) -> None:
    settings.change(coverage_colours="cividis")
    settings.write()
    assert "cividis" in Path(page.config_path).read_text(encoding="utf-8")


def test_the_same_again_is_no_change(settings, qtbot) -> None:
    with qtbot.assertNotEmitted(settings.changed):
        settings.change(stretch="asinh")


def test_two_windows_agree(page, settings) -> None:
    other = Settings()
    settings.change(stretch="linear", coverage_colours="magma")
    settings.write()
    assert other.present == settings.present


def test_without_the_page_it_works_as_well(qtbot, monkeypatch) -> None:
    monkeypatch.setattr(settings_module, "_napari_settings", lambda: None)
    settings = Settings()
    with qtbot.waitSignal(settings.changed):
        settings.change(stretch="linear")
    settings.write()
    assert settings.present == Preferences(stretch="linear")


def test_an_older_napari_has_no_page(monkeypatch) -> None:
    import napari.settings

    monkeypatch.delattr(napari.settings, "get_plugin_settings", raising=False)
    assert settings_module._napari_settings() is None


def test_a_page_that_outlives_the_window_is_no_error(page, qtbot) -> None:
    settings = Settings()
    with qtbot.waitSignal(settings.destroyed):
        settings.deleteLater()
    page.picture.stretch = "linear"
    assert settings._present == Preferences()


def test_where_studies_are_kept(tmp_path) -> None:
    usual, own = Preferences().study_cache(), Preferences(cache_folder=str(tmp_path)).study_cache()
    assert usual.directory == cache_folder() / "studies" == StudyCache().directory
    assert usual.max_bytes == StudyCache().max_bytes
    assert own.directory == tmp_path
    assert Preferences(cache_gigabytes=0.5).study_cache().max_bytes == 2**29
    # napari may have been started anywhere.
    for folder in ("studies", "~/studies"):
        kept_in = Preferences(cache_folder=folder).study_cache().directory
        assert kept_in == Path.home() / "studies"
