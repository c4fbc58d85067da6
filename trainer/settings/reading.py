"""Settings as YAML text, and what is wrong with such a text."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from trainer.errors import SettingsError
from trainer.settings.base import Settings
from trainer.settings.ensemble import Ensemble
from trainer.settings.recipe import Recipe

_Model = TypeVar("_Model", bound=Settings)

_REMEDY = "name the YAML of a recipe or an ensemble, or a run's folder"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe's YAML; the files that it names are found from its folder.

    Raises
    ------
    SettingsError
        If the file is missing, is not YAML, or says something unknown or out of range.
    """
    return _read(Recipe, path).beside(path.parent)


def read_ensemble(path: Path) -> Ensemble:
    """Read an ensemble's YAML; of a run's folder, its ``ensemble.yaml``.

    Raises
    ------
    SettingsError
        If the file is missing, is not YAML, or says something unknown or out of range.
    """
    return _read(Ensemble, path / "ensemble.yaml" if path.is_dir() else path)


def to_yaml(settings: BaseModel) -> str:
    """The settings as the YAML text that reads back to them."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def validated(model: type[_Model], data: Mapping[str, Any], path: Path) -> _Model:
    """The settings that a YAML's keys and values are.

    Raises
    ------
    SettingsError
        If they say something unknown or out of range; it names the file at `path`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SettingsError(_explain(model, error), file=path) from error


def _read(model: type[_Model], path: Path) -> _Model:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError("there is no such file", file=path, remedy=_REMEDY) from None
    except OSError as error:
        raise SettingsError(f"cannot be read ({error.strerror})", file=path) from error
    except UnicodeDecodeError as error:
        raise SettingsError("is no text", file=path, remedy=_REMEDY) from error
    except RecursionError as error:
        raise SettingsError("is nested too deeply", file=path, remedy=_REMEDY) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingsError(
            "is not YAML", file=path, row=None if mark is None else mark.line + 1
        ) from error
    if not isinstance(data, dict):
        raise SettingsError("holds no `key: value` lines", file=path, remedy=_REMEDY)
    return validated(model, data, path)


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    """One clause a problem; an unknown key is met with the nearest known one."""
    details = error.errors()
    places = [detail["loc"] for detail in details]
    return "; ".join(
        _clause(model, place, detail)
        for place, detail in zip(places, details, strict=True)
        # a list that lost its bad items is not "too short" besides
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    )


def _clause(model: type[BaseModel], loc: tuple[int | str, ...], detail: object) -> str:
    assert isinstance(detail, dict)
    place = ".".join(str(step) for step in loc)
    if detail["type"] != "extra_forbidden":
        return f"`{place}`: {detail['msg'].removeprefix('Value error, ')}".replace("``: ", "")
    known = list(_model_at(model, loc[:-1]).model_fields)
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.0)
    return f"unknown key `{place}` (did you mean `{near[0]}`?)" if near else f"unknown `{place}`"


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The settings class that the place `loc` belongs to."""
    in_mapping = False
    for step in loc:
        # places in a list and the names of a mapping's entries are no keys of a class
        if isinstance(step, int) or in_mapping:
            in_mapping = False
            continue
        annotation = model.model_fields[step].annotation
        in_mapping = get_origin(annotation) is dict
        candidates = (annotation, *get_args(annotation))
        model = next(
            kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return model
