"""A simulated reviewer of one case: the action that gains most, until the case is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Literal, get_args

import numpy as np

from trainer.data.case import Mask
from trainer.data.edits import Edit
from trainer.metrics import dice
from trainer.study.effort_actions import Proposal, proposals, units_of
from trainer.study.effort_brush import best_disc
from trainer.study.effort_score import Score, unit_f1
from trainer.study.effort_sides import all_as_suggested, all_of_truth, offered, piecewise
from trainer.study.effort_tried import Tried
from trainer.tools import whole
from trainer.tools.scene import Scene

Mode = Literal["brush", "tools", "all"]
MODES: tuple[Mode, ...] = get_args(Mode)

CAP = 200
"""Actions after which a case counts as not done."""

_LOOKED_AHEAD = 24
"""Of the actions that gain most, those of which it is known whether all units match then."""

_THRESHOLDS = tuple(step / 20 for step in range(1, 20))
_LEAST_AREAS = (0.0, 0.25)
"""Smallest unit kept by a whole-case setting, as a share of the reference's median unit."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that was done.

    Attributes
    ----------
    kind
        The tool's name.
    cost
        In actions.
    dice
        Afterwards.
    """

    kind: str
    cost: int
    dice: float


@dataclass(frozen=True, slots=True)
class Review:
    """A case reviewed in one mode.

    Attributes
    ----------
    begun
        Dice of the prediction's mask.
    actions
        What was done, in order.
    f1
        Of the units, at the end.
    is_done
        Whether the target was reached: in Dice, or F1 = 1.
    cap
        What it counts as where it was not.
    is_without
        Whether this is the way of a mode with fewer tools, because it was shorter.
    """

    mode: Mode
    begun: float
    actions: tuple[Action, ...]
    f1: float
    is_done: bool
    cap: int = CAP
    is_without: bool = False

    @property
    def cost(self) -> int:
        """Actions that it took; `cap` where it was not done."""
        return sum(one.cost for one in self.actions) if self.is_done else self.cap

    @property
    def dice(self) -> float:
        """At the end."""
        return self.actions[-1].dice if self.actions else self.begun

    def kinds(self) -> Counter[str]:
        """Actions by kind."""
        counts: Counter[str] = Counter()
        for one in self.actions:
            counts[one.kind] += one.cost
        return counts


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What a reviewer is given.

    Attributes
    ----------
    scene
        Image and prediction; its mask is the prediction's at its threshold.
    reference
        What is right: it decides which action is best, and no tool is given it.
    shown
        The truth that take-a-side offers: a corrupted copy of the reference.
    target
        Dice to reach.
    cap
        Actions after which it is given up.
    """

    scene: Scene
    reference: Mask
    shown: Mask
    target: float
    cap: int = CAP


def reviews(job: Job) -> dict[Mode, Review]:
    """The case reviewed in every mode, each of which has all tools of the one before."""
    found: dict[Mode, Review] = {}
    for before, mode in zip((None, *MODES), MODES, strict=False):
        own = review(job, mode)
        found[mode] = own if before is None else shorter(own, found[before])
    return found


def shorter(own: Review, without: Review) -> Review:
    """A mode's own review, or that of a mode with fewer tools where it took fewer actions.

    Who has more tools need not use them, but the action that gains most now may lead a longer way.
    """
    return own if own.cost <= without.cost else replace(without, mode=own.mode, is_without=True)


def review(job: Job, mode: Mode) -> Review:
    """Work until Dice or the units' F1 is right, `job.cap` actions are spent, or nothing gains.

    At each step that action is taken that gains most Dice for its cost, unless a single one
    ends the work. A gesture that gained nothing before is tried again, where
    the mask has changed, once nothing else gains.
    """
    score = Score(job.scene.mask, job.reference)
    begun, reviewer = score.dice, None
    done: list[Action] = []
    spent = 0
    while True:
        f1 = unit_f1(score.mask, job.reference)
        if score.dice >= job.target or f1 == 1:
            return Review(mode, begun, tuple(done), f1, True, job.cap)
        reviewer = reviewer or _Reviewer(job, score, mode)
        step = reviewer.step()
        if step is None or spent + step.cost > job.cap:
            return Review(mode, begun, tuple(done), f1, False, job.cap)
        spent += step.cost
        done.append(step)


@dataclass(frozen=True, slots=True)
class _Choice:
    kind: str
    cost: int
    dice: float
    edit: Edit


class _Reviewer:
    """Looks for the best next action and takes it."""

    def __init__(self, job: Job, score: Score, mode: Mode) -> None:
        self._job, self._score, self._mode = job, score, mode
        self._scene = replace(job.scene, mask=score.mask)
        self._tried = Tried(self._scene, score)
        self._has_learnt = False
        self._units = [] if mode == "brush" else units_of(job.reference)
        self._sides = []
        if mode == "all":
            at_once = all_of_truth(job.shown), all_as_suggested(job.scene, job.shown)
            self._sides = [*offered(job.scene, job.shown), *filter(None, at_once)]

    def step(self) -> Action | None:
        """Take the best action; None where none gains."""
        best = self._best(hopeless=False) or self._best(hopeless=True)
        if best is None:
            return None
        self._score.make(best.edit)
        self._tried.forget(best.edit.box)
        return Action(best.kind, best.cost, self._score.dice)

    def _best(self, *, hopeless: bool) -> _Choice | None:
        gaining: list[_Choice] = []
        for one in self._choices(hopeless):
            if one.cost == 1 and one.dice >= self._job.target:
                return one
            if one.dice > self._score.dice:
                gaining.append(one)
        gaining.sort(key=self._rank, reverse=True)
        if len(gaining) > 1 and gaining[0].dice < self._job.target:
            for one in gaining[:_LOOKED_AHEAD]:
                if one.cost == 1 and self._matches_units(one):
                    return one
        return gaining[0] if gaining else None

    def _matches_units(self, one: _Choice) -> bool:
        """Whether every unit would match."""
        after = self._score.mask.copy()
        one.edit.apply(after)
        return unit_f1(after, self._job.reference) == 1

    def _rank(self, one: _Choice) -> tuple[bool, float]:
        """What counts: to be done at the price of two, at the least price; then gain a price."""
        if one.dice >= self._job.target and one.cost <= 2:
            return True, -one.cost
        return False, (one.dice - self._score.dice) / one.cost

    def _choices(self, hopeless: bool) -> Iterator[_Choice]:
        """What could be done, without or with what gained nothing when it was tried.

        What is quickly tried comes first: where one of it ends the work, no more is.
        """
        yield from self._tries((*self._sides, *self._pieces()), hopeless)
        disc = best_disc(self._score)
        if disc is not None and (edit := disc.use(self._scene)) is not None:
            yield _Choice(edit.tool, 1, self._score.after(edit), edit)
        if self._mode == "brush":
            return
        if not self._has_learnt:
            self._has_learnt = True
            self._tried.learn(_tried_at_first(self._job))
        gestures = proposals(self._scene, self._units, self._job.reference)
        yield from self._tries(gestures, hopeless)
        yield from self._best_setting()

    def _tries(self, proposed: Iterable[Proposal], hopeless: bool) -> Iterator[_Choice]:
        for one in proposed:
            if not hopeless and self._tried.is_hopeless(one):
                continue
            edit = self._tried.edit(one)
            if edit is not None:
                yield _Choice(edit.tool, one.cost, self._score.after(edit), edit)

    def _pieces(self) -> Iterator[Proposal]:
        if self._mode == "all":
            yield from piecewise(self._scene.mask, self._job.shown, "take truth")
            yield from piecewise(self._scene.mask, self._job.scene.mask, "take prediction")

    def _best_setting(self) -> Iterator[_Choice]:
        for reached, settings in _settings(self._job)[:1]:
            edit = whole.keep(self._scene, settings)
            if reached > self._score.dice and edit is not None:
                yield _Choice(edit.tool, 1, reached, edit)


@lru_cache(maxsize=1)
def _tried_at_first(job: Job) -> Tried:
    """Every gesture at the beginning, which several modes have in common."""
    tried = Tried(job.scene, Score(job.scene.mask, job.reference))
    for one in proposals(job.scene, units_of(job.reference), job.reference):
        tried.edit(one)
    return tried


@lru_cache(maxsize=1)
def _settings(job: Job) -> list[tuple[float, whole.Settings]]:
    """Dice of the whole case under each setting, which no edit alters, the best first."""
    if job.scene.levels is None:
        return []
    units = units_of(job.reference)
    median = float(np.median([unit.area for unit in units])) if units else 0.0
    side = job.scene.pixel_size or 1.0
    found: list[tuple[float, whole.Settings]] = []
    for threshold, least, filled, parted in product(
        _THRESHOLDS, _LEAST_AREAS, (False, True), (False, True)
    ):
        settings = whole.Settings(threshold, least * median * side**2, filled, parted)
        found.append((dice(whole.apply(job.scene, settings), job.reference), settings))
    return sorted(found, key=lambda pair: -pair[0])
