"""One self-contained HTML page: tables, plots and the worst cases of a cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.errors import ExportError, TrainerError
from trainer.report import run_sections, sections
from trainer.report.pictures import curves, overlay, strips
from trainer.report.sections import Section
from trainer.review.compare import compare
from trainer.review.counting import Histogram
from trainer.review.differences import Difference, differences
from trainer.review.gathering import gather
from trainer.review.histograms import Histograms
from trainer.review.masks import Curated, Predicted, Truths
from trainer.review.run_files import RunFiles
from trainer.review.suspicion import suspects

WORST = 3
"""Cases of an organ whose overlay is shown."""

Heard = Callable[[str, float], None]
"""Told what is at work and its share done, 0 to 1; it raises to stop the work."""


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case that is shown, for its Dice of least or median; `picture` is a data URI."""

    case_id: str
    organ: str
    dice: float
    losses: str
    picture: str


@dataclass(slots=True)
class Report:
    """What the page says, in its order."""

    title: str
    foot: str
    sections: list[Section] = field(default_factory=list)
    worst: list[ShownCase] = field(default_factory=list)
    typical: list[ShownCase] = field(default_factory=list)
    problems: list[TrainerError] = field(default_factory=list)


def build(
    cohort: Cohort,
    predictions: Predictions | None,
    store: Store | None,
    heard: Heard,
    before: Predictions | None = None,
    run: RunFiles | None = None,
) -> Report:
    """Read all that the page says; a case that cannot be read is among its problems.

    Parameters
    ----------
    cohort
        Whose cases.
    predictions
        Whose masks are measured; None for a page on the cohort and its review alone.
    store
        The reviewers' work; None where there is none yet.
    heard
        Told how far the work is.
    before
        Of an earlier ensemble, with which `predictions` are compared.
    run
        Whose out-of-fold predictions they are; the page is then about the run first.

    Raises
    ------
    SettingsError
        If a table of the run cannot be read.
    """
    about = f"Review of {cohort.folder.name}"
    if run is not None:
        about = f"Run {run.folder.resolve().name} on {cohort.folder.name}"
    report = Report(about, _foot(cohort, predictions))
    report.problems += cohort.problems
    if run is not None:
        report.sections += run_sections.sections(run, store)
    report.sections.append(sections.cohort_section(cohort, store))
    if predictions is not None:
        _measure(report, cohort, predictions, before, heard, of_run=run is not None)
    if store is not None:
        _add_curated(report, cohort, store, heard)
        told = report.problems.append
        report.sections += sections.reviewers_sections(cohort, store, told)
    if alike := sections.look_alikes_section(cohort):
        report.sections.append(alike)
    return report


def write(report: Report, out: Path) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    pages = Environment(
        loader=PackageLoader("trainer.report", "."), autoescape=True, undefined=StrictUndefined
    )
    text = pages.get_template("page.html").render(report=report)
    with replacing(out, ExportError) as draft:
        draft.write_text(text, encoding="utf-8")


def _measure(
    report: Report,
    cohort: Cohort,
    predictions: Predictions,
    before: Predictions | None,
    heard: Heard,
    of_run: bool,
) -> None:
    masks = Predicted(cohort, predictions)
    found = _compare(report, cohort, masks, masks, heard)
    says = (
        f"Predictions of {predictions.description.get('ensemble', 'the ensemble')} against truth."
    )
    report.sections.append(sections.dice_section("Dice", says, found, strips(found)))
    report.sections.append(sections.losses_section(found))
    ids = [one.case for one in found]
    counted = _count(cohort, predictions, ids, heard)
    report.sections.append(sections.thresholds_section(counted, predictions, curves(counted)))
    if of_run:
        report.sections.append(run_sections.calibration_section(counted))
    if before is not None:
        earlier = _count(cohort, before, [one for one in ids if one in before.ids()], heard)
        organs = dict(zip(counted.ids, counted.organs, strict=True))
        found_both = compare(
            earlier.dice_of_unseen(before.masking),
            counted.dice_of_unseen(predictions.masking),
            organs,
        )
        if found_both.rows:
            name = str(before.description.get("ensemble", before.folder.name))
            steps = any(one.masking.changes_masks for one in (before, predictions))
            report.sections += sections.comparison_sections(found_both, name, steps)
    doubted = []
    for step in suspects(cohort, cohort.truth, predictions, ids):
        heard("Ranking truths", step.done / step.total)
        doubted += [] if step.case is None else [step.case]
    report.sections.append(sections.suspects_section(doubted))
    report.worst += _shown(report, cohort, masks, _worst(found))
    if of_run:
        report.typical += _shown(report, cohort, masks, _typical(found))


def _count(cohort: Cohort, predictions: Predictions, ids: list[str], heard: Heard) -> Histograms:
    counted = []
    for one in gather(cohort, cohort.truth, predictions, ids):
        heard("Counting pixels", len(counted) / max(1, len(ids)))
        counted += [one] if isinstance(one, Histogram) else []
    return Histograms(counted)


def _add_curated(report: Report, cohort: Cohort, store: Store, heard: Heard) -> None:
    found = _compare(report, cohort, Curated(cohort, store), None, heard)
    if found:
        says = "Curated masks against the truth they replace."
        report.sections.append(sections.dice_section("Curated", says, found))


def _compare(
    report: Report,
    cohort: Cohort,
    tested: Predicted | Curated,
    opinion: Predicted | None,
    heard: Heard,
) -> list[Difference]:
    """Each case's mask against its truth, where it has both."""
    truths = Truths(cohort)
    both = truths.ids() & tested.ids()
    cases = [case for case in cohort.cases.values() if case.id in both and not case.problem]
    found = []
    for done, one in enumerate(differences(cases, truths, tested, opinion), start=1):
        heard("Comparing masks", done / len(cases))
        if isinstance(one, TrainerError):
            report.problems.append(one)
        else:
            found.append(one)
    return found


def _worst(found: list[Difference]) -> list[Difference]:
    """Of each organ the cases of least Dice, an organ after the other."""
    taken, worst = Counter[str](), []
    measured = [one for one in found if not one.in_sample]
    for one in sorted(measured, key=lambda one: (one.organ, one.dice)):
        if taken[one.organ] < WORST:
            taken[one.organ] += 1
            worst.append(one)
    return worst


def _typical(found: list[Difference]) -> list[Difference]:
    """Of each organ the case of median Dice."""
    organs: dict[str, list[Difference]] = {}
    for one in sorted(found, key=lambda one: (one.organ, one.dice)):
        if not one.in_sample:
            organs.setdefault(one.organ, []).append(one)
    return [each[len(each) // 2] for each in organs.values()]


def _shown(
    report: Report, cohort: Cohort, masks: Predicted, chosen: list[Difference]
) -> list[ShownCase]:
    """Cases with their pictures; one that cannot be read is among the problems."""
    shown = []
    for one in chosen:
        try:
            truth = Truths(cohort).mask(one.case)
            picture = overlay(cohort.image(one.case), truth, masks.mask(one.case))
        except TrainerError as error:
            report.problems.append(error)
            continue
        shown.append(ShownCase(one.case, one.organ, one.dice, _losses(one), picture))
    return shown


def _losses(one: Difference) -> str:
    costly = sorted(one.losses.items(), key=lambda pair: -pair[1].loss)
    return ", ".join(
        f"{kind} ×{loss.count} −{loss.loss:.3f}" for kind, loss in costly if loss.count
    )


def _foot(cohort: Cohort, predictions: Predictions | None) -> str:
    told = "no predictions"
    if predictions is not None:
        of = predictions.description
        told = f"predictions of {of.get('ensemble', '?')} ({of.get('fingerprint', '?')})"
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{cohort.folder.name} · {told} · hubmap-viewer {version('hubmap-viewer')} · {made}"
