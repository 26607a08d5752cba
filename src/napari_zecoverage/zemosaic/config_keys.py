"""ZeMosaic's Alt-Az and quality-crop keys: who reads each, and what it does.

The facts are ZEMOSAIC.md §6, with what §4, §5 and §10 say about the effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from napari_zecoverage.core.parameters import CONFIG_PREFIX, MaskParameters, limits_of

Reader = Literal["A", "T", "R", "lecropper"]
Kind = Literal["switch", "number", "whole number", "choice"]

OUR_PREFIXES: Final = (CONFIG_PREFIX, "quality_crop_")
"""How the keys of this table begin."""

READ_BY: Final[dict[Reader, str]] = {
    "A": "ZeMosaic takes it from its window (or from the command line's --config), not from the "
    "file; the window loads the file when it is started",
    "T": "ZeMosaic reads it from the file again for every master tile; --config cannot set it",
    "R": "ZeMosaic reads it from the file when a run starts; --config cannot set it",
    "lecropper": "only lecropper reads it, when it is run by itself",
}
"""Who reads a key, in words."""


class WindowRange(NamedTuple):
    """What a number field of ZeMosaic's window can hold."""

    minimum: float
    maximum: float
    step: float
    decimals: int


@dataclass(frozen=True)
class ConfigKey:
    """One key of ZeMosaic's config.

    Attributes
    ----------
    key : str
    kind : {"switch", "number", "whole number", "choice"}
    default : bool, int, float or str
        What ZeMosaic takes without the key, or for what is no number.
    reader : {"A", "T", "R", "lecropper"}
        A: argument of the worker (the window's value, or the command line's
        ``--config``). T: the file, for each master tile. R: the file, when a run
        starts. `READ_BY` says it in words.
    effect : str
        One sentence: what it does, or that it does nothing.
    acts : bool
        False when it decides nothing in a classic run.
    minimum, maximum : float
        Where ZeMosaic clips a number in use, both allowed; infinite where it
        does not.
    choices : tuple of str
        Of a choice.
    in_window : bool
        Whether ZeMosaic's window has a control for it; else it stands in the
        file only.
    window_range : WindowRange or None
        Of a number that the window has.
    """

    key: str
    kind: Kind
    default: bool | int | float | str
    reader: Reader
    effect: str
    acts: bool = True
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    in_window: bool = False
    window_range: WindowRange | None = None

    @property
    def read_by(self) -> str:
        """Who reads it, in words."""
        return READ_BY[self.reader]


def _of_mask(
    name: str, reader: Reader, *, effect: str = "", window: WindowRange | None = None
) -> ConfigKey:
    """Return the entry of a field of `MaskParameters`: default, limits and meaning are there."""
    limits = limits_of(MaskParameters, name)
    default = getattr(MaskParameters(), name)
    if limits is None:
        return ConfigKey(CONFIG_PREFIX + name, "switch", default, reader, effect)
    return ConfigKey(
        CONFIG_PREFIX + name,
        "whole number" if limits.decimals == 0 else "number",
        default,
        reader,
        effect or limits.meaning,
        minimum=limits.minimum,
        maximum=limits.maximum,
        in_window=window is not None,
        window_range=window,
    )


def _of_quality_crop(
    name: str,
    kind: Kind,
    default: float,
    effect: str,
    *,
    window: WindowRange,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    acts: bool = True,
) -> ConfigKey:
    """Return the entry of a number of the quality crop; the window has a field for each."""
    return ConfigKey(
        f"quality_crop_{name}",
        kind,
        default,
        "A",
        effect,
        acts,
        minimum,
        maximum,
        in_window=True,
        window_range=window,
    )


CONFIG_KEYS: Final[tuple[ConfigKey, ...]] = (
    ConfigKey(
        "altaz_cleanup_enabled",
        "switch",
        False,
        "A",
        "It decides nothing in a classic run: whether the cleanup runs follows from the mounts "
        "that ZeMosaic found and from altaz_unknown_policy.",
        acts=False,
        in_window=True,
    ),
    _of_mask("margin_percent", "A", window=WindowRange(0, 50, 0.5, 1)),
    _of_mask("decay", "A", window=WindowRange(0, 2, 0.05, 2)),
    ConfigKey(
        "altaz_nanize",
        "switch",
        MaskParameters().nanize,
        "A",
        "On: masked pixels become NaN before the tile is saved; off: 0. The saved tile is the "
        "same.",
        in_window=True,
    ),
    _of_mask("nanize_threshold", "T", window=WindowRange(0, 1, 0.01, 3)),
    ConfigKey(
        "altaz_alpha_soft_threshold",
        "number",
        MaskParameters().nanize_threshold,
        "T",
        "It is dead: ZeMosaic uses it only as the default of altaz_nanize_threshold.",
        acts=False,
        minimum=0,
        maximum=1,
    ),
    ConfigKey(
        "altaz_unknown_policy",
        "choice",
        "auto",
        "R",
        "Whether clusters of unknown mount (in practice all) count as Alt-Az: on, off, or auto, "
        "by Seestar names and by the mounts of the run.",
        choices=("auto", "on", "off"),
    ),
    _of_mask("min_coverage_abs", "T"),
    _of_mask("min_coverage_frac", "T"),
    _of_mask("morph_open_px", "T"),
    _of_mask(
        "strict_overlap_crop_enabled",
        "T",
        effect="Whether the tile is cropped to the rectangle round its well-covered core.",
    ),
    _of_mask("strict_overlap_crop_alpha_threshold", "T"),
    _of_mask("strict_overlap_crop_min_nonzero_frac", "T"),
    _of_mask("strict_overlap_crop_bbox_pad_px", "T"),
    _of_mask("strict_overlap_crop_min_size_px", "T"),
    ConfigKey(
        "altaz_export_alpha_fits",
        "switch",
        True,
        "lecropper",
        "Whether lecropper writes alpha into the FITS files that it crops by itself.",
        acts=False,
    ),
    ConfigKey(
        "altaz_export_alpha_sidecar",
        "switch",
        False,
        "lecropper",
        "Whether lecropper, run by itself, writes alpha as a picture beside each file.",
        acts=False,
    ),
    ConfigKey(
        "altaz_alpha_sidecar_format",
        "choice",
        "png",
        "lecropper",
        "The format of that picture.",
        acts=False,
        choices=("png", "tiff"),
    ),
    ConfigKey(
        "quality_crop_enabled",
        "switch",
        False,
        "A",
        "Whether each tile is cropped to where its picture is good, before the mask is made.",
        in_window=True,
    ),
    _of_quality_crop(
        "band_px",
        "whole number",
        32,
        "Side of the blocks that the quality crop judges, in pixels.",
        minimum=4,
        window=WindowRange(4, 256, 4, 0),
    ),
    _of_quality_crop(
        "k_sigma",
        "number",
        2.0,
        "How far below the tile's median a block may be, in standard deviations.",
        minimum=0.1,
        maximum=10,
        window=WindowRange(0.5, 5, 0.1, 1),
    ),
    _of_quality_crop(
        "margin_px",
        "whole number",
        8,
        "Taken off on each side inside the quality crop's rectangle, in pixels.",
        minimum=0,
        window=WindowRange(0, 64, 1, 0),
    ),
    _of_quality_crop(
        "min_run",
        "whole number",
        2,
        "It decides nothing: the quality crop does not use it.",
        acts=False,
        window=WindowRange(1, 32, 1, 0),
    ),
)
"""Every ``altaz_`` and ``quality_crop_`` key of ZeMosaic 4.5, in the order of ZEMOSAIC.md §6."""
