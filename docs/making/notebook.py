"""Turns the cells of docs/example.py into a notebook with their results.

The cells are run here, one after the other, in one namespace, as a notebook
would: what is printed, the figures, and the value of the last line are their result.
"""

from __future__ import annotations

import ast
import base64
import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

_MARK: Final = "# %%"
_MARKDOWN: Final = "[markdown]"
_DPI: Final = 72
MOST_BYTES: Final = 400_000


class Cell(NamedTuple):
    """A cell of the script."""

    kind: Literal["markdown", "code"]
    source: str


def read_cells(script: Path) -> list[Cell]:
    """Return the cells of a script whose cells begin with ``# %%``."""
    cells = []
    for piece in script.read_text(encoding="utf-8").split(_MARK)[1:]:
        head, _, body = piece.partition("\n")
        if head.strip() == _MARKDOWN:
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()]
            cells.append(Cell("markdown", "\n".join(lines)))
        else:
            cells.append(Cell("code", body.strip()))
    return cells


def run_cells(cells: list[Cell], done: Callable[[int], object] = lambda _: None) -> list[Any]:
    """Run the code cells in one namespace; return the outputs of every cell."""
    mpl.use("agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    for number, cell in enumerate(cells):
        outputs.append(_run(cell.source, namespace) if cell.kind == "code" else [])
        done(number)
    return outputs


def _run(source: str, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append(
            {"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())}
        )
    for number in plt.get_fignums():
        data = {"image/png": _png(plt.figure(number)), "text/plain": ["<Figure>"]}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    if value is not None and not plt.get_fignums():
        outputs.append(
            {
                "output_type": "execute_result",
                "data": {"text/plain": _lines(repr(value))},
                "metadata": {},
                "execution_count": None,
            }
        )
    plt.close("all")
    return outputs


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def as_notebook(cells: list[Cell], outputs: list[Any]) -> str:
    """Return the notebook as JSON text, of nbformat 4.5."""
    written = []
    count = 0
    for number, (cell, found) in enumerate(zip(cells, outputs, strict=True)):
        each: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": f"cell-{number:02d}",
            "metadata": {},
            "source": _lines(cell.source),
        }
        if cell.kind == "code":
            count += 1
            numbered = [
                {**one, "execution_count": count} if "execution_count" in one else one
                for one in found
            ]
            each |= {"execution_count": count, "outputs": numbered}
        written.append(each)
    notebook = {
        "cells": written,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
