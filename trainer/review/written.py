"""What calibration advises, as an ensemble's YAML."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from trainer.data.atomic import replacing
from trainer.data.predictions import Predictions
from trainer.errors import SettingsError
from trainer.predict.members import resolve
from trainer.review.calibration import OrganSetting
from trainer.review.temperature import moved
from trainer.settings import Ensemble, Member, read_ensemble, to_yaml

_SAME = (
    "tta", "tta_scales", "tta_stains", "tta_average", "threshold", "thresholds",
    "source_thresholds", "postprocess",
)  # fmt: skip
"""What runs must have in common to be one ensemble."""


@dataclass(frozen=True, slots=True)
class Source:
    """The ensemble that a folder of out-of-fold predictions is of.

    Attributes
    ----------
    folder
        That its members' files are relative to.
    """

    ensemble: Ensemble
    folder: Path

    @classmethod
    def of(cls, predictions: Predictions) -> Self:
        """That of the run whose folder the predictions lie in.

        Raises
        ------
        SettingsError
            If they do not lie in a run's folder, or are another ensemble's.
        """
        run = predictions.folder.resolve().parent
        if not (run / "ensemble.yaml").is_file():
            raise SettingsError(
                "lies in no run's folder, so its ensemble is not known",
                file=predictions.folder,
                remedy="name a run's `oof`",
            )
        ensemble, wanted = read_ensemble(run), predictions.description.get("ensemble")
        if ensemble.name != wanted:
            raise SettingsError(
                f"is the ensemble `{ensemble.name}`, these are predictions of `{wanted}`",
                file=run / "ensemble.yaml",
            )
        return cls(ensemble, run)


def mixable(predictions: Sequence[Predictions], sources: Sequence[Source]) -> Ensemble:
    """The first run's ensemble, whose settings all of them have.

    Raises
    ------
    SettingsError
        If no one ensemble of all their members gives the mean of these predictions.
    """
    first = sources[0].ensemble
    for told, source in zip(predictions, sources, strict=True):
        file, one = source.folder / "ensemble.yaml", source.ensemble
        if one.fusion != "mean":
            raise SettingsError(f"has `fusion: {one.fusion}`, weights are of a mean", file=file)
        if told.description.get("temperatures") or any(
            one.crf_for(organ) for organ in one.postprocess
        ):
            raise SettingsError(
                "has a temperature or a CRF, which come after runs are mixed",
                file=file,
                remedy="predict without, and mix those",
            )
        differing = [key for key in _SAME if getattr(one, key) != getattr(first, key)]
        if differing:
            raise SettingsError(
                f"has another `{differing[0]}` than {sources[0].folder / 'ensemble.yaml'}",
                file=file,
                remedy="make them alike: one ensemble has one of it",
            )
    return first


def write(
    path: Path, sources: Sequence[Source], organs: Sequence[OrganSetting], told: Predictions
) -> Ensemble:
    """Write an ensemble of all runs' members with what is advised; it reads back to what it is.

    A run's weight is shared out among its members as they shared in its own mean, so that a
    run of more folds has no more to say. Where nothing is advised, what the first run's
    ensemble says stays; its thresholds move with a temperature, so that they mean what they
    did.

    Parameters
    ----------
    path
        Of the YAML; members are named relative to it.
    sources
        The runs' ensembles.
    organs
        What is advised.
    told
        The first run's predictions: temperatures that they have count on.

    Raises
    ------
    SettingsError
        If it cannot be written, or two runs have a member in common.
    WeightsError
        If a run that is a member has no folds.
    """
    first = sources[0].ensemble
    several = len(sources) > 1
    said: dict[str, Any] = first.model_dump(mode="json")
    said["members"] = [
        member
        for number, source in enumerate(sources)
        for member in _members(source, path.parent, number, len(sources), organs)
    ]
    said["name"] = path.stem if several else first.name
    for stain in said.get("tta_stains", ()):
        if stain.get("reference"):
            stain["reference"] = _relative(sources[0].folder / stain["reference"], path.parent)
    _say_thresholds(said, first, organs, told)
    try:
        ensemble = Ensemble.model_validate(said)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SettingsError(f"the runs make no ensemble: {problem}", file=path) from error
    with replacing(path, SettingsError) as draft:
        draft.write_text(to_yaml(ensemble), "utf-8")
    return read_ensemble(path)


def _members(
    source: Source, base: Path, number: int, runs: int, organs: Sequence[OrganSetting]
) -> list[dict[str, Any]]:
    """Of one run, with its weight shared out where there are several."""
    each = [asked.settings for asked in resolve(source.ensemble, source.folder)]
    weight_of = {one.organ: one.weights.used[number] for one in organs if one.weights is not None}
    known = {*weight_of, *(organ for one in each for organ in one.weights_by_organ)}
    found = []
    for member in source.ensemble.members:
        told: dict[str, Any] = member.model_dump(mode="json")
        for key in ("weights", "run"):
            if told.get(key):
                told[key] = _relative(source.folder / told[key], base)
        if runs > 1:
            told["weight"] = member.weight / sum(one.weight for one in each) / runs
            told["weights_by_organ"] = {
                organ: _share(member, each, organ) * weight_of.get(organ, 1 / runs)
                for organ in sorted(known)
            }
        found.append(told)
    return found


def _share(member: Member, each: Sequence[Member], organ: str) -> float:
    """Of one member in its own run's mean."""
    total = sum(one.weight_for(organ) for one in each)
    return member.weight_for(organ) / total if total else 0.0


def _say_thresholds(
    said: dict[str, Any], first: Ensemble, organs: Sequence[OrganSetting], told: Predictions
) -> None:
    thresholds, temperatures = dict(first.thresholds), dict(first.temperatures)
    sources = {organ: dict(own) for organ, own in first.source_thresholds.items()}
    steps = {organ: own.model_dump(mode="json") for organ, own in first.postprocess.items()}
    there: dict[str, float] = told.description.get("temperatures", {})
    for one in organs:
        organ, temperature = one.organ, one.temperature
        if temperature != 1:
            temperatures[organ] = there.get(organ, 1.0) * temperature
        if not one.threshold.within_noise:
            thresholds[organ] = one.threshold.threshold
            sources.pop(organ, None)
        elif temperature != 1:
            thresholds[organ] = moved(first.threshold_for(organ), temperature)
            for source, own in sources.get(organ, {}).items():
                sources[organ][source] = moved(own, temperature)
        own_steps = steps.setdefault(organ, {})
        if (low := first.masking.steps_for(organ).low) is not None and temperature != 1:
            own_steps["low"] = moved(low, temperature)
        if (area := one.area.used) is not None:
            own_steps["min_area"] = area.model_dump(mode="json")
    said |= {
        "thresholds": thresholds,
        "source_thresholds": sources,
        "temperatures": temperatures,
        "postprocess": {organ: own for organ, own in steps.items() if own},
    }


def _relative(file: Path, base: Path) -> str:
    """As the YAML names it; absolute where it lies on another drive."""
    try:
        return Path(os.path.relpath(file.resolve(), base.resolve())).as_posix()
    except ValueError:
        return file.resolve().as_posix()
