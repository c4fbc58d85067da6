"""The YAML file of the ensemble that made some predictions, and new thresholds in it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hubmap_viewer import library
from trainer.data.atomic import replacing
from trainer.data.predictions import Predictions
from trainer.errors import PredictionError, SettingsError
from trainer.locate import resource
from trainer.predict.fingerprint import fingerprint
from trainer.review.thresholds import apply
from trainer.settings import Ensemble, Member, Stain, read_ensemble, to_yaml

NOTE = "review/ensemble.json"
"""In the folder of predictions: the file that new weights of their members were written to."""

_Named = TypeVar("_Named", Member, Stain)


@dataclass(frozen=True, slots=True)
class EnsembleFile:
    """Where thresholds are written.

    Attributes
    ----------
    source
        The YAML of the ensemble that made the predictions.
    path
        The YAML to write: the same, or a copy in the cohort of one that came with the program.
    """

    source: Path
    path: Path

    @property
    def name(self) -> str:
        """Enough of the path to know the file by."""
        parts = self.path.parts[-2:]
        return "/".join(parts) if self.path.name == "ensemble.yaml" else self.path.name


def find(cohort: Path, predictions: Predictions) -> EnsembleFile | None:
    """The file that made a cohort's predictions: of a run its own, else one with their weights.

    First of all the one that their members' new weights were written to, if it says them still.
    Reads every weights file of the ensembles in the cohort's folder: not in the window's thread.
    """
    noted, _ = _noted(cohort, predictions)
    run = predictions.folder.resolve().parent / "ensemble.yaml"
    kept = [entry.path for entry in library.ensembles(cohort)]
    for path in (*([noted] if noted else []), run, *kept):
        if path.is_file():
            with contextlib.suppress(SettingsError):
                return chosen(cohort, predictions, path)
    return None


def chosen(cohort: Path, predictions: Predictions, path: Path) -> EnsembleFile:
    """A file that the user names.

    Raises
    ------
    SettingsError
        If it is no ensemble's, or another one's than that which made the predictions.
    """
    _, noted = _noted(cohort, predictions)
    if fingerprint_of(path) not in (predictions.description.get("fingerprint"), noted):
        raise SettingsError(
            f"is not the ensemble that made {predictions.folder.name}",
            file=path,
            remedy="choose the file that these predictions were made with",
        )
    return to_write(cohort, path)


def note(cohort: Path, predictions: Predictions, path: Path) -> None:
    """Note with predictions which file now says new weights of the members that made them.

    Reads every weights file of it: not in the window's thread.

    Raises
    ------
    PredictionError
        If it cannot be written.
    SettingsError
        If the file cannot be read.
    """
    there = path.resolve()
    if there.is_relative_to(cohort.resolve()):  # else a cohort that is moved would lose it
        there = there.relative_to(cohort.resolve())
    told = {"file": there.as_posix(), "fingerprint": fingerprint_of(path)}
    with replacing(predictions.folder / NOTE, PredictionError) as draft:
        draft.write_text(json.dumps(told, indent=2), "utf-8")


def _noted(cohort: Path, predictions: Predictions) -> tuple[Path | None, str | None]:
    """The noted file and its fingerprint then; nothing where the note is gone or damaged."""
    try:
        told = json.loads((predictions.folder / NOTE).read_text("utf-8"))
        return cohort / str(told["file"]), str(told["fingerprint"])
    except (OSError, ValueError, TypeError, KeyError):
        return None, None


def fingerprint_of(path: Path) -> str:
    """Of what an ensemble's file says now; reads its weights.

    Raises
    ------
    SettingsError
        If it is no ensemble's, or weights cannot be read.
    """
    ensemble = read_ensemble(path)
    try:
        return fingerprint(ensemble, path.parent)
    except OSError as error:
        raise SettingsError(
            f"a member's weights cannot be read ({error.strerror})", file=path
        ) from error


def to_write(cohort: Path, path: Path) -> EnsembleFile:
    """Where what is tried of an ensemble's file is written.

    Raises
    ------
    SettingsError
        If it is no ensemble's.
    """
    ensemble = read_ensemble(path)
    if not path.resolve().is_relative_to(resource("").resolve()):
        return EnsembleFile(path, path)
    return EnsembleFile(path, _free(cohort / "ensembles", ensemble.name))


def of_name(cohort: Path, predictions: Predictions) -> EnsembleFile | None:
    """The cohort's first file of the ensemble's name: it may say another mix by now."""
    for entry in library.ensembles(cohort):
        with contextlib.suppress(SettingsError):
            if read_ensemble(entry.path).name == predictions.description.get("ensemble"):
                return to_write(cohort, entry.path)
    return None


def write_members(file: EnsembleFile, ensemble: Ensemble) -> Path:
    """Write an ensemble's members into its file; all else in it stays.

    Returns
    -------
    The file written.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    there = ensemble if file.path == file.source else _elsewhere(ensemble, file.source)
    _put(file.path, said(file).model_copy(update={"members": there.members}))
    return file.path


def write_all(file: EnsembleFile, ensemble: Ensemble) -> None:
    """Write an ensemble into its file, in place of all that this says.

    Parameters
    ----------
    file
        Where.
    ensemble
        With paths as `said` has them.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    _put(file.path, ensemble)


def write(
    file: EnsembleFile, predictions: Predictions, thresholds: Mapping[str, float]
) -> Predictions:
    """Write thresholds to the ensemble's file, then beside its predictions.

    Returns
    -------
    The predictions, at the new thresholds.

    Raises
    ------
    SettingsError, PredictionError
        If a file cannot be written; of the two the ensemble's is written first.
    """
    if not file.path.exists():
        _put(file.path, said(file))
    after = apply(file.path, thresholds)
    told = predictions.description
    now = {**told.get("thresholds", {}), **thresholds}
    described = {**told, "threshold": after.threshold, "thresholds": now}
    if sources := told.get("source_thresholds"):
        kept = {organ: own for organ, own in sources.items() if organ not in thresholds}
        described["source_thresholds"] = kept
    return Predictions.create(predictions.folder, described)


def said(file: EnsembleFile) -> Ensemble:
    """What the file to write says, or is to say first: another dock may have made the copy.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    if file.path == file.source or file.path.exists():
        return read_ensemble(file.path)
    return _elsewhere(read_ensemble(file.source), file.source)


def _put(path: Path, ensemble: Ensemble) -> None:
    with replacing(path, SettingsError) as draft:
        draft.write_text(to_yaml(ensemble), "utf-8")


def _elsewhere(ensemble: Ensemble, source: Path) -> Ensemble:
    """The ensemble as another folder's file says it: weights and references are where they were."""
    base = source.resolve().parent
    members = tuple(_found(member, base, ("weights", "run")) for member in ensemble.members)
    stains = tuple(_found(stain, base, ("reference",)) for stain in ensemble.tta_stains)
    return ensemble.model_copy(update={"members": members, "tta_stains": stains})


def _found(settings: _Named, base: Path, names: tuple[str, ...]) -> _Named:
    """The settings with absolute paths in place of those relative to `base`."""
    paths = {name: getattr(settings, name) for name in names}
    found = {name: (base / path).as_posix() for name, path in paths.items() if path is not None}
    return settings.model_copy(update=found)


def _free(folder: Path, name: str) -> Path:
    """A YAML file of that name that is not there yet."""
    path, number = folder / f"{name}.yaml", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.yaml"
    return path
