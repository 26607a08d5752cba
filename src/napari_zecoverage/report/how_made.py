"""With what a report was made: settings, exports, versions."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from napari_zecoverage.core.advice_words import NOT_KNOWN
from napari_zecoverage.core.parameters import CONFIG_PREFIX, Limits, MaskParameters
from napari_zecoverage.report.document import Block, Cell, Paragraph, Section, Table
from napari_zecoverage.report.subject import Subject
from napari_zecoverage.report.words import setting


def settings_section(subject: Subject) -> Section:
    """Return all settings: ZeMosaic's, the advice's and the study's."""
    defaults = MaskParameters()
    rows = tuple(
        (
            CONFIG_PREFIX + each.name,
            _strong(getattr(subject.chosen, each.name), getattr(defaults, each.name)),
            setting(getattr(defaults, each.name)),
            _unit(each.metadata.get("limits")),
            _meaning(each.metadata.get("limits"), each.name),
        )
        for each in fields(MaskParameters)
        if each.name != "notes"
    )
    head = ("key in ZeMosaic's config", "chosen", "default", "unit", "meaning")
    blocks: list[Block | Section] = [
        Table("The chosen thresholds, as ZeMosaic names them.", head, rows, numeric=(1, 2)),
        _group_table("How the advice goes by them.", subject.advice_options),
    ]
    if subject.options is not None:
        blocks.append(_group_table("How the clusters were studied.", subject.options))
    return Section("Settings", "settings", tuple(blocks))


def _strong(value: Any, default: Any) -> Cell:
    return Cell(setting(value), "plain" if value == default else "good")


def _group_table(caption: str, group: Any) -> Table:
    rows = tuple(
        (
            each.name,
            setting(getattr(group, each.name)),
            _unit(each.metadata.get("limits")),
            _meaning(each.metadata.get("limits"), each.name),
        )
        for each in fields(group)
    )
    return Table(caption, ("setting", "value", "unit", "meaning"), rows, numeric=(1,))


def _unit(limits: Limits | None) -> str:
    return "" if limits is None else limits.unit


_MEANINGS: Final = {
    "nanize": "Hidden pixels are emptied with NaN; else with 0.",
    "strict_overlap_crop_enabled": "The tile is cropped to what the mask keeps.",
    "stack": "How the tile is stacked.",
    "canvas": "Whose canvas the coverage has.",
    "background": "How each frame's sky is matched to the reference's.",
}


def _meaning(limits: Limits | None, name: str) -> str:
    return _MEANINGS.get(name, "") if limits is None else limits.meaning


def exported_section(subject: Subject) -> Section:
    """Return what was written before the report."""
    blocks: tuple[Block, ...]
    if subject.exported:
        rows = tuple((what, where) for what, where in subject.exported)
        blocks = (Table("What was written before this report.", ("what", "where"), rows),)
    else:
        blocks = (Paragraph("Nothing was exported together with this report.", "quiet"),)
    return Section("Exported", "exported", blocks)


def versions_section(subject: Subject) -> Section:
    """Return the programs and where they worked."""
    rows = tuple((name, found or NOT_KNOWN) for name, found in subject.versions.items())
    blocks: list[Block | Section] = [Table("What it was made with.", ("program", "version"), rows)]
    if subject.scheduler:
        blocks.append(Paragraph(f"The clusters were studied by {subject.scheduler}."))
    return Section("Versions", "versions", tuple(blocks))
