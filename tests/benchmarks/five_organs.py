"""One model for all organs or one for each, organs balanced or not, by pixel size or not.

`python five_organs.py COHORT OUT [VARIANT...]` trains what is not finished in OUT, and prints of
each variant the out-of-fold Dice of every organ: mean and standard deviation over its cases, and
what a threshold that the other folds choose adds; then what one variant gains over another, over
the cases and all seeds. All learn as many passes with the same network. `sized` and `um` learn the
cases alone whose pixel size is known: the one at a size, the other at pixels of `UM`. `um@1` has
the seed 1, so other folds, crops and weights, for 0.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainer.data import rle
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.review.histograms import Histogram, Histograms, gather
from trainer.review.thresholds import REFERENCE, best_by_organ
from trainer.settings import Recipe, Sampling
from trainer.study.copying import link, write_rows
from trainer.study.going_on import is_finished
from trainer.train.rounds import train

UM = 3.5
BASE = Recipe.model_validate(
    {
        "name": "organs",
        "network": {
            "encoder": "tf_efficientnet_lite0",
            "decoder_channels": (128, 64, 32, 16, 16),
            "pretrained": True,
        },
        "size": 320,
        "crop": 192,
        "on_units": 0.5,
        "folds": 3,
        "epochs": 30,
        "batch_size": 4,
        "learning_rate": 0.002,
    }
)
BALANCED: dict[str, Any] = {"sampling": Sampling(balance=("organ",))}
VARIANTS = ("one", "balanced", "own", "sized", "um")
PAIRS = (("one", "balanced"), ("one", "own"), ("sized", "um"))


def recipes(variant: str, organs: Sequence[str]) -> dict[str, Recipe]:
    """A variant's trainings by the name of their folder."""
    if variant == "own":
        return {organ: BASE.model_copy(update={"organs": (organ,)}) for organ in organs}
    changes: dict[str, dict[str, Any]] = {
        "one": {},
        "balanced": BALANCED,
        "sized": BALANCED,
        "um": BALANCED | {"pixel_size": UM},
    }
    return {variant: BASE.model_copy(update=changes[variant])}


def measured(cohort: Cohort, folder: Path) -> Cohort:
    """A copy of the cases whose pixel size is known."""
    known = {one.id: one for one in cohort.cases.values() if one.has_truth and one.pixel_size}
    if not folder.exists():
        for case in known.values():
            link(case.image_path, folder / "train_images" / case.image_path.name)
        truths = ((one, cohort.truth(one)) for one in known)
        texts = {one: rle.encode(truth) for one, truth in truths if truth is not None}
        write_rows(cohort, folder / "train.csv", texts)
    return Cohort.open(folder)


def counted(cohort: Cohort, run: Path) -> Iterator[Histogram]:
    predictions = Predictions.open(run / OUT_OF_FOLD)
    for one in gather(cohort, cohort.truth, predictions, sorted(predictions.ids())):
        if not isinstance(one, Histogram):
            raise one
        yield one


def told(variant: str, histograms: Histograms) -> str:
    dice = histograms.dice({}, REFERENCE)
    words = [f"{variant}: all {dice.mean():.3f}"]
    for best in best_by_organ(histograms):
        there = histograms.measured(best.organ)
        own = [float(dice[place]) for place in there]
        gain = f"{best.cross_validated_gain:+.3f} ± {best.error:.3f} at {best.threshold:.2f}"
        spread = f" ± {statistics.stdev(own):.3f}" if len(own) > 1 else ""
        words.append(f"  {best.organ} {statistics.mean(own):.3f}{spread} of {len(own)},"
                     f" by its threshold {gain}")  # fmt: skip
    return "\n".join(words)


def compared(dice: dict[str, dict[str, list[float]]]) -> Iterator[str]:
    """What the second of a pair gains over the first, in the mean of each case's seeds."""
    for first, second in PAIRS:
        if shared := dice.get(first, {}).keys() & dice.get(second, {}).keys():
            gains = [
                statistics.mean(dice[second][one]) - statistics.mean(dice[first][one])
                for one in shared
            ]
            yield f"{second} over {first}: {gained(gains)}"


def gained(gains: Sequence[float]) -> str:
    """Their mean with its standard error."""
    error = statistics.stdev(gains) / len(gains) ** 0.5
    return f"{statistics.mean(gains):+.3f} ± {error:.3f}"


def main(folder: Path, out: Path, wanted: Sequence[str]) -> None:
    whole = Cohort.open(folder)
    organs = sorted({case.organ for case in whole.cases.values()})
    dice: dict[str, dict[str, list[float]]] = {}
    for each in wanted or VARIANTS:
        variant, _, seed = each.partition("@")
        cohort = measured(whole, out / "measured") if variant in ("sized", "um") else whole
        found: list[Histogram] = []
        for name, recipe in recipes(variant, organs).items():
            run = out / (f"{name}@{seed}" if seed else name)
            if not is_finished(run):
                train(cohort, recipe.model_copy(update={"seed": int(seed or 0)}), run)
            found.extend(counted(cohort, run))
        histograms = Histograms(found)
        for one, value in zip(histograms.ids, histograms.dice({}, REFERENCE), strict=True):
            dice.setdefault(variant, {}).setdefault(one, []).append(float(value))
        sys.stdout.write(f"{told(each, histograms)}\n")
        sys.stdout.flush()
    for line in compared(dice):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
