"""What a training by a recipe would show its network, drawn in the background."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from hubmap_viewer.session import Session
from trainer.data.case import Image
from trainer.errors import Cancelled, TrainerError
from trainer.predict.messages import Request

if TYPE_CHECKING:
    from hubmap_viewer.engine import Engine
    from hubmap_viewer.jobs import Job, Jobs

CASES = 5
"""That are drawn, as many as `hubmap-trainer preview` draws."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A case was drawn, or could not be.

    Attributes
    ----------
    pictures
        The case as it is kept, then crops of it; RGB uint8 (h, w, 3), masks outlined.
    problem
        Why there are none.
    """

    done: float
    total: int
    case_id: str
    pictures: tuple[Image, ...]
    problem: str = ""


class RecipePreview:
    """One drawing at a time.

    Attributes
    ----------
    job
        None while nothing is drawn.
    drawn
        The cases with their pictures, as they come.
    words
        How far it is, or what is seen.
    problem
        Why there is nothing to be seen, or not all of it; else empty.
    """

    changed = Signal()

    def __init__(self, session: Session, jobs: Jobs, engine: Engine) -> None:
        self._session, self._jobs, self._engine = session, jobs, engine
        self.job: Job[Drawn] | None = None
        self._forget()
        session.cohort_opened.connect(self._on_cohort)

    def draw(self, recipe: Path, *, curated: bool, seed: int | None = None) -> None:
        """Draw some cases as a training would have them, unless some are being drawn.

        Parameters
        ----------
        recipe
            Its YAML.
        curated
            Whether accepted masks take their cases' truth's place.
        seed
            Of all chance; None for the recipe's.
        """
        cohort = self._session.cohort
        if self.job is not None or cohort is None:
            return
        if curated and not self._session.flush():
            self.problem = "The last edits could not be saved yet; try again."
            self.changed.emit()
            return
        self._forget()
        self._of = recipe.stem if seed is None else f"{recipe.stem}, seed {seed}"
        self.words = "Reading cases …"
        work = drawing_steps(self._engine, cohort.csv, recipe, curated, seed)
        self.job = job = self._jobs.start(f"Drawing what {recipe.stem} shows", work)
        job.stepped.connect(lambda step: self._on_step(job, step))
        job.ended.connect(lambda error: self._on_end(job, error))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop soon; what is drawn stays to be seen."""
        if self.job is not None:
            self.job.cancel()
            self.words = "Stopping …"
            self.changed.emit()

    def organ(self, case_id: str) -> str:
        """The case's organ."""
        cohort = self._session.cohort
        return "" if cohort is None else cohort.cases[case_id].organ

    def close(self) -> None:
        """End the process that draws."""
        self._engine.close()

    def _forget(self) -> None:
        self.drawn: list[Drawn] = []
        self.words = self.problem = self._of = ""

    def _on_cohort(self) -> None:
        job, self.job = self.job, None
        if job is not None:
            job.cancel()
        self._forget()
        self.changed.emit()

    def _on_step(self, job: Job[Drawn], step: Drawn) -> None:
        if job is not self.job:
            return
        if step.problem:
            self.problem = step.problem
        else:
            self.drawn.append(step)
            if not job.cancelling:
                self.words = f"{len(self.drawn)} of {step.total} cases"
        self.changed.emit()

    def _on_end(self, job: Job[Drawn], error: BaseException | None) -> None:
        if job is not self.job:
            return
        self.job = None
        if error is None:
            self.words = f"{self._of}: each case whole, then crops as a step gets them."
        elif isinstance(error, Cancelled):
            self.words = f"Cancelled after {len(self.drawn)} cases."
        else:
            self.words, self.problem = "", str(error)
            if not isinstance(error, TrainerError):
                self._session.told.emit(error)
        self.changed.emit()


def drawing_steps(
    engine: Engine, csv: Path, recipe: Path, curated: bool, seed: int | None
) -> Callable[[Callable[[], bool]], Iterator[Drawn]]:
    """The work that has cases drawn; cancelled, it leaves no file."""

    def steps(cancelled: Callable[[], bool]) -> Iterator[Drawn]:
        with tempfile.TemporaryDirectory(prefix="hubmap-viewer-") as folder:
            wish = Request(
                want="preview",
                cohort=csv,
                recipe=recipe,
                curated=curated,
                count=CASES,
                seed=seed,
                folder=Path(folder),
            )
            for reply in engine.preview(wish, cancelled):
                pictures = () if reply.pictures is None else _read(reply.pictures)
                yield Drawn(reply.done, reply.total, reply.case_id, pictures, reply.problem)

    return steps


def _read(file: Path) -> tuple[Image, ...]:
    with np.load(file) as kept:
        return tuple(kept[name] for name in kept.files)
