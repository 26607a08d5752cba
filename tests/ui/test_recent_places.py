"""The places that were opened last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from napari_zecoverage.ui import kept_json, recent_places
from napari_zecoverage.ui.kept_json import settings_folder
from napari_zecoverage.ui.recent_places import FILE_NAME, RecentMenu, RecentPlaces


def sources(recent: RecentPlaces) -> list[object]:
    return [each.source for each in recent.places()]


def test_the_newest_is_first_and_each_is_there_once(tmp_path) -> None:
    recent = RecentPlaces()
    assert recent.places() == []
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    for each in (one, other, one):
        recent.add(each)
    assert sources(RecentPlaces()) == [str(one), str(other)]


def test_files_are_a_list_and_a_folder_is_a_text(tmp_path) -> None:
    files = [str(tmp_path / name) for name in ("a.fit", "b.fit")]
    recent = RecentPlaces()
    recent.add(files)
    recent.add([str(tmp_path)])
    assert sources(recent) == [str(tmp_path), files]
    assert recent.places()[1].text.startswith("2 files – ")


def test_the_oldest_go(tmp_path) -> None:
    recent = RecentPlaces()
    for number in range(recent_places.MOST_PLACES + 3):
        recent.add(tmp_path / str(number))
    listed = recent.places()
    assert len(listed) == recent_places.MOST_PLACES
    assert Path(listed[0].paths[0]).name == str(recent_places.MOST_PLACES + 2)


def test_too_many_files_are_not_remembered(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recent_places, "MOST_FILES", 2)
    recent = RecentPlaces()
    recent.add([str(tmp_path / f"{number}.fit") for number in range(3)])
    assert recent.places() == []


def test_of_lists_too_long_together_the_oldest_go(tmp_path) -> None:
    recent = RecentPlaces()
    newest = []
    for number in range(recent_places.MOST_PLACES):
        folder = tmp_path / f"{number}_{'deep' * 40}"
        newest = [str(folder / f"{frame}.fit") for frame in range(recent_places.MOST_FILES)]
        recent.add(newest)
    listed = sources(RecentPlaces())
    assert listed[0] == newest
    assert 1 < len(listed) < recent_places.MOST_PLACES


def test_a_list_too_long_by_itself_leaves_the_others(tmp_path, monkeypatch, caplog) -> None:
    recent = RecentPlaces()
    recent.add(tmp_path / "one")
    size = (settings_folder() / FILE_NAME).stat().st_size
    monkeypatch.setattr(kept_json, "_MOST_BYTES", size + 10)
    recent.add([str(tmp_path / f"{number}.fit") for number in range(100)])
    assert sources(recent) == [[str(tmp_path / "one")]]
    assert "not remembered" in caplog.text


@pytest.mark.parametrize(
    "listed",
    [
        3,
        [3, None],
        [{"paths": "/a", "is_folder": True}],
        [{"paths": [], "is_folder": True}],
        [{"paths": ["/a", 3], "is_folder": False}],
        [{"paths": ["/a\0b"], "is_folder": False}],
        [{"paths": ["/a"]}],
    ],
)
def test_what_makes_no_sense_is_passed_over(listed) -> None:
    file = settings_folder() / FILE_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 1, "places": listed}))
    assert RecentPlaces().places() == []
    RecentPlaces().add("/somewhere")
    assert sources(RecentPlaces()) == [["/somewhere"]]


def test_a_long_path_is_told_in_short(tmp_path) -> None:
    place = recent_places.Place((f"/{'deep/' * 40}night_7",), True)
    assert len(place.text) < 70
    assert place.text.startswith("night_7 – /deep")
    assert "…" in place.text


# --- the menu ------------------------------------------------------------------------------


@pytest.fixture
def menu(qtbot, tmp_path) -> RecentMenu:
    recent = RecentPlaces()
    recent.add(tmp_path / "gone")
    (tmp_path / "here & there").mkdir()
    recent.add(tmp_path / "here & there")
    menu = RecentMenu(recent)
    qtbot.addWidget(menu)
    menu.fill()
    menu.popup(menu.pos())
    return menu


def test_a_place_is_chosen_by_keys(menu, qtbot, tmp_path) -> None:
    with qtbot.waitSignal(menu.chosen) as chosen:
        qtbot.keyClick(menu, Qt.Key.Key_Down)
        qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert chosen.args == [str(tmp_path / "here & there")]


def test_a_missing_place_is_seen_and_cannot_be_chosen(menu, qtbot) -> None:
    here, gone = menu.actions()[:2]
    assert here.isEnabled()
    assert "&&" in here.text()
    assert not gone.isEnabled()
    assert gone.text().endswith("(missing)")
    with qtbot.assertNotEmitted(menu.chosen):
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(gone).center())


def test_clear_forgets_all(menu, qtbot) -> None:
    clear = menu.actions()[-1]
    assert clear.text() == "Clear"
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(clear).center())
    assert RecentPlaces().places() == []
    menu.fill()
    assert [(each.text(), each.isEnabled()) for each in menu.actions()] == [
        ("Nothing was opened yet", False)
    ]
