"""What a run's folder says of it, as the training has written it; no network is read."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainer.errors import SettingsError
from trainer.settings import read_recipe


@dataclass(frozen=True, slots=True)
class RunFiles:
    """A run's folder.

    Attributes
    ----------
    facts
        What ``run.json`` says.
    recipe
        What ``recipe.yaml`` says, and its defaults.
    """

    folder: Path
    facts: dict[str, Any]
    recipe: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> RunFiles:
        """Read what a training has left.

        Raises
        ------
        SettingsError
            If the folder holds no run, or its ``run.json`` is damaged.
        """
        file = folder / "run.json"
        try:
            facts = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise SettingsError(
                "holds no run",
                file=folder,
                remedy="name a folder that `hubmap-trainer train` has written",
            ) from None
        except (OSError, ValueError) as error:
            raise SettingsError(f"cannot be read ({error})", file=file) from error
        if not isinstance(facts, dict) or not isinstance(facts.get("cases"), dict):
            raise SettingsError("does not say which cases it was trained on", file=file)
        return cls(folder, facts, _recipe(folder / "recipe.yaml"))

    @property
    def cases(self) -> dict[str, str]:
        """Digest of the image by id of a case that was learned from."""
        return self.facts["cases"]

    @property
    def revisions(self) -> dict[str, int]:
        """Number of the revision by id of a case whose curated mask was learned."""
        return self.facts.get("revisions") or {}


def _recipe(path: Path) -> dict[str, Any]:
    """The recipe with its defaults; of another version of the program, what its file says."""
    try:
        return read_recipe(path).model_dump(mode="json")
    except SettingsError:
        try:
            told = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            return {}
        return told if isinstance(told, dict) else {}


def rows_of(path: Path) -> list[dict[str, str]]:
    """A csv's rows by its header; none where there is no such file.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"cannot be read ({error})", file=path) from error


def flat(told: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys of nested settings, joined by dots, with their values; what says nothing is left out."""
    for key, value in told.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        elif value not in ({}, [], None):
            yield f"{prefix}{key}", value
