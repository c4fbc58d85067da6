"""An ensemble as a form: its settings' own definition says which fields there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml

from hubmap_viewer.ensemble_lines import title
from trainer.errors import SettingsError
from trainer.settings import Ensemble, validated


@dataclass(frozen=True, slots=True)
class Field:
    """A key of the YAML, to be filled in.

    Attributes
    ----------
    title, tip
        What it is, and what it means.
    choices
        All that it can be; empty where it is free.
    text
        Its value as YAML; empty where it is left to its default.
    default
        That default as YAML; empty where it must be given.
    is_short
        Whether a line is enough for it.
    """

    key: str
    title: str
    tip: str
    choices: tuple[str, ...]
    text: str
    default: str
    is_short: bool


def fields(ensemble: Ensemble) -> tuple[Field, ...]:
    """An ensemble's keys, filled in with what it says."""
    there = ensemble.model_dump(mode="json")
    return tuple(_field(key, there) for key in Ensemble.model_fields)


def told(texts: Mapping[str, str], file: Path) -> Ensemble:
    """The ensemble that a filled-in form describes.

    Parameters
    ----------
    texts
        A YAML value a key; what is empty is left to its default.
    file
        Named in errors.

    Raises
    ------
    SettingsError
        If a text is no YAML, or says something unknown or out of range.
    """
    return validated(Ensemble, {k: _value(k, t, file) for k, t in texts.items() if t.strip()}, file)


def _field(key: str, there: Mapping[str, Any]) -> Field:
    kind = Ensemble.model_fields[key]
    choices = get_args(kind.annotation) if get_origin(kind.annotation) is Literal else ()
    default = "" if kind.is_required() else _text(kind.get_default(call_default_factory=True))
    return Field(
        key,
        title(key),
        kind.description or "",
        tuple(map(str, choices)),
        _text(there[key]) if key in there else "",
        default,
        isinstance(kind.annotation, type) and issubclass(kind.annotation, str | float | int),
    )


def _text(value: Any) -> str:
    """A value as YAML: short ones in a line, members and mappings a line each."""
    dumped = yaml.safe_dump(
        _plain(value), default_flow_style=None, sort_keys=False, allow_unicode=True, width=10_000
    )
    return dumped.removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _value(key: str, text: str, file: Path) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" in its line {mark.line + 1}"
        raise SettingsError(f"`{key}` is not YAML{line}", file=file) from error
