"""Does curating pay? Corrupt truths, let a reviewer repair some, train again, and measure.

Of each seed: a copy of the cohort with corrupted truths, a run on it, and three orders in which
a simulated reviewer looks at cases: by the tool's own suspicion, at random, and by the spread of
the members. The reviewer opens the first cases of an order, repairs what is wrong and accepts
what is right; the repaired set is learned anew, as a user's curated masks are, and every run is
measured out of fold against the sound truths.
"""

from __future__ import annotations

import csv
import json
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.data.store import FILE, Store
from trainer.errors import CohortError
from trainer.metrics import dice
from trainer.review import suspicion
from trainer.settings import Recipe, to_yaml
from trainer.study.corruption import Corruption
from trainer.study.going_on import begin, is_finished
from trainer.study.members import spread_of_members
from trainer.study.spoiled import spoil
from trainer.train.guesses import scored
from trainer.train.progress import Progress, Tell, tell_nobody
from trainer.train.rounds import train

Order = Literal["worst first", "random", "disagreement"]
ORDERS: tuple[Order, ...] = get_args(Order)

CLEAN = "clean"
"""The order of the run that learns every sound truth: what there is to gain."""

ASSUMPTION = (
    "An action is one verdict for each case that is opened, and one repair for each unit in it"
    " that was corrupted; a case that is right costs its verdict all the same."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is corrupted, repaired and trained.

    Attributes
    ----------
    share
        Of each organ's truths that are corrupted, 0 to 1.
    repaired
        Shares of all cases that the reviewer opens, 0 to 1; what 0 gives is trained once.
    seeds
        Each decides what is corrupted and how, the random order, the folds and the training.
    """

    recipe: Recipe
    share: float = 0.15
    repaired: tuple[float, ...] = (0.1, 0.2, 0.3)
    seeds: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Point:
    """One training of the study.

    Attributes
    ----------
    order
        Of `ORDERS`, or `CLEAN`; empty before any repair.
    share
        Of the cases that the reviewer has opened.
    cases, wrong, actions
        How many that were, how many of them were wrong, and what it cost.
    labels
        Mean Dice over all cases of the masks that were learned, against sound truths.
    dice
        The same of the predictions, out of fold.
    """

    seed: int
    order: str
    share: float
    cases: int
    wrong: int
    actions: int
    labels: float
    dice: float


def run(cohort: Cohort, plan: Plan, out: Path, progress: Tell = tell_nobody) -> list[Point]:
    """Do the study; finished trainings in `out` are not repeated, an unfinished one is taken up.

    `out` then holds a folder a seed, ``points.csv``, ``points.json`` and ``curve.png``.

    Parameters
    ----------
    cohort
        Its truths are taken to be right; it stays as it is.
    plan
        What to do.
    out
        A new folder, or one of the same study.
    progress
        Hears how far each training is; may raise `Cancelled`.

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
            "study": "loop",
            "cohort": str(cohort.folder.resolve()),
            "share": plan.share,
            "repaired": list(plan.repaired),
            "seeds": list(plan.seeds),
            "recipe": to_yaml(plan.recipe),
        },
    )
    points: list[Point] = []
    count = 2 + len(ORDERS) * len([share for share in plan.repaired if share])
    for number, seed in enumerate(plan.seeds):
        attempt = _Attempt.begin(cohort, plan, out / f"seed{seed}", seed, progress)
        for done, point in enumerate(attempt.points(), start=number * count + 1):
            points.append(point)
            progress(Progress("training", 1.0, remark=_sentence(point, done, count, plan)))
            write(out, points)
    return points


def at_random(ids: Sequence[str], seed: int) -> list[str]:
    """The order of a reviewer who knows nothing of the cases, nor of what was corrupted."""
    # a generator of its own: by the seed alone it would draw those that `spoil` has drawn
    return random.Random(f"order {seed}").sample(ids, len(ids))


def recovered(points: Sequence[Point], point: Point) -> float | None:
    """Of what sound labels would give, the share that a point has; None where they give nothing."""
    own = [one for one in points if one.seed == point.seed]
    base = next((one.dice for one in own if not one.order), None)
    best = next((one.dice for one in own if one.order == CLEAN), None)
    if base is None or best is None or best <= base:
        return None
    return (point.dice - base) / (best - base)


def write(out: Path, points: Sequence[Point]) -> None:
    """Write the points as csv and JSON, each whole or not at all.

    Raises
    ------
    ExportError
        If they cannot be written.
    """
    rows = [asdict(one) | {"recovered": recovered(points, one)} for one in points]
    with (
        replacing(out / "points.csv") as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    with replacing(out / "points.json") as draft:
        told = {"points": rows, "assumption": ASSUMPTION}
        draft.write_text(json.dumps(told, indent=2), "utf-8")


def _sentence(point: Point, done: int, count: int, plan: Plan) -> str:
    order = point.order or "nothing repaired"
    total = count * len(plan.seeds)
    return (
        f"Training {done} of {total}: seed {point.seed}, {order}, {point.share:.0%} opened,"
        f" {point.actions} actions: Dice {point.dice:.4f}."
    )


@dataclass(frozen=True)
class _Attempt:
    """One seed's study."""

    sound: Cohort
    spoilt: Cohort
    corrupted: Mapping[str, Sequence[Corruption]]
    plan: Plan
    out: Path
    seed: int
    tell: Tell

    @classmethod
    def begin(cls, cohort: Cohort, plan: Plan, out: Path, seed: int, tell: Tell) -> _Attempt:
        corrupted = spoil(cohort, out / "cohort", plan.share, seed)
        return cls(cohort, Cohort.open(out / "cohort"), corrupted, plan, out, seed, tell)

    def points(self) -> Iterator[Point]:
        """A training each; what is not repaired first, then what is repaired wholly."""
        yield self._point("", 0.0, [])
        yield self._point(CLEAN, 1.0, list(self.spoilt.cases))
        for order in ORDERS:
            for share in self.plan.repaired:
                if share:
                    opened = self.queues[order][: round(share * len(self.spoilt.cases))]
                    yield self._point(order, share, opened)

    @cached_property
    def queues(self) -> dict[Order, list[str]]:
        """Case ids in the order in which each reviewer opens them."""
        base = self.out / "run"
        predictions = Predictions.open(base / OUT_OF_FOLD)
        found = suspicion.suspects(self.spoilt, self.spoilt.truth, predictions, self.spoilt.cases)
        suspected = {one.case.case_id: one.case.suspicion for one in found if one.case is not None}
        spread = spread_of_members(self.spoilt, base, self.out / "members")
        ids = list(self.spoilt.cases)
        return {
            "worst first": sorted(ids, key=lambda one: -suspected.get(one, 0.0)),
            "random": at_random(ids, self.seed),
            "disagreement": sorted(ids, key=lambda one: -spread.get(one, 0.0)),
        }

    @cached_property
    def labels(self) -> dict[str, float]:
        """Dice of every case's truth in the copy against the sound one."""
        both = ((one, self.spoilt.truth(one), self.sound.truth(one)) for one in self.spoilt.cases)
        return {
            case_id: dice(spoilt, sound)
            for case_id, spoilt, sound in both
            if spoilt is not None and sound is not None
        }

    def _point(self, order: str, share: float, opened: Sequence[str]) -> Point:
        name = f"{order.replace(' ', '-')}-{share:g}" if order else "run"
        folder = self.out / name
        if not is_finished(folder):
            self._train(folder, opened)
        wrong = [one for one in opened if one in self.corrupted]
        repairs = sum(len(self.corrupted[one]) for one in wrong)
        labels = statistics.mean(
            1.0 if case_id in wrong else found for case_id, found in self.labels.items()
        )
        counts = len(opened), len(wrong), len(opened) + repairs
        return Point(self.seed, order, share, *counts, labels, self._dice(folder))

    def _train(self, folder: Path, opened: Sequence[str]) -> None:
        """Train on the copy with sound masks in the opened cases' place, as a user's are."""
        recipe = self.plan.recipe.model_copy(update={"seed": self.plan.recipe.seed + self.seed})
        if not opened:
            train(self.spoilt, recipe, folder, progress=self.tell)
            return
        place = self.out / "reviews" / folder.name
        place.mkdir(parents=True, exist_ok=True)
        store = Store(place / FILE)
        try:
            there = store.latest_all()
            for case_id in opened:
                truth = self.sound.truth(case_id)
                if truth is not None and case_id not in there:
                    store.add(case_id, truth, tool="study", status="accepted", author="study")
            train(self.spoilt, recipe, folder, curated=store, progress=self.tell)
        finally:
            store.close()

    def _dice(self, folder: Path) -> float:
        """Mean out-of-fold Dice against sound truths."""
        cases = [self.sound.cases[case_id] for case_id in self.spoilt.cases]
        predictions = Predictions.open(folder / OUT_OF_FOLD)
        scores = scored(cases, self.sound.truth, predictions, self.tell)
        found = [score.dice for score in scores if not score.in_sample]
        if not found:
            raise CohortError("no case could be measured", file=folder)
        return statistics.mean(found)
