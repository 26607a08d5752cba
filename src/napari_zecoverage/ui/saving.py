"""Ask where a file is to be written."""

from __future__ import annotations

import os
import re

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget


def ask_where(parent: QWidget, title: str, name: str, kinds: str) -> str:
    """Let the user name a file; return its path, empty when he thought better of it.

    Parameters
    ----------
    parent : QWidget
    title : str
        Of the dialog.
    name : str
        That is proposed.
    kinds : str
        The kinds of files, as Qt's dialogs have them: ``"FITS (*.fits);;All (*.*)"``. A name
        without an ending of theirs gets that of the chosen kind, else of the first; the
        dialog has not asked about a file of the name that is so made: that is done here.
    """
    path, kind = QFileDialog.getSaveFileName(parent, title, name, kinds)
    endings = _endings(kinds)
    if not path or path.lower().endswith(tuple(endings)):
        return path
    whole = path + (_endings(kind) or endings)[0]
    return whole if not os.path.lexists(whole) or _may_replace(parent, title, whole) else ""


def _endings(kinds: str) -> list[str]:
    return re.findall(r"\*(\.\w+)", kinds)


def _may_replace(parent: QWidget, title: str, path: str) -> bool:
    answer = QMessageBox.question(parent, title, f"{path} is there already. Replace it?")
    return answer == QMessageBox.StandardButton.Yes
