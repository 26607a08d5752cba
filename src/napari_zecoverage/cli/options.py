"""Options made from the settings: one for each, with its meaning, range and default."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, replace
from typing import Annotated, Any, Final, TypeVar, get_args, get_type_hints

import typer

from napari_zecoverage.cli.endings import Command
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.parameters import AdviceOptions, Limits, MaskParameters, StudyOptions


def takes(**groups: type[Any]) -> Callable[[Command], Command]:
    """Give a command one option for each field of groups of settings.

    Parameters
    ----------
    **groups : type
        Name of the command's parameter → group. The parameter gets a dict of
        the fields that the user named, and only of those. A field of the name
        of one of the command's own parameters has no option.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        parameters = [each for name, each in own.parameters.items() if name not in groups]
        names: dict[str, list[str]] = {}
        for group_name, group in groups.items():
            without = {"notes", *own.parameters}
            options = [_option(group, each) for each in fields(group) if each.name not in without]
            names[group_name] = [each.name for each in options]
            parameters += options

        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            for group_name, field_names in names.items():
                values = {name: given.pop(name) for name in field_names}
                given[group_name] = {n: value for n, value in values.items() if value is not None}
            command(**given)

        wrapper.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapper  # type: ignore[return-value]

    return decorate


def _option(group: type[Any], setting: Field[Any]) -> inspect.Parameter:
    """Return the option of one setting; None when it is not given."""
    limits: Limits | None = setting.metadata.get("limits")
    flag = flag_of(setting.name)
    default = setting.default
    metavar = None
    kind: Any
    if limits is not None:
        kind = int if limits.decimals == 0 else float
        upper = "" if math.isinf(limits.maximum) else f" to {limits.maximum:g}"
        unit = f" ({limits.unit})" if limits.unit else ""
        text = f"{limits.meaning} From {limits.minimum:g}{upper}{unit}; by default {default:g}."
    elif isinstance(default, bool):
        kind = bool
        name = setting.name.removesuffix("_enabled").replace("_", "-")
        flag = f"--{name}/--no-{name}"
        text = f"{_SWITCHES[setting.name]} By default {'yes' if default else 'no'}."
    else:
        kind = str
        choices = get_args(get_type_hints(group)[setting.name])
        metavar = "|".join(choices)
        text = f"{_CHOICES[setting.name]} By default {default}."
    info = typer.Option(flag, help=text, metavar=metavar, rich_help_panel=_PANELS[group])
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, info],
    )


_PANELS: Final[dict[type[Any], str]] = {
    MaskParameters: "Thresholds",
    StudyOptions: "Study",
    AdviceOptions: "Advice",
}
_SWITCHES: Final = {
    "nanize": "Empty the hidden pixels with NaN, not with 0.",
    "strict_overlap_crop_enabled": "Crop the tile to what the mask keeps.",
}
_CHOICES: Final = {
    "stack": "How the tile is stacked; none makes the coverage only.",
    "canvas": "The coverage's canvas; auto keeps the reference frame's unless another frame "
    "covers less than 95 % of it.",
    "background": "How each frame's background is matched to the reference.",
}


def flag_of(name: str) -> str:
    """Return the option of a setting, as one types it."""
    return f"--{name.replace('_', '-')}"


Group = TypeVar("Group", MaskParameters, StudyOptions, AdviceOptions)


def changed(settings: Group, given: Mapping[str, Any]) -> Group:
    """Return the settings with those of the command line; what is out of range is wrong usage."""
    try:
        return replace(settings, **given)
    except ParameterError as error:
        raise typer.BadParameter(str(error), param_hint=flag_of(error.field)) from None
