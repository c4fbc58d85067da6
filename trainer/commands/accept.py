"""`hubmap-trainer accept`: many predictions at once, and a sample of them checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from trainer import named
from trainer.commands.arguments import CohortArgument, JsonOption
from trainer.errors import Cancelled, StoreError
from trainer.terminal import Terminal, Wish

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions
    from trainer.data.store import Batch, Store
    from trainer.review.acceptance import Candidate, Outcome, Rule

EXAMPLES = """Examples:

hubmap-trainer accept data --predictions predictions --organ lung --min-confidence 0.95 --dry-run

hubmap-trainer accept data --predictions predictions --organ lung --min-confidence 0.95

hubmap-trainer accept data --check 1 --right 10044 --right 10274 --wrong 10392"""


def accept(
    cohort: CohortArgument,
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder that `predict` has written.")
    ] = None,
    organ: Annotated[
        list[str] | None, typer.Option(metavar="ORGAN", help="Only this organ; may be repeated.")
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Least Dice that the ensemble itself expects.")
    ] = 0.9,
    max_disagreement: Annotated[
        float, typer.Option(min=0, max=0.5, help="Most spread of the ensemble's members.")
    ] = 0.1,
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=1,
            help="To be checked of each organ; if left out, just enough with none wrong.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="Share of masks that may be wrong.")
    ] = 0.05,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be accepted.")
    ] = False,
    check: Annotated[
        int | None, typer.Option(metavar="BATCH", help="Show a batch, or say what its masks are.")
    ] = None,
    right: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A sampled mask is right; repeatable.")
    ] = None,
    wrong: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A sampled mask is wrong; repeatable.")
    ] = None,
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Take the batch back, but for what was checked.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Accept predictions of cases without a truth by a rule, then check a random sample.

    Nothing that a person has reviewed is touched, nor a case that the ensemble was trained on.
    An organ whose sample shows, with 95 % confidence, that more than the tolerance may be
    wrong is reopened: its masks are unreviewed again.
    """
    verdicts = _verdicts(right or [], wrong or [])
    if (predictions is None) == (check is None):
        raise typer.BadParameter("name either --predictions DIR or --check BATCH")
    if check is None and (verdicts or reopen):
        raise typer.BadParameter("--right, --wrong and --reopen need --check BATCH")
    with Terminal(json).speaking() as terminal:
        opened = named.cohort(cohort, terminal)
        if predictions is None:
            assert check is not None
            _check(opened, check, verdicts, reopen, terminal)
            return
        for name in organ or ():
            if name not in {case.organ for case in opened.cases.values()}:
                raise typer.BadParameter(f"there is no case of {name} in {opened.folder}")
        from trainer.data.predictions import Predictions
        from trainer.review.acceptance import Rule

        rule = Rule(tuple(organ or ()), min_confidence, max_disagreement)
        acceptance = _Acceptance(opened, Predictions.open(predictions), rule, terminal)
        acceptance.run(tolerance, sample, dry_run)


class _Acceptance:
    """One call that accepts."""

    def __init__(
        self, cohort: Cohort, predictions: Predictions, rule: Rule, terminal: Terminal
    ) -> None:
        self._cohort, self._predictions, self._rule = cohort, predictions, rule
        self._terminal = terminal
        self._left_out: Counter[str] = Counter()

    def run(self, tolerance: float, size: int | None, dry_run: bool) -> None:
        """Accept what the rule lets pass, and draw the sample; or only say what would be."""
        from trainer.data.store import Store
        from trainer.review import bulk

        known = named.store(self._cohort, self._terminal)
        with Wish() as wish:
            found = self._sift(known, wish)
            batch = known and bulk.interrupted(known, self._rule, self._predictions, tolerance)
            organs = Counter(candidate.organ for candidate in found)
            if known is not None and batch is not None:
                self._terminal.note(f"Going on with batch {batch.id}.")
                organs.update(case.organ for case in known.batches.cases(batch.id))
            sizes = bulk.sizes(organs, tolerance, size)
            if dry_run or not organs:
                self._show_candidates(found, sizes, dry_run)
                return
            store = known or Store.for_cohort(self._cohort.folder)
            batch = bulk.begin(store, self._rule, self._predictions, tolerance)
            self._accept(store, batch, found, wish)
        self._sample(store, batch, size)

    def _sift(self, store: Store | None, wish: Wish) -> list[Candidate]:
        """The candidates; what is left out is told by its reason."""
        from trainer.review import bulk
        from trainer.review.acceptance import Candidate, sift

        reviews = {} if store is None else store.latest_all()
        failed = bulk.failed(store, self._predictions, self._rule) if store else set[str]()
        cases = self._cohort.cases.values()
        found: list[Candidate] = []
        with self._terminal.meter() as meter:
            sifted = sift(cases, self._predictions, self._rule, reviews, failed)
            for done, case in enumerate(sifted, start=1):
                wish.heed()
                meter.show("Reading predictions", done / len(cases), None)
                if isinstance(case, Candidate):
                    found.append(case)
                    continue
                self._left_out[case.reason] += 1
                if case.error is not None:
                    self._terminal.problem(case.error)
        for reason, count in sorted(self._left_out.items()):
            self._terminal.note(f"Left out, {reason}: {count}.")
        if found and not any(candidate.disagreement for candidate in found):
            self._terminal.note("One member alone predicted these: none disagrees with it.")
        return found

    def _show_candidates(
        self, found: list[Candidate], sizes: dict[str, int], dry_run: bool
    ) -> None:
        """What would be accepted; or that nothing is."""
        document: dict[str, Any] = {"batch": None, "left_out": dict(self._left_out)}
        if dry_run:
            told = [asdict(candidate) for candidate in found]
            document |= {"candidates": told, "sample_sizes": sizes}
        else:
            document |= {"accepted": [], "to_check": {}, "organs": []}
        table = Table("organ", title="Would be accepted")
        for name in ("cases", "to check"):
            table.add_column(name, justify="right")
        organs = Counter(candidate.organ for candidate in found)
        for organ in sorted(organs):
            table.add_row(organ, str(organs[organ]), str(sizes[organ]))
        self._terminal.result(document, table if found else "No case passes the rule.")

    def _accept(self, store: Store, batch: Batch, found: list[Candidate], wish: Wish) -> None:
        from trainer.review import bulk

        count = 0
        steps = bulk.accept(
            store, self._cohort, self._predictions, batch, found, lambda: wish.is_uttered
        )
        with self._terminal.meter() as meter:
            for step in steps:
                meter.show("Accepting predictions", step.done / step.total, None)
                count += step.revision is not None
                if step.error is not None:
                    self._terminal.problem(step.error)
        if wish.is_uttered and count < len(found):
            kept = f"{count} of {len(found)} are accepted in batch {batch.id}"
            raise Cancelled(f"Stopped; {kept}, the same call goes on.")

    def _sample(self, store: Store, batch: Batch, size: int | None) -> None:
        from trainer.review import bulk

        bulk.draw_sample(store, batch, size, seed=batch.id)
        _show(store, batch, self._terminal, {"left_out": dict(self._left_out)})


def _check(
    cohort: Cohort, number: int, verdicts: dict[str, bool], reopen: bool, terminal: Terminal
) -> None:
    from trainer.review import bulk

    store = named.store(cohort, terminal)
    if store is None:
        raise StoreError(f"there is no batch {number}", file=cohort.folder)
    batch = store.batches.get(number)
    if verdicts:
        bulk.check(store, number, verdicts)
    if reopen:
        bulk.reopen_all(store, batch)
    _show(store, batch, terminal, {})


def _show(store: Store, batch: Batch, terminal: Terminal, more: dict[str, Any]) -> None:
    """What a batch is, what is left to check, and what the sample says."""
    from trainer.review.acceptance import outcomes

    cases = store.batches.cases(batch.id)
    endings = store.batches.endings(batch.id)
    results = outcomes(cases, batch.tolerance)
    waiting: dict[str, list[str]] = {}
    for case in sorted(cases, key=lambda case: case.drawn or 0):
        if case.drawn is not None and case.right is None and case.organ not in endings:
            waiting.setdefault(case.organ, []).append(case.case_id)
    for one in results:
        if one.organ in waiting:
            told = f"{one.allowed or 0} of {one.sampled} may be wrong"
            terminal.note(f"To check, {one.organ} ({told}): {' '.join(waiting[one.organ])}")
    document = {
        "batch": batch.id,
        "accepted": [case.case_id for case in cases],
        "to_check": waiting,
        "organs": [_as_json(result, endings.get(result.organ, "open")) for result in results],
    }
    terminal.result(document | more, _table(batch, results, endings))


def _table(batch: Batch, results: list[Outcome], endings: Mapping[str, str]) -> Table:
    title = f"Batch {batch.id}: up to {batch.tolerance:.1%} may be wrong"
    table = Table("organ", title=title)
    for name in ("accepted", "checked", "wrong", "rate", "95 % bound"):
        table.add_column(name, justify="right")
    table.add_column("outcome")
    for one in results:
        counts = (one.accepted, f"{one.checked} of {one.sampled}", one.wrong)
        rate = "–" if one.rate is None else f"{one.rate:.1%}"
        ending = endings.get(one.organ, "open")
        table.add_row(one.organ, *map(str, counts), rate, f"{one.bound:.1%}", ending)
    return table


def _as_json(one: Outcome, ending: str) -> dict[str, Any]:
    told = {"rate": one.rate, "bound": one.bound, "allowed": one.allowed}
    return asdict(one) | told | {"outcome": ending}


def _verdicts(right: list[str], wrong: list[str]) -> dict[str, bool]:
    if both := set(right) & set(wrong):
        raise typer.BadParameter(f"{', '.join(sorted(both))} cannot be both right and wrong")
    return dict.fromkeys(right, True) | dict.fromkeys(wrong, False)
