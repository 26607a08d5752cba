"""Options made from the settings."""

from __future__ import annotations

from dataclasses import fields

from shell import GIVEN, flag, one_line, run

import napari_zecoverage as zc
from napari_zecoverage.core.parameters import limits_of


def test_every_threshold_has_an_option_with_default_and_range() -> None:
    for name in ("mask", "tiles", "export", "log"):
        text = one_line(run(name, "--help").stdout)
        for setting in fields(zc.MaskParameters):
            if setting.name == "notes":
                continue
            assert flag(setting.name, GIVEN[setting.name])[0] in text
            limits = limits_of(zc.MaskParameters, setting.name)
            if limits is not None:
                upper = "" if limits.maximum == float("inf") else f" to {limits.maximum:g}"
                assert f"From {limits.minimum:g}{upper}" in text
                assert f"by default {setting.default:g}." in text
