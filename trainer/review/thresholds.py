"""The best threshold of an organ, and whether it is more than luck."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.atomic import replacing
from trainer.errors import PredictionError, SettingsError
from trainer.locate import resource
from trainer.predict.postprocess import lowest_level
from trainer.review.held_out import Gain, folds_of, splits
from trainer.review.histograms import Histograms
from trainer.settings import Ensemble, read_ensemble, to_yaml

REFERENCE = 0.5
"""The threshold that needs no choosing."""

LOWEST, HIGHEST = 0.05, 0.95
"""Between these a threshold is chosen: beyond, a mean over few cases says nothing."""

RULE = (
    "A threshold is advised only where its gain over 0.5, on folds that had no part in choosing"
    " it, exceeds the gain's standard error; elsewhere the gain may be chance."
)

_FLAT = 1e-4
"""Mean Dice within which thresholds are as good as each other."""


@dataclass(frozen=True, slots=True)
class Best:
    """An organ's best threshold.

    Attributes
    ----------
    organ
        None for all organs together.
    cases
        How many were not seen in training; others have no part.
    threshold
        Of the highest mean Dice of all cases; of a plateau, its middle.
    dice, gain
        Mean Dice there, and how much more than at the reference. Chosen and measured on the
        same cases, so too good.
    reference
        The threshold to compare with.
    cross_validated_gain
        Mean over cases of Dice at the threshold that the other folds choose, minus Dice at
        the reference: what a new case may expect. 0 where there is but one fold.
    error
        Standard error of that mean: standard deviation over cases / sqrt(cases).
    spread
        Standard deviation over folds of a fold's mean gain.
    folds
        How many held out cases in turn; 1 where there were too few cases to hold any out.
    of_run
        True where the folds are those the members were trained on, else they were drawn.
    within_noise
        True where `cross_validated_gain` is no more than `error`, or could not be measured:
        keep the reference. Where nothing is to be gained, at most about one organ in six
        passes all the same.
    """

    organ: str | None
    cases: int
    threshold: float
    dice: float
    gain: float
    reference: float
    cross_validated_gain: float
    error: float
    spread: float
    folds: int
    of_run: bool
    within_noise: bool


def best(histograms: Histograms, organ: str | None = None, reference: float = REFERENCE) -> Best:
    """The threshold of an organ's highest mean Dice, and what it gains on cases held out.

    The folds are those of the run that the predictions lie in; where it does not name a fold
    for each case, cases are dealt to five at random, always the same way.

    Raises
    ------
    PredictionError
        If there is no case of the organ that was not seen in training.
    """
    there = histograms.measured(organ)
    if not there.size:
        raise PredictionError(
            f"no case of {organ or 'any organ'} has a truth and a prediction that is not of a"
            " case seen in training",
            remedy="name predictions of folds that did not see it, such as a run's `oof`",
        )
    table = histograms.table[there]
    curve = table.mean(axis=0)
    level, base = choose(curve), lowest_level(reference)
    folds, of_run = folds_of(histograms, there)
    gain = Gain.of(_held_out_gains(table, folds, base), folds)
    return Best(
        organ=organ,
        cases=len(there),
        threshold=threshold_of(level),
        dice=float(curve[level]),
        gain=float(curve[level] - curve[base]),
        reference=reference,
        cross_validated_gain=gain.mean,
        error=gain.error,
        spread=gain.spread,
        folds=gain.folds,
        of_run=of_run,
        within_noise=gain.within_noise,
    )


def best_by_organ(
    histograms: Histograms, reference: Callable[[str], float] = lambda _: REFERENCE
) -> list[Best]:
    """Of each organ with cases not seen in training, in alphabetical order.

    `reference` gives the threshold that an organ's is compared with.
    """
    organs = sorted({histograms.organs[place] for place in histograms.measured()})
    return [best(histograms, organ, reference(organ)) for organ in organs]


def threshold_of(level: int) -> float:
    """The roundest threshold that lets exactly the levels from `level` (1..255) through."""
    for digits in (1, 2):
        round_one = math.floor(level / 255 * 10**digits + 1e-9) / 10**digits
        if lowest_level(round_one) == level:
            return round_one
    return math.floor(level / 255 * 1000 + 1e-9) / 1000


def apply(ensemble_yaml: Path, thresholds: Mapping[str, float]) -> Ensemble:
    """Write thresholds into an ensemble's YAML; those of other organs and all else stay.

    What these organs' data sources had of their own gives way: a threshold was chosen for all.

    The file is written anew, whole or not at all: comments in it are lost.

    Parameters
    ----------
    ensemble_yaml
        The file, or the folder of a run.
    thresholds
        Organ to threshold.

    Raises
    ------
    SettingsError
        If it is no ensemble's, is read-only, or came with the program; if a threshold is not
        between 0 and 1.
    """
    path = ensemble_yaml / "ensemble.yaml" if ensemble_yaml.is_dir() else ensemble_yaml
    before = read_ensemble(path)
    bundled = path.resolve().is_relative_to(resource("").resolve())
    if bundled or not os.access(path, os.W_OK):
        raise SettingsError(
            "came with the program and stays as it is" if bundled else "is read-only",
            file=path,
            remedy="copy its folder, and apply the thresholds to the copy",
        )
    for organ, threshold in thresholds.items():
        if not 0 < threshold < 1:
            raise SettingsError(
                f"the threshold of {organ} is {threshold}, wanted between 0 and 1", file=path
            )
    sources = {
        organ: own for organ, own in before.source_thresholds.items() if organ not in thresholds
    }
    now = before.thresholds | dict(thresholds)
    after = before.model_copy(update={"thresholds": now, "source_thresholds": sources})
    with replacing(path, SettingsError) as draft:
        draft.write_text(to_yaml(after), "utf-8")
    return after


def choose(curve: NDArray[np.float64]) -> int:
    """The level of the highest mean Dice, (256,); of a plateau around it, the middle."""
    low, high = lowest_level(LOWEST), math.floor(HIGHEST * 255)
    good = curve[low : high + 1] >= curve[low : high + 1].max() - _FLAT
    first = last = int(np.argmax(curve[low : high + 1]))
    while first > 0 and good[first - 1]:
        first -= 1
    while last + 1 < len(good) and good[last + 1]:
        last += 1
    return low + (first + last) // 2


def _held_out_gains(
    table: NDArray[np.float64], folds: NDArray[np.intp], base: int
) -> NDArray[np.float64]:
    """Each case's Dice at the threshold the other folds choose, minus Dice at level `base`."""
    gains = np.zeros(len(table))
    for held in splits(folds):
        gains[held] = table[held, choose(table[~held].mean(axis=0))] - table[held, base]
    return gains
