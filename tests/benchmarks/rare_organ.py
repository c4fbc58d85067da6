"""What balancing organs gives an organ of which there is little, on cases that none has seen.

`python rare_organ.py COMMON RARE OUT [SEED...]` learns all of COMMON and three cases of each data
source of RARE, with organs balanced and not, as many passes, and prints the mean Dice of COMMON
out of fold and of the rest of RARE by the ensemble; then what balancing gains, in the mean of each
case's seeds.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from five_organs import BALANCED, BASE, counted, gained
from stain_shift import scores

from trainer.data.cohort import Cohort
from trainer.review.histograms import Histograms
from trainer.review.thresholds import REFERENCE
from trainer.settings import read_ensemble
from trainer.study.copying import link
from trainer.study.going_on import is_finished
from trainer.train.rounds import train

FEW = 3
RECIPE = BASE.model_copy(update={"epochs": 10})
VARIANTS = {"plain": RECIPE, "balanced": RECIPE.model_copy(update=BALANCED)}


def learned(common: Cohort, rare: Cohort, folder: Path) -> Cohort:
    """A cohort of all of the one and few of the other."""
    if not folder.exists():
        tables = [pd.read_csv(one.folder / "train.csv", dtype=str) for one in (common, rare)]
        few = tables[1].groupby("data_source").head(FEW)
        for case_id in few["id"]:
            image = rare.cases[case_id].image_path
            link(image, folder / "train_images" / image.name)
        for case in common.cases.values():
            link(case.image_path, folder / "train_images" / case.image_path.name)
        pd.concat([tables[0], few]).to_csv(folder / "train.csv", index=False)
    return Cohort.open(folder)


def measured(both: Cohort, rare: Cohort, run: Path) -> dict[str, float]:
    """Dice of each case that is judged: of the common out of fold, of the rare those unseen."""
    counts = Histograms(list(counted(both, run)))
    dice = zip(counts.ids, counts.dice({}, REFERENCE), strict=True)
    unseen = [one for one in rare.cases if one not in both.cases]
    found = {one: float(value) for one, value in dice if one not in rare.cases}
    return found | dict(zip(unseen, scores(rare, unseen, read_ensemble(run), run), strict=True))


def mean(dice: Mapping[str, float], cohort: Cohort) -> float:
    return statistics.mean(value for one, value in dice.items() if one in cohort.cases)


def main(common: Cohort, rare: Cohort, out: Path, seeds: Sequence[int]) -> None:
    both = learned(common, rare, out / "learned")
    gains: defaultdict[str, list[float]] = defaultdict(list)
    for seed in seeds:
        found: dict[str, dict[str, float]] = {}
        for variant, recipe in VARIANTS.items():
            run = out / f"{variant}@{seed}"
            if not is_finished(run):
                train(both, recipe.model_copy(update={"seed": seed}), run)
            dice = found[variant] = measured(both, rare, run)
            figures = (f"{one.folder.name} {mean(dice, one):.3f}" for one in (common, rare))
            sys.stdout.write(f"{run.name}: {', '.join(figures)}\n")
            sys.stdout.flush()
        for one, value in found["balanced"].items():
            gains[one].append(value - found["plain"][one])
    means = {one: statistics.mean(each) for one, each in gains.items()}
    for cohort in (common, rare):
        own = [value for one, value in means.items() if one in cohort.cases]
        sys.stdout.write(f"{cohort.folder.name}: balancing gains {gained(own)} ({len(own)})\n")


if __name__ == "__main__":
    common, rare = Cohort.open(Path(sys.argv[1])), Cohort.open(Path(sys.argv[2]))
    main(common, rare, Path(sys.argv[3]), [int(seed) for seed in sys.argv[4:]] or [0])
