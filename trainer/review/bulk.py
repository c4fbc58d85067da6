"""Bulk acceptance on a store: accepting, checking a sample, and what follows from it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Batch, Revision, Store
from trainer.errors import PredictionError, SettingsError, StoreError, TrainerError
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review.acceptance import Candidate, Outcome, Rule, outcomes
from trainer.review.sampling import draw, enough
from trainer.review.starting import start


@dataclass(frozen=True, slots=True)
class Step:
    """A case of a bulk acceptance that is done with.

    Attributes
    ----------
    revision
        By which it was accepted; None where a person was quicker, or it failed.
    error
        Why it failed, if it did; the others go on.
    """

    case_id: str
    done: int
    total: int
    revision: Revision | None = None
    error: TrainerError | None = None


def begin(
    store: Store, rule: Rule, predictions: Predictions, tolerance: float, author: str | None = None
) -> Batch:
    """Begin a batch, or go on with one of the same rule and predictions that was interrupted.

    Raises
    ------
    StoreError
        If it cannot be kept.
    """
    before = interrupted(store, rule, predictions, tolerance)
    text, source = rule.to_json(), fingerprint(predictions)
    return before or store.batches.begin(text, source, tolerance, author)


def failed(store: Store, predictions: Predictions, rule: Rule) -> set[str]:
    """Organs of which these predictions failed a sample by this rule, or by one that took less.

    To draw again and again until a sample passes would prove nothing: such an organ needs a
    rule that takes less, or another ensemble.
    """
    source = fingerprint(predictions)
    organs = set[str]()
    for batch in store.batches.all():
        if batch.predictions == source and rule.takes_all_of(Rule.from_json(batch.rule)):
            endings = store.batches.endings(batch.id)
            results = outcomes(store.batches.cases(batch.id), batch.tolerance)
            organs |= {
                one.organ for one in results if one.failed and endings.get(one.organ) == "reopened"
            }
    return organs


def interrupted(
    store: Store, rule: Rule, predictions: Predictions, tolerance: float
) -> Batch | None:
    """The newest batch of the same rule and predictions whose accepting did not come to its end.

    That is one whose sample is not drawn, and of which no organ has ended.
    """
    wanted = (rule.to_json(), fingerprint(predictions), tolerance)
    for batch in reversed(store.batches.all()):
        if (batch.rule, batch.predictions, batch.tolerance) == wanted:
            drawn = any(case.drawn is not None for case in store.batches.cases(batch.id))
            return None if drawn or store.batches.endings(batch.id) else batch
    return None


def accept(
    store: Store,
    cohort: Cohort,
    predictions: Predictions,
    batch: Batch,
    found: Sequence[Candidate],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:
    """Accept the predictions of the candidates that were found, each at its operating point.

    Each case is kept wholly or not at all, so that it may be ended at any time and gone on
    with later. A case that a person has reviewed by now stays as it is; one of an organ that
    has `failed` is refused.
    """
    spent = failed(store, predictions, Rule.from_json(batch.rule))
    for done, candidate in enumerate(found, start=1):
        if cancelled():
            return
        case_id = candidate.case_id
        try:
            if candidate.organ in spent:
                raise _spent(candidate)
            revision = _accept(store, cohort, predictions, batch, candidate)
        except TrainerError as error:
            yield Step(case_id, done, len(found), error=error)
        else:
            yield Step(case_id, done, len(found), revision)


def draw_sample(store: Store, batch: Batch, size: int | None = None, seed: int = 0) -> list[str]:
    """Draw and keep what a person is to check, organ by organ.

    Parameters
    ----------
    store
        That holds the batch.
    batch
        With all of its cases accepted.
    size
        Of each organ; by default the fewest that `sizes` takes.
    seed
        Of the drawing.

    Raises
    ------
    SettingsError
        If a sample of that size could prove nothing.
    StoreError
        If the batch's sample is drawn already, or cannot be kept.
    """
    accepted: defaultdict[str, list[str]] = defaultdict(list)
    for case in store.batches.cases(batch.id):
        accepted[case.organ].append(case.case_id)
    counts = {organ: len(ids) for organ, ids in accepted.items()}
    chosen = draw(accepted, sizes(counts, batch.tolerance, size), seed)
    sample = [case_id for organ in sorted(chosen) for case_id in chosen[organ]]
    store.batches.draw(batch.id, sample)
    return sample


def sizes(accepted: Mapping[str, int], tolerance: float, size: int | None = None) -> dict[str, int]:
    """How many of each organ are to be checked.

    Parameters
    ----------
    accepted
        Number of accepted cases by organ.
    tolerance
        The share of wrong masks that an organ may have.
    size
        As many of each organ, or all where there are fewer; by default the fewest that can
        show, none of them being wrong, that the organ is within the tolerance.

    Raises
    ------
    SettingsError
        If a sample of that size could not show it, however it turned out.
    """
    fewest = {organ: enough(count, tolerance) for organ, count in accepted.items()}
    if size is None:
        return fewest
    for organ, least in fewest.items():
        if size < least:
            raise SettingsError(
                f"{size} of {accepted[organ]} cases of {organ} can never show that "
                f"{tolerance:.1%} or fewer are wrong",
                remedy=f"check {least}, or tolerate more",
            )
    return {organ: min(size, count) for organ, count in accepted.items()}


def check(
    store: Store, batch_id: int, verdicts: Mapping[str, bool], author: str | None = None
) -> list[Outcome]:
    """Keep verdicts on sampled cases, and end each organ that they decide.

    An organ passes when its whole sample is checked and the bound is within the tolerance. It
    is reopened as soon as it cannot pass any more: what nobody has looked at becomes
    "unreviewed" again, and training no longer learns from it.

    Raises
    ------
    StoreError
        If a case is not in the sample, its organ has ended, or nothing can be kept.
    """
    batch = store.batches.get(batch_id)
    store.batches.judge(batch_id, verdicts, author)
    results = outcomes(store.batches.cases(batch_id), batch.tolerance)
    endings = store.batches.endings(batch_id)
    for result in results:
        if result.organ in endings or result.sampled == 0:
            continue
        if result.failed:
            reopen(store, batch, result, author)
        elif result.passed:
            store.batches.end(batch_id, result.organ, "passed", "", author)
    return results


def reopen(
    store: Store, batch: Batch, outcome: Outcome, author: str | None = None
) -> list[Revision]:
    """Give an organ of a batch back to review, but for what a person has changed or checked.

    Raises
    ------
    StoreError
        If the organ has ended, or nothing can be kept.
    """
    note = (
        f"batch {batch.id} reopened: {outcome.organ}, {outcome.wrong} wrong of "
        f"{outcome.checked} checked, up to {outcome.bound:.0%} of {outcome.accepted}"
    )
    return store.batches.end(batch.id, outcome.organ, "reopened", note, author)


def reopen_all(store: Store, batch: Batch, author: str | None = None) -> list[Revision]:
    """Give every organ of a batch that has not ended back to review; takes what `reopen` does."""
    endings = store.batches.endings(batch.id)
    return [
        revision
        for result in outcomes(store.batches.cases(batch.id), batch.tolerance)
        if result.organ not in endings
        for revision in reopen(store, batch, result, author)
    ]


def fingerprint(predictions: Predictions) -> str:
    """Of the ensemble, the thresholds and the steps after them that the predictions are of."""
    told = predictions.description
    kept = [told.get(key) for key in ("ensemble", "fingerprint", "threshold", "thresholds")]
    # what an older description could not say leaves its fingerprint as it was
    kept += [told[key] for key in ("source_thresholds", "postprocess") if told.get(key)]
    return blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=8).hexdigest()


def _spent(candidate: Candidate) -> StoreError:
    return StoreError(
        f"these predictions of {candidate.organ} failed a sample by such a rule before",
        case=candidate.case_id,
        remedy="choose a stricter rule, or predict with a better ensemble",
    )


def _accept(
    store: Store, cohort: Cohort, predictions: Predictions, batch: Batch, candidate: Candidate
) -> Revision | None:
    case_id, organ = candidate.case_id, candidate.organ
    prediction = predictions.read(case_id)
    if prediction is None:
        raise PredictionError("is not predicted any more", case=case_id, remedy="predict it anew")
    if misfit := predictions.misfit(prediction, cohort.shape(case_id)):
        raise misfit
    point = OperatingPoint.of(predictions.masking, cohort.cases[case_id])
    note = (
        f"batch {batch.id}: confidence {candidate.confidence:.3f}, "
        f"disagreement {candidate.disagreement:.3f}"
    )
    started_from = start(predictions, prediction, point.threshold)
    mask = to_mask(prediction, point)
    return store.batches.accept(batch, case_id, organ, mask, note, started_from)
