"""What an ensemble's YAML says, line by line, as its settings describe themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainer.settings import Area, Ensemble, Member, Stain

ALWAYS = ("members", "tta", "fusion", "threshold")
"""Said even where the YAML leaves them to their defaults."""

_TITLES = {
    "tta": "views",
    "tta_scales": "view scales",
    "tta_stains": "view stains",
    "tta_average": "views averaged in",
    "source_thresholds": "thresholds by source",
    "postprocess": "post-processing",
    "crf": "dense CRF",
    "min_area": "minimum area",
    "min_probability": "units' mean from",
    "low": "hysteresis from",
    "erode": "erode by",
}
_UNITS = {"closing": " px", "opening": " px", "erode": " px", "pixel_size": " µm/px"}
_NOT_OF_MEMBERS = frozenset({"weights", "run", "fold", "weight"})
_NOT_OF_STAINS = frozenset({"method", "reference"})


@dataclass(frozen=True, slots=True)
class Line:
    """A key in words, what is said of it, what it means, and what is said below it."""

    title: str
    value: str
    tip: str = ""
    below: tuple[Line, ...] = ()


def lines(ensemble: Ensemble) -> tuple[Line, ...]:
    """All that an ensemble's YAML says, but its name; defaults only where they matter."""
    return _of(ensemble, frozenset({"name"}), ALWAYS)


def title(key: str) -> str:
    """A key in words."""
    return _TITLES.get(key, key.replace("_", " "))


def short(name: str) -> str:
    """A member's name without what most of them have in common."""
    return name.removesuffix("/weights.safetensors").removesuffix(".safetensors") or name


def _of(
    settings: BaseModel,
    left_out: frozenset[str] = frozenset(),
    always: tuple[str, ...] = (),
) -> tuple[Line, ...]:
    fields = type(settings).model_fields
    return tuple(
        _line(key, getattr(settings, key), field)
        for key, field in fields.items()
        if key not in left_out and (key in always or _is_said(settings, key, field))
    )


def _is_said(settings: BaseModel, key: str, field: FieldInfo) -> bool:
    return getattr(settings, key) != field.get_default(call_default_factory=True)


def _line(key: str, value: Any, field: FieldInfo) -> Line:
    words, tip = title(key), field.description or ""
    if isinstance(value, Area):
        return Line(words, _area(value), tip)
    if isinstance(value, BaseModel):
        below = _of(value)
        return Line(words, _inline(below) or "on", tip, below if len(below) > 1 else ())
    if isinstance(value, Mapping):
        return Line(words, "", tip, tuple(_entry(name, one, tip) for name, one in value.items()))
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return Line(words, str(len(value)), tip, tuple(_item(one) for one in value))
    return Line(words, _word(value) + _UNITS.get(key, ""), tip)


def _entry(name: object, value: Any, tip: str) -> Line:
    """One of a mapping: an organ, a data source, a size."""
    if isinstance(value, BaseModel):
        below = _of(value)
        return Line(str(name), "" if below else "nothing", tip, below)
    if isinstance(value, Mapping):
        said = ", ".join(f"{source} {_word(one)}" for source, one in value.items())
        return Line(str(name), said, tip)
    return Line(str(name), _word(value), tip)


def _item(one: BaseModel) -> Line:
    """One of a list: a member, a stain."""
    if isinstance(one, Member):
        tip = Member.model_fields["weight"].description or ""
        return Line(short(one.source), f"weight {one.weight:g}", tip, _of(one, _NOT_OF_MEMBERS))
    if isinstance(one, Stain):
        return Line(
            one.method,
            one.reference or "the image's own colours",
            "",
            _of(one, _NOT_OF_STAINS),
        )
    return Line("", _inline(_of(one)))


def _area(area: Area) -> str:
    if area.share is not None:
        return f"{area.share:g} of the image"
    return f"{area.um2:g} µm²" if area.um2 is not None else f"{area.px:g} px"


def _inline(below: tuple[Line, ...]) -> str:
    return ", ".join(f"{line.title} {line.value}".strip() for line in below)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(_word(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
