"""The folder of a run: what is in it, and how an unfinished one is known and taken up."""

from __future__ import annotations

import csv
import json
import platform
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainer.data.atomic import replacing, told
from trainer.errors import SettingsError
from trainer.model import checkpoint
from trainer.predict.members import folds_of_run
from trainer.settings import Ensemble, Recipe, read_recipe, to_yaml
from trainer.train.dataset import Sample
from trainer.train.progress import UNFINISHED

_VERSIONS = ("hubmap-viewer", "torch", "pytorch-lightning", "segmentation-models-pytorch", "timm")

ROUNDS = "rounds"
"""Folder within a run, of the earlier rounds of a training with pseudo-labels."""

PSEUDO = "pseudo"
"""Folder within a run, of the predictions that its members learn from."""


class Record:
    """A run's folder while its training goes on.

    Attributes
    ----------
    folder
        Of the run.
    facts
        What ``run.json`` says; `write` brings changes to the disk.
    earlier
        What it said when an unfinished run is taken up; else empty.

    Parameters
    ----------
    joins
        Another process of the same training keeps the folder, and checks it.

    Raises
    ------
    SettingsError
        If the folder holds a finished run, another training's, or something else.
    """

    def __init__(self, folder: Path, recipe: Recipe, joins: bool = False) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = {}
        self._recipe = recipe
        self.earlier = {} if joins else self._read_earlier()
        for left in folder.glob(".images-*") if self.earlier else ():
            shutil.rmtree(left, ignore_errors=True)  # of a training that was killed
        with told(folder, SettingsError):
            folder.mkdir(parents=True, exist_ok=True)

    def begin(
        self,
        samples: Sequence[Sample],
        fold_of: Mapping[str, int | None],
        revisions: Mapping[str, int],
        start: Mapping[str, str] | None = None,
        external: Sequence[Sample] = (),
    ) -> None:
        """Write what the training is made of, or check that it is the one begun here before."""
        wanted = {
            "cases": {sample.case.id: sample.digest for sample in samples},
            "revisions": dict(revisions),
            "external": {sample.case.id: sample.digest for sample in external},
            "start": "scratch" if start is None else dict(start),
        }
        rows = [("id", "organ", "fold")]
        rows += [(s.case.id, s.case.organ, _cell(fold_of[s.case.id])) for s in samples]
        if self.earlier and (
            any(self.earlier.get(key) != wanted[key] for key in wanted) or self._folds() != rows
        ):
            raise SettingsError(
                "holds an unfinished run on other cases or masks, or with other folds",
                file=self.folder,
                remedy="choose another folder, or delete this one",
            )
        self.facts = {
            "command": shlex.join(sys.argv),
            "started": now(),
            "finished": None,
            "versions": {name: version(name) for name in _VERSIONS}
            | {"python": platform.python_version()},
            **wanted,
        }
        self.write()
        with replacing(self.folder / "recipe.yaml", SettingsError) as draft:
            draft.write_text(to_yaml(self._recipe), "utf-8")
        with (
            replacing(self.folder / "folds.csv", SettingsError) as draft,
            draft.open("w", encoding="utf-8", newline="") as file,
        ):
            csv.writer(file).writerows(rows)

    def _folds(self) -> list[tuple[str, ...]]:
        """Rows of the earlier run's folds."""
        try:
            with (self.folder / "folds.csv").open(encoding="utf-8", newline="") as file:
                return [tuple(row) for row in csv.reader(file)]
        except OSError:
            return []

    def write(self) -> None:
        """Bring `facts` to ``run.json``."""
        with replacing(self.folder / "run.json", SettingsError) as draft:
            draft.write_text(json.dumps(self.facts, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def weights(self, fold: int) -> Path:
        """Where a fold's member is kept."""
        return self.folder / f"fold{fold}" / "weights.safetensors"

    def finished_folds(self) -> list[int]:
        """Folds whose member is there, whole."""
        there = folds_of_run(self.folder)
        return [fold for fold, file in sorted(there.items()) if checkpoint.twin(file).is_file()]

    def write_ensemble(self) -> Ensemble:
        """Make the members there are an ensemble."""
        files = [self.weights(fold).relative_to(self.folder) for fold in self.finished_folds()]
        weights = [file.as_posix() for file in files]
        ensemble = ensemble_of(self._recipe, self.folder.resolve().name, weights)
        with replacing(self.folder / "ensemble.yaml", SettingsError) as draft:
            draft.write_text(to_yaml(ensemble), "utf-8")
        return ensemble

    def tidy(self) -> None:
        """After a training that was stopped: keep finished folds and epochs, else nothing."""
        kept = {self.weights(fold).parent for fold in self.finished_folds()}
        kept |= {file.parent for file in self.folder.glob(f"fold*/{UNFINISHED}")}
        for folder in self.folder.glob("fold*/"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        if kept:
            return
        for name in ("run.json", "recipe.yaml", "folds.csv"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / PSEUDO, ignore_errors=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _read_earlier(self) -> dict[str, Any]:
        """What an unfinished run in this folder says; empty where there is none."""
        if not self.folder.exists():
            return {}
        if not self.folder.is_dir():
            raise SettingsError("is no folder", file=self.folder, remedy="choose another name")
        file = self.folder / "run.json"
        if not file.is_file():
            if any(path.name != ROUNDS for path in self.folder.iterdir()):
                raise SettingsError(
                    "is not empty", file=self.folder, remedy="choose a new folder for the run"
                )
            return {}
        try:
            earlier = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"cannot be read ({error})", file=file) from error
        recipe = self.folder / "recipe.yaml"
        same = recipe.is_file() and read_recipe(recipe) == self._recipe
        done = earlier.get("finished")
        if done or not same:
            raise SettingsError(
                "holds a finished run" if done else "holds an unfinished run of another recipe",
                file=self.folder,
                remedy="choose another folder, or delete this one",
            )
        return earlier


def ensemble_of(recipe: Recipe, name: str, weights: Iterable[str]) -> Ensemble:
    """What a recipe's members are shown, and how they become masks."""
    shown = recipe.model_dump(include={"pixel_size", "resize"})
    if recipe.organs:
        shown["organs"] = recipe.organs
    members = [{"weights": file, **shown} for file in weights]
    asked = recipe.ensemble.model_dump()
    return Ensemble.model_validate({"name": name, "members": members, **asked})


def _cell(fold: int | None) -> str:
    """In ``folds.csv``: empty for a case that every member has learned from."""
    return "" if fold is None else str(fold)


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
