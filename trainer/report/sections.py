"""What a report says of a cohort, section by section, as tables of words."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from trainer.data.cohort import Cohort
from trainer.data.findings import KINDS
from trainer.data.predictions import Predictions
from trainer.data.store import STATUSES, Store
from trainer.errors import TrainerError
from trainer.review import groups
from trainer.review.acceptance import outcomes
from trainer.review.causes import counts
from trainer.review.compare import SAME, Comparison
from trainer.review.differences import ALL, Difference, by_organ
from trainer.review.histograms import BEFORE_STEPS, Histograms
from trainer.review.second_look import Summary, agreement, pairs
from trainer.review.suspicion import SuspectCase
from trainer.review.thresholds import best_by_organ

_VERDICTS = STATUSES[1:]

SUSPECTS = 10
"""That are listed."""

REGRESSIONS = 20
"""That are listed."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table.

    Attributes
    ----------
    says
        What it measures, in a line.
    picture
        A data URI; empty for none.
    """

    title: str
    says: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: str = ""


def cohort_section(cohort: Cohort, store: Store | None) -> Section:
    """What the cohort is, and how far its review has come."""
    reviews = {} if store is None else store.latest_all()
    rows = []
    cases = list(cohort.cases.values())
    for organ in [*dict.fromkeys(case.organ for case in cases), ALL]:
        own = [case for case in cases if organ in (case.organ, ALL)]
        status = Counter(reviews[case.id].status for case in own if case.id in reviews)
        sources = Counter(case.data_source or "unknown" for case in own)
        rows.append(
            (
                organ,
                str(len(own)),
                ", ".join(f"{name} {count}" for name, count in sources.most_common()),
                str(sum(case.has_truth for case in own)),
                *(str(status[name]) for name in _VERDICTS),
            )
        )
    head = ("organ", "cases", "source", "with truth", *_VERDICTS)
    return Section("Cohort", "Cases, and the verdicts that reviewers gave.", head, tuple(rows))


def dice_section(title: str, says: str, found: Sequence[Difference], picture: str = "") -> Section:
    """Dice by organ; cases seen in training have no part, and are told."""
    scores: dict[str, list[float]] = {}
    for one in found:
        if not one.in_sample:
            scores.setdefault(one.organ, []).append(one.dice)
            scores.setdefault(ALL, []).append(one.dice)
    rows = []
    for row in by_organ(found):
        each = scores[row.organ]
        sd = statistics.stdev(each) if len(each) > 1 else 0.0
        worst = ", ".join(f"{case} ({dice:.3f})" for case, dice in row.worst)
        figures = (f"{row.mean:.3f}", f"{row.median:.3f}", f"{sd:.3f}")
        rows.append((row.organ, str(row.cases), *figures, worst))
    if seen := sum(one.in_sample for one in found):
        says += f" {seen} cases were seen in training and are left out."
    return Section(
        title, says, ("organ", "n", "mean", "median", "sd", "worst"), tuple(rows), picture
    )


def losses_section(found: Sequence[Difference]) -> Section:
    """What each organ loses to each kind of finding."""
    rows = tuple(
        (row.organ, *(f"{row.losses[kind].loss:.3f} ×{row.losses[kind].count}" for kind in KINDS))
        for row in by_organ(found)
    )
    says = "Dice lost per case to each kind of finding, and how many there are."
    return Section("Losses", says, ("organ", *KINDS), rows)


def thresholds_section(
    histograms: Histograms, predictions: Predictions, picture: str = ""
) -> Section:
    """Each organ's threshold in force and its best."""
    rows = []
    for one in best_by_organ(histograms):
        organ = one.organ or ALL
        held_out = f"{one.cross_validated_gain:+.4f} ± {one.spread:.4f}"
        advice = "within noise: keep" if one.within_noise else "beyond noise"
        threshold = f"{predictions.threshold_for(organ):.2f}"
        rows.append((organ, str(one.cases), threshold, f"{one.threshold:.2f}", held_out, advice))
    says = (
        "The threshold in force, the one of highest mean Dice, and its gain over 0.5 on cases "
        "held out, with its spread over folds."
    )
    if predictions.masking.changes_masks:
        says = f"{says} {BEFORE_STEPS}"
    head = ("organ", "n", "in force", "best", "held-out gain", "verdict")
    return Section("Thresholds", says, head, tuple(rows), picture)


def comparison_sections(found: Comparison, before: str, steps: bool = False) -> list[Section]:
    """What changed from an earlier ensemble to this one: by organ, and the regressions.

    `steps` tells whether one of the two has post-processing, which is not compared.
    """
    organs = tuple(
        (
            one.organ,
            str(one.cases),
            f"{one.mean_change:+.3f}",
            f"{one.low:+.3f} … {one.high:+.3f}",
            "< 0.001" if one.p < 0.001 else f"{one.p:.3f}",
            *(str(count) for count in (one.better, one.worse, one.same)),
        )
        for one in found.organs
    )
    says = (
        f"Change of Dice from {before} to this ensemble, with its 95 % bootstrap interval and p"
        f" of Wilcoxon's signed-rank test. {found.caveat}"
    ) + (f" {BEFORE_STEPS}" if steps else "")
    head = ("organ", "n", "change", "interval", "p", "better", "worse", "same")
    made = [Section("Compared", says, head, organs)]
    worse = [row for row in found.rows if row.change <= -SAME]
    if worse:
        rows = tuple(
            (row.case_id, row.organ, *(f"{d:.3f}" for d in (row.before, row.after)),
             f"{row.change:+.3f}")
            for row in worse[:REGRESSIONS]
        )  # fmt: skip
        says = f"{len(worse)} of {len(found.rows)} cases got worse, the largest loss first."
        head = ("case", "organ", "before", "after", "change")
        made.append(Section("Regressions", says, head, rows))
    return made


def suspects_section(found: Iterable[SuspectCase]) -> Section:
    """The truths that out-of-fold predictions contradict most."""
    ranked = sorted(found, key=lambda one: -one.suspicion)[:SUSPECTS]
    rows = tuple(
        (one.case_id, one.organ, f"{one.suspicion:.3f}", f"{one.dice:.3f}") for one in ranked
    )
    says = (
        "Suspicion: pixels where out-of-fold predictions confidently contradict the truth, as a "
        "share of truth and prediction (confident learning). Dice stands beside it and has no "
        "part in it."
    )
    return Section("Suspect truths", says, ("case", "organ", "suspicion", "Dice"), rows)


def reviewers_sections(
    cohort: Cohort, store: Store, told: Callable[[TrainerError], None]
) -> list[Section]:
    """Failure causes, bulk acceptances and second looks; those that there are."""
    organs = {case.id: case.organ for case in cohort.cases.values()}
    named = counts(store.tags.all(), organs)
    causes = tuple((one.organ, one.cause, str(one.tags), str(one.cases)) for one in named)
    looked = []
    for pair in pairs(store, organs):
        if isinstance(pair, TrainerError):
            told(pair)
        else:
            looked.append(pair)
    agreed = tuple(
        (row.organ, str(row.n), _summary(row.intra), _summary(row.inter))
        for row in agreement(looked)
    )
    made = (
        Section(
            "Failure causes",
            "What reviewers named as the cause, of cases and of single findings.",
            ("organ", "cause", "tags", "cases"),
            causes,
        ),
        Section(
            "Accepted in bulk",
            "Wrong masks in the checked sample, and the exact upper 95 % bound of their share.",
            ("batch", "organ", "accepted", "checked", "wrong", "at most wrong", "outcome"),
            tuple(_batches(store)),
        ),
        Section(
            "Agreement of reviewers",
            "Dice of masks that were drawn a second time, blind: mean (n).",
            ("organ", "n", "same reviewer", "another reviewer"),
            agreed,
        ),
    )
    return [section for section in made if section.rows]


def look_alikes_section(cohort: Cohort) -> Section | None:
    """Groups of images that look alike, if they were written."""
    members: dict[str, list[str]] = {}
    for case_id, group in groups.read(cohort.folder).items():
        members.setdefault(group, []).append(case_id)
    rows = tuple((group, ", ".join(ids)) for group, ids in members.items())
    if not rows:
        return None
    says = "Images that look alike (perceptual hash); training keeps each group in one fold."
    return Section("Look-alikes", says, ("group", "cases"), rows)


def _batches(store: Store) -> Iterable[tuple[str, ...]]:
    for batch in store.batches.all():
        for one in outcomes(store.batches.cases(batch.id), batch.tolerance):
            outcome = "passed" if one.passed else "failed" if one.failed else "open"
            figures = (str(one.accepted), f"{one.checked} of {one.sampled}", str(one.wrong))
            yield (str(batch.id), one.organ, *figures, f"{100 * one.bound:.1f} %", outcome)


def _summary(summary: Summary | None) -> str:
    return "–" if summary is None else f"{summary.mean:.3f} ({summary.n})"
