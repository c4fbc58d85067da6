"""Does suspicion find wrong truths? Corrupt some, train folds on them, rank, compare."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.errors import CohortError
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review import suspicion
from trainer.settings import Recipe, to_yaml
from trainer.study.answers import Judged, judged
from trainer.study.going_on import begin, is_finished
from trainer.study.ranking import Ranking, judge
from trainer.study.spoiled import spoil
from trainer.train.progress import Tell, tell_nobody
from trainer.train.run import run as train

COHORT, RUN = "cohort", "run"


@dataclass(frozen=True, slots=True)
class RankedCase:
    """A case of the corrupted cohort.

    Attributes
    ----------
    is_wrong
        Whether any of its units was corrupted.
    """

    case_id: str
    organ: str
    suspicion: float
    noisy_pixels: float
    dice: float
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Study:
    """What suspicion is worth on a cohort.

    Attributes
    ----------
    cases, units
        Ranked by suspicion.
    cases_by_dice, units_by_dice
        The same items by 1 less Dice: of the case, and of the unit with its best match.
    ranked_cases, ranked_units
        Every item, the most suspect first.
    """

    cases: Ranking
    cases_by_dice: Ranking
    units: Ranking
    units_by_dice: Ranking
    ranked_cases: tuple[RankedCase, ...]
    ranked_units: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is corrupted, and what is trained.

    Attributes
    ----------
    share
        Of each organ's cases, 0 to 1.
    seed
        Decides which and how.
    """

    recipe: Recipe
    share: float = 0.15
    seed: int = 0


def run(cohort: Cohort, plan: Plan, out: Path, progress: Tell = tell_nobody) -> Study:
    """Corrupt truths of a copy of a cohort, train folds on the copy, and rank what they dispute.

    `out` then holds the copy (``cohort``), the ``run``, ``cases.csv`` and ``units.csv``. A
    finished run in `out` is not trained again, an unfinished one is taken up.

    Parameters
    ----------
    cohort
        Its truths are taken to be right; it stays as it is.
    plan
        What to do.
    out
        A new folder, or one of the same study.
    progress
        Hears how far the training is; may raise `Cancelled`.

    Raises
    ------
    SettingsError
        If `out` holds another study, or the training refuses.
    ExportError
        If `out` cannot be written.
    """
    begin(
        out,
        {
            "cohort": str(cohort.folder.resolve()),
            "share": plan.share,
            "seed": plan.seed,
            "recipe": to_yaml(plan.recipe),
        },
    )
    corrupted = spoil(cohort, out / COHORT, plan.share, plan.seed)
    copy = Cohort.open(out / COHORT)
    if not is_finished(out / RUN):
        train(copy, plan.recipe, out / RUN, progress=progress)
    study = _judge(cohort, copy, Predictions.open(out / RUN / OUT_OF_FOLD), set(corrupted))
    _write(out / "cases.csv", study.ranked_cases)
    _write(out / "units.csv", study.ranked_units)
    return study


def _judge(cohort: Cohort, copy: Cohort, predictions: Predictions, corrupted: set[str]) -> Study:
    cases: list[RankedCase] = []
    units: list[Judged] = []
    for step in suspicion.suspects(copy, copy.truth, predictions, copy.cases):
        if (one := step.case) is None:
            continue
        wrong = one.case_id in corrupted
        cases.append(
            RankedCase(one.case_id, one.organ, one.suspicion, one.noisy_pixels, one.dice, wrong)
        )
        prediction = predictions.read(one.case_id)
        sound, spoilt = cohort.truth(one.case_id), copy.truth(one.case_id)
        if prediction is None or sound is None or spoilt is None:
            raise CohortError("has changed during the study", file=copy.csv, case=one.case_id)
        point = OperatingPoint.of(predictions.masking, copy.cases[one.case_id])
        found = to_mask(prediction, point)
        units += judged(one.case_id, step.units, sound, spoilt, found)
    cases.sort(key=lambda one: -one.suspicion)
    units.sort(key=lambda one: -one.suspicion)
    wrong_case, wrong_unit = [one.is_wrong for one in cases], [one.is_wrong for one in units]
    return Study(
        judge([one.suspicion for one in cases], wrong_case),
        judge([1 - one.dice for one in cases], wrong_case),
        judge([one.suspicion for one in units], wrong_unit),
        judge([one.error for one in units], wrong_unit),
        tuple(cases),
        tuple(units),
    )


def _write(path: Path, items: Sequence[RankedCase] | Sequence[Judged]) -> None:
    """A row an item, whole or not at all."""
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        for number, item in enumerate(items):
            cells = asdict(item)
            if number == 0:
                rows.writerow(cells)
            rows.writerow(
                f"{cell:.4f}" if isinstance(cell, float) else cell for cell in cells.values()
            )
