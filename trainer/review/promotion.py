"""The ensemble in force: which run it is of, what a newer one gains, and one step back.

In the cohort's folder: ``ensembles/promoted.yaml`` is the ensemble in force, as the window and
`predict` take it; ``ensembles/promotions.json`` tells every change of it, only added to; and
``development.csv`` (id, organ, rle) holds the cases and masks that runs are compared on, frozen
when the first run is compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.store import Store, user_name
from trainer.errors import SettingsError, TrainerError
from trainer.review.compare import Comparison, compare
from trainer.review.development import DEVELOPMENT, Opinion, freeze, measure, read, to_freeze
from trainer.settings import Ensemble, read_ensemble, to_yaml

PROMOTED = "ensembles/promoted.yaml"
_HISTORY = "ensembles/promotions.json"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the ensemble in force.

    Attributes
    ----------
    act
        ``promoted``, or ``back``: to what was in force before the last one.
    run
        Of the ensemble that is in force from then on; empty for none.
    ensemble
        Its YAML, paths relative to the cohort's ``ensembles``.
    """

    act: Literal["promoted", "back"]
    run: str
    ensemble: str
    time: str
    author: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run against the ensemble in force.

    Attributes
    ----------
    in_force
        The run in force; empty for none.
    dice
        Case id to the candidate's Dice on the development set.
    comparison
        None where nothing is in force yet.
    problems
        Why cases could not be measured.
    """

    run: str
    in_force: str
    dice: dict[str, float]
    organs: dict[str, str]
    comparison: Comparison | None
    problems: tuple[TrainerError, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """How far a comparison is: `done` of `total` masks; at its end, what was found."""

    done: int
    total: int
    candidate: Candidate | None = None


def judge(cohort: Cohort, store: Store | None, run: Path) -> Candidate:
    """Compare a run with the one in force, out of fold, on the frozen development set.

    Where there is none yet, it is frozen: every case that the run has an out-of-fold prediction
    of, with its accepted mask or else its truth.

    Raises
    ------
    CohortError
        If ``development.csv`` cannot be read.
    SettingsError, PredictionError
        If the run is none, or has no out-of-fold predictions.
    """
    *_, last = judging(cohort, store, run)
    assert last.candidate is not None
    return last.candidate


def judging(cohort: Cohort, store: Store | None, run: Path) -> Iterator[Judged]:
    """As `judge`, a mask at a time; left before its end, it freezes nothing that is not whole."""
    mine, past = Opinion.open(run), history(cohort.folder)
    before = past[-1].run if past else ""
    problems: list[TrainerError] = []
    theirs = None if not before else _in_force(cohort, before, problems)
    opinions = [mine] if theirs is None else [mine, theirs]
    frozen = (cohort.folder / DEVELOPMENT).is_file()
    cases = 0 if frozen else len(cohort.cases)
    done = 0
    if not frozen:
        texts: dict[str, str] = {}
        for case_id, text in to_freeze(cohort, store, mine, problems):
            done += 1
            if text is not None:
                texts[case_id] = text
            yield Judged(done, cases * (1 + len(opinions)))
        freeze(cohort, texts, mine)
    development = read(cohort.folder)
    found: list[dict[str, float]] = []
    total = cases + len(development.texts) * len(opinions)
    for opinion in opinions:
        found.append({})
        for case_id, one in measure(cohort, development, opinion, problems):
            done += 1
            if one is not None:
                found[-1][case_id] = one
            yield Judged(done, total)
    organs = development.organs
    comparison = compare(found[1], found[0], organs) if theirs is not None else None
    name = _relative(run, cohort.folder)
    candidate = Candidate(name, before, found[0], organs, comparison, tuple(problems))
    yield Judged(total, total, candidate)


def _in_force(cohort: Cohort, run: str, problems: list[TrainerError]) -> Opinion | None:
    """What the run in force has predicted; one that was deleted stands in nobody's way."""
    try:
        return Opinion.open(cohort.folder / run)
    except TrainerError as error:
        problems.append(error)
        return None


def promote(cohort: Cohort, run: Path) -> Promotion:
    """Put a run's ensemble in force.

    Raises
    ------
    SettingsError
        If the run is none, or is in force already.
    ExportError
        If the cohort's folder cannot be written.
    """
    ensemble = read_ensemble(run)
    past = history(cohort.folder)
    name = _relative(run, cohort.folder)
    text = to_yaml(_moved(ensemble, run, (cohort.folder / PROMOTED).parent))
    if past and (past[-1].run, past[-1].ensemble) == (name, text):
        raise SettingsError("is in force already", file=run)
    return _write(cohort.folder, past, "promoted", name, text)


def back(cohort: Cohort) -> Promotion:
    """Put in force what was before the last promotion that has not been taken back.

    Raises
    ------
    SettingsError
        If nothing was promoted that could be taken back.
    ExportError
        If the cohort's folder cannot be written.
    """
    past = history(cohort.folder)
    left = standing(past)
    if not left:
        raise SettingsError("no run is in force", file=cohort.folder / PROMOTED)
    before = left[-2] if len(left) > 1 else None
    run, text = ("", "") if before is None else (before.run, before.ensemble)
    return _write(cohort.folder, past, "back", run, text)


def history(cohort: Path) -> list[Promotion]:
    """Every change of the ensemble in force, oldest first.

    Raises
    ------
    SettingsError
        If the file is damaged.
    """
    path = cohort / _HISTORY
    try:
        return [Promotion(**one) for one in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"cannot be read ({error})", file=path) from error


def standing(past: Iterable[Promotion]) -> list[Promotion]:
    """Promotions of a `history` that were not taken back, the one in force last."""
    found: list[Promotion] = []
    for one in past:
        if one.act == "promoted":
            found.append(one)
        elif found:
            found.pop()
    return found


def _write(
    cohort: Path, past: list[Promotion], act: Literal["promoted", "back"], run: str, text: str
) -> Promotion:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    done = Promotion(act, run, text, now, user_name())
    told = json.dumps([asdict(one) for one in (*past, done)], indent=2, ensure_ascii=False)
    with replacing(cohort / _HISTORY) as draft:
        draft.write_text(told + "\n", "utf-8")
    if not text:
        (cohort / PROMOTED).unlink(missing_ok=True)
        return done
    with replacing(cohort / PROMOTED) as draft:
        draft.write_text(text, "utf-8")
    return done


def _moved(ensemble: Ensemble, base: Path, to: Path) -> Ensemble:
    """The same ensemble as a YAML in another folder says it."""
    told = ensemble.model_dump(mode="json")
    for one in told["members"]:
        for key in ("weights", "run"):
            if one.get(key):
                one[key] = _relative(base / one[key], to)
    for one in told.get("tta_stains", ()):
        if one.get("reference"):
            one["reference"] = _relative(base / one["reference"], to)
    return Ensemble.model_validate(told | {"name": base.resolve().name})


def _relative(path: Path, base: Path) -> str:
    """A path as seen from a folder; as it is where no way leads there (another drive)."""
    try:
        return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def by_organ(candidate: Candidate) -> Mapping[str, list[float]]:
    """The candidate's Dice on the development set, by organ."""
    found: dict[str, list[float]] = {}
    for case_id, one in candidate.dice.items():
        found.setdefault(candidate.organs[case_id], []).append(one)
    return found
