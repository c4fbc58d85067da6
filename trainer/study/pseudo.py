"""What do pseudo-labels give? Hide most truths, train in rounds, measure on what was hidden."""

from __future__ import annotations

import csv
import random
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.data import rle
from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.errors import CohortError
from trainer.predict.ensemble import Predictor
from trainer.review.groups import together
from trainer.settings import Recipe, read_ensemble, to_yaml
from trainer.study.copying import copy_groups, link, write_rows
from trainer.study.going_on import begin, is_finished
from trainer.train.guesses import predicted, scored
from trainer.train.progress import Tell, tell_nobody
from trainer.train.rounds import folders, train

RUN = "run"
"""The training in rounds, in the study's folder."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is hidden and trained.

    Attributes
    ----------
    recipe
        Its ``pseudo`` has at least one round.
    labelled
        Of each organ's labelled cases whose truth is not hidden, 0 to 1.
    seed
        Decides which.
    """

    recipe: Recipe
    labelled: float = 1 / 3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """What a round is worth.

    Attributes
    ----------
    number
        0 knows labels alone.
    hidden, hidden_median
        Dice of its ensemble over the cases whose truth was hidden.
    out_of_fold
        Mean Dice over the labelled cases, each by the member that did not learn it.
    """

    number: int
    hidden: float
    hidden_median: float
    out_of_fold: float


def run(cohort: Cohort, plan: Plan, out: Path, progress: Tell = tell_nobody) -> list[Round]:
    """Do the study; a finished round in `out` is not trained again.

    Parameters
    ----------
    cohort
        Its truths are taken to be right; it stays as it is.
    plan
        What to do.
    out
        A new folder, or one of the same study. It then holds the copy of the cohort, the
        training in ``run``, what each round predicts, and ``rounds.csv``.
    progress
        Hears how far it is; may raise `Cancelled`.

    Raises
    ------
    SettingsError
        If `out` holds another study, or the training refuses.
    ExportError
        If `out` cannot be written.
    CohortError
        If too few cases are labelled to hide some.
    """
    begin(
        out,
        {
            "study": "pseudo",
            "cohort": str(cohort.folder.resolve()),
            "labelled": plan.labelled,
            "seed": plan.seed,
            "recipe": to_yaml(plan.recipe),
        },
    )
    shown, hidden = split(cohort, plan.labelled, plan.seed)
    copy = _copied(cohort, out / "cohort", shown, hidden)
    if not is_finished(out / RUN):
        train(copy, plan.recipe, out / RUN, progress=progress)
    rounds: list[Round] = []
    for number, folder in enumerate(folders(out / RUN, plan.recipe.pseudo.rounds)):
        with Predictor(read_ensemble(folder), folder) as predictor:
            place = out / "predicted" / str(number)
            guesses = predicted(copy, hidden, predictor, place, progress)
        found = _dice(cohort, hidden, guesses, progress)
        own = _dice(cohort, shown, Predictions.open(folder / OUT_OF_FOLD), progress)
        if not found or not own:
            raise CohortError("no case could be measured", file=folder)
        means = statistics.mean(found), statistics.median(found), statistics.mean(own)
        rounds.append(Round(number, *means))
    _write(out / "rounds.csv", rounds)
    return rounds


def split(cohort: Cohort, labelled: float, seed: int) -> tuple[list[str], list[str]]:
    """Ids of the cases that keep their label, and of those whose label is hidden.

    Of each organ at least one keeps it. Cases that no fold may part go the same way.

    Raises
    ------
    CohortError
        If no label can be hidden.
    """
    group_of = together(cohort.folder)
    organs: dict[str, dict[str, list[str]]] = {}
    for case in cohort.cases.values():
        if case.split == "train" and case.has_truth:
            group = group_of.get(case.id, case.id)
            organs.setdefault(case.organ, {}).setdefault(group, []).append(case.id)
    chance = random.Random(seed)
    shown, hidden = list[str](), list[str]()
    for organ in sorted(organs):
        groups = list(organs[organ].values())
        chance.shuffle(groups)
        count = max(1, round(labelled * sum(map(len, groups))))
        taken = 0
        for group in groups:
            (shown if taken < count else hidden).extend(group)
            taken += len(group)
    if not hidden:
        raise CohortError(
            f"has too few labelled cases to hide {1 - labelled:.0%} of their labels",
            file=cohort.folder,
            remedy="give the study a cohort with more labels, or a smaller `--labelled`",
        )
    return shown, hidden


def _copied(cohort: Cohort, folder: Path, shown: Sequence[str], hidden: Sequence[str]) -> Cohort:
    """A cohort of the same images, in which the hidden cases have no label."""
    texts: dict[str, str | None] = {}
    for case_id in shown:
        truth = cohort.truth(case_id)
        assert truth is not None
        texts[case_id] = rle.encode(truth)
    for name, ids in (("train", shown), ("test", hidden)):
        for case_id in ids:
            source = cohort.cases[case_id].image_path
            link(source, folder / f"{name}_images" / source.name)
    copy_groups(cohort, folder)
    write_rows(cohort, folder / "train.csv", texts)
    write_rows(cohort, folder / "test.csv", dict.fromkeys(hidden))
    return Cohort.open(folder)


def _dice(cohort: Cohort, ids: Sequence[str], predictions: Predictions, tell: Tell) -> list[float]:
    cases = [cohort.cases[case_id] for case_id in ids]
    return [score.dice for score in scored(cases, cohort.truth, predictions, tell)]


def _write(path: Path, rounds: Sequence[Round]) -> None:
    rows = [asdict(one) for one in rounds]
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
