"""Where a file is to be written: the name that it really gets is asked about."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_zecoverage.ui.saving import ask_where

pytestmark = pytest.mark.window

KINDS = "Picture (*.png);;Vector graphics (*.svg)"


@pytest.fixture
def parent(qtbot) -> QWidget:
    parent = QWidget()
    qtbot.addWidget(parent)
    return parent


def asked(monkeypatch, parent, typed: str, kind: str = "", answer: str = "No") -> tuple[str, int]:
    """Return the path that comes of a name, and how often it was asked whether to replace it."""
    questions: list[str] = []

    def question(*words):
        questions.append(words[-1])
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (typed, kind))
    monkeypatch.setattr(QMessageBox, "question", question)
    return ask_where(parent, "Save", "plot.png", KINDS), len(questions)


def test_a_name_with_an_ending_is_taken_as_it_is(monkeypatch, parent, tmp_path) -> None:
    there = tmp_path / "there.PNG"
    there.touch()
    assert asked(monkeypatch, parent, str(there)) == (str(there), 0)
    assert asked(monkeypatch, parent, "") == ("", 0)


@pytest.mark.parametrize(("kind", "ending"), [("", ".png"), ("Vector graphics (*.svg)", ".svg")])
def test_a_name_without_gets_that_of_the_chosen_kind(
    monkeypatch, parent, tmp_path, kind, ending
) -> None:
    typed = str(tmp_path / "v1.2")
    assert asked(monkeypatch, parent, typed, kind) == (typed + ending, 0)


def test_what_the_dialog_did_not_ask_about_is_asked_about(monkeypatch, parent, tmp_path) -> None:
    (tmp_path / "mine.png").touch()
    typed = str(tmp_path / "mine")
    assert asked(monkeypatch, parent, typed) == ("", 1)
    assert asked(monkeypatch, parent, typed, answer="Yes") == (f"{typed}.png", 1)
