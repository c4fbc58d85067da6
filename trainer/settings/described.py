"""What a settings file can say, key by key, as the settings describe themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel


def described(settings: type[BaseModel], depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """Every key of a file, those of its groups after them: depth, key, meaning."""
    for name, field in settings.model_fields.items():
        yield depth, name, field.description or ""
        for group in _groups(field.annotation):
            yield from described(group, depth + 1)


def _groups(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings that a value may be made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _groups(part)
