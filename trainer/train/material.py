"""What a run learns from: its cohort and others, dealt to folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.data.cohort import Cohort
from trainer.data.store import Store
from trainer.errors import CohortError, SettingsError
from trainer.review import groups
from trainer.settings import Recipe
from trainer.train.dataset import Sample, load
from trainer.train.folds import Folds, deal
from trainer.train.labels import Labels
from trainer.train.progress import Progress, Tell


@dataclass(frozen=True, slots=True)
class Others:
    """A cohort that is learned from besides.

    Attributes
    ----------
    name
        Its place as the recipe names it: before its cases' ids, so that none is there twice.
    """

    name: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a run's members may see.

    Attributes
    ----------
    own
        Of the cohort: dealt to folds.
    external
        Of other cohorts: every member learns from them, none is measured on them.
    """

    labels: Labels
    others: tuple[Others, ...]
    own: tuple[Sample, ...]
    external: tuple[Sample, ...]
    folds: Folds
    recipe: Recipe

    def held_out(self, fold: int) -> list[Sample]:
        """What a fold's member is measured on."""
        ids = self.folds.held_out(fold)
        return [sample for sample in self.own if sample.case.id in ids]

    def training(self, fold: int) -> list[Sample]:
        """What a fold's member learns from.

        Raises
        ------
        SettingsError
            If there is nothing.
        """
        ids = self.folds.training(fold)
        learned = [*(one for one in self.own if one.case.id in ids), *self.external]
        learned = [one for one in learned if self.recipe.sampling.organs.get(one.case.organ, 1) > 0]
        if not learned:
            raise SettingsError(
                f"fold {fold} holds every case out: nothing is left to learn from",
                remedy="correct `hold_out` or `sampling.organs` in the recipe",
            )
        return learned


def gather(
    cohort: Cohort, curated: Store | None, recipe: Recipe, scratch: Path, tell: Tell
) -> Material:
    """Read every labelled case that the recipe wants; what cannot be read is told and left out.

    Images of other cohorts that the cohort has too are left out: they may be held out there.

    Parameters
    ----------
    cohort, curated, recipe
        As `trainer.train.run.run` has them.
    scratch
        A folder for the arrays that memory does not hold.
    tell
        Hears how far the reading is.

    Raises
    ------
    CohortError
        If another cohort or the list of look-alikes or patients cannot be read.
    SettingsError
        If there are no folds as the recipe wants them.
    """
    labels = Labels.gather(cohort, curated, recipe.labels, recipe.organs)
    others = tuple(
        Others(name, Labels.of_another(_open(cohort, name), recipe.labels, recipe.organs))
        for name in recipe.external
    )
    total = sum(len(one.cases()) for one in (labels, *(other.labels for other in others)))
    counted = _Counted(total, tell)
    own = list(_read(labels, recipe, scratch, counted))
    known = {sample.digest for sample in own}
    external: list[Sample] = []
    for other in others:
        place = scratch / str(len(external))
        place.mkdir()
        for sample in _read(other.labels, recipe, place, counted):
            if sample.digest in known:
                told = f"{other.name}: case {sample.case.id} is left out, the cohort has its image."
                tell(Progress("reading", 1.0, notice=told))
            else:
                external.append(renamed(sample, other.name))
    folds = deal([one.case for one in own], recipe, groups.together(cohort.folder), cohort.folder)
    return Material(labels, others, tuple(own), tuple(external), folds, recipe)


def renamed(sample: Sample, name: str) -> Sample:
    """A sample of another cohort under an id that no case of the cohort has."""
    return replace(sample, case=replace(sample.case, id=f"{name}/{sample.case.id}"))


@dataclass(slots=True)
class _Counted:
    """Tells how far the reading is."""

    total: int
    tell: Tell
    done: int = 0

    def step(self, notice: str | None) -> None:
        self.done += 1
        self.tell(Progress("reading", self.done / self.total, notice=notice))


def _read(labels: Labels, recipe: Recipe, scratch: Path, counted: _Counted) -> Iterator[Sample]:
    for item in load(labels, recipe, scratch):
        if isinstance(item, CohortError):
            counted.step(str(item))
        else:
            counted.step(None)
            yield item


def _open(cohort: Cohort, name: str) -> Cohort:
    """Another cohort, which the recipe names relative to this one."""
    other = Cohort.open(cohort.folder / name)
    if other.folder.resolve() == cohort.folder.resolve():
        raise SettingsError(
            f"`external` names the cohort itself ({name})", remedy="leave it out of the recipe"
        )
    return other
