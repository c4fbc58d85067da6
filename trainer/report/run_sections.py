"""What a report says of a run: how it went, what it was made of, and how to do it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.data.store import Store
from trainer.errors import StoreError
from trainer.report.pictures import reliability_diagram, training_curves
from trainer.report.sections import Section
from trainer.review.held_out import folds_of
from trainer.review.histograms import Histograms
from trainer.review.run_files import RunFiles, flat, rows_of
from trainer.review.temperature import Calibrated, calibrated

_WORST = 10
"""Cases that are listed."""


def sections(run: RunFiles, store: Store | None) -> list[Section]:
    """Everything but calibration, in the page's order; what there is nothing to say of is left out.

    Parameters
    ----------
    run
        The run's folder.
    store
        Of its cohort's reviews, for who made the revisions that it learned.

    Raises
    ------
    SettingsError
        If a table of the run cannot be read.
    """
    made = (
        _run(run),
        _rounds(run),
        _dice(run),
        _worst(run),
        _curves(run),
        _recipe(run),
        _revisions(run, store),
        _versions(run),
    )
    return [one for one in made if one.rows]


def calibration_section(counted: Histograms) -> Section:
    """Whether the out-of-fold probabilities mean what they say, by organ."""
    organs: dict[str, Calibrated] = {}
    for organ in sorted(set(counted.organs)):
        places = counted.measured(organ)
        if places.size:
            folds, _ = folds_of(counted, places)
            organs[organ] = calibrated([counted[int(place)] for place in places], folds)
    rows = tuple(
        (organ, f"{one.before.error:.4f}", f"{one.temperature.best:g}", f"{one.after.error:.4f}")
        for organ, one in organs.items()
    )
    says = (
        "Expected calibration error of pixels out of fold, as they are, and at the temperature of"
        " the least negative log-likelihood on cases held out (Guo et al. 2017)."
    )
    head = ("organ", "error", "temperature", "error with it")
    return Section("Calibration", says, head, rows, reliability_diagram(organs) if organs else "")


def _run(run: RunFiles) -> Section:
    facts = run.facts
    start = facts.get("start", "scratch")
    scored = facts.get("scored_on") or {}
    told = {
        "command": facts.get("command"),
        "started (UTC)": facts.get("started"),
        "finished (UTC)": facts.get("finished"),
        "seconds": facts.get("seconds"),
        "device": facts.get("device"),
        "precision": facts.get("precision"),
        "started from": start if isinstance(start, str) else f"run {start.get('run')}",
        "encoder started from": facts.get("encoder_start"),
        "cases": len(run.cases),
        "cases of other cohorts": len(facts.get("external") or ()) or None,
        "label version scored on": scored.get("digest"),
        "public score": facts.get("public_score"),
    }
    rows = tuple((name, str(value)) for name, value in told.items() if value is not None)
    says = "How it was done. The command, given in the same folder, does it again."
    return Section("Run", says, ("what", ""), rows)


def _rounds(run: RunFiles) -> Section:
    rows = tuple(
        (
            str(one.get("round")),
            "–" if one.get("dice") is None else f"{one['dice']:.4f}",
            ", ".join(str(count) for count in (one.get("pseudo_labels") or {}).values()) or "–",
        )
        for one in run.facts.get("rounds") or ()
    )
    says = "Dice out of fold after each round, and the pseudo-labelled cases by fold."
    return Section("Rounds", says, ("round", "Dice", "pseudo-labels"), rows)


def _dice(run: RunFiles) -> Section:
    names = ("organ", "cases", "dice_mean", "dice_median", "dice_sd")
    rows = tuple(tuple(row[name] for name in names) for row in rows_of(run.folder / "report.csv"))
    says = "Out-of-fold Dice against the labels that were learned: curated masks before truth."
    return Section("Dice out of fold", says, ("organ", "n", "mean", "median", "sd"), rows)


def _worst(run: RunFiles) -> Section:
    worst = sorted(rows_of(run.folder / "cases.csv"), key=lambda row: float(row["dice"]))
    rows = tuple((row["id"], row["organ"], row["dice"]) for row in worst[:_WORST])
    says = "The cases of least out-of-fold Dice against the labels that were learned."
    return Section("Worst cases out of fold", says, ("case", "organ", "Dice"), rows)


def _curves(run: RunFiles) -> Section:
    folds = {
        file.parent.name.removeprefix("fold"): rows_of(file)
        for file in sorted(run.folder.glob("fold*/curves.csv"))
    }
    rows = tuple(
        (
            fold,
            str(len(curve)),
            curve[-1]["train_loss"],
            curve[-1]["val_loss"],
            curve[-1]["val_dice"],
        )
        for fold, curve in folds.items()
        if curve
    )
    says = "Each fold's last epoch; the loss of training and Dice on held-out cases by epoch."
    head = ("fold", "epochs", "training loss", "held-out loss", "held-out Dice")
    return Section("Curves", says, head, rows, training_curves(folds) if rows else "")


def _recipe(run: RunFiles) -> Section:
    rows = tuple((key, json.dumps(value, ensure_ascii=False)) for key, value in flat(run.recipe))
    return Section("Recipe", "All that the training depended on.", ("key", "value"), rows)


def _revisions(run: RunFiles, store: Store | None) -> Section:
    rows = tuple(_revision_rows(run.revisions, store))
    says = "Curated masks that took their truth's place."
    head = ("case", "revision", "author", "made (UTC)", "origin")
    return Section("Revisions", says, head, rows)


def _revision_rows(used: Mapping[str, int], store: Store | None) -> Iterator[tuple[str, ...]]:
    for case_id, number in sorted(used.items()):
        try:
            one = None if store is None else store.revision(number)
        except StoreError:  # another store than the one it was trained on
            one = None
        if one is None:
            yield case_id, str(number), "–", "–", "–"
        else:
            made = one.created.isoformat(" ", "minutes")
            yield case_id, str(number), one.author, made, one.origin


def _versions(run: RunFiles) -> Section:
    versions: dict[str, Any] = run.facts.get("versions") or {}
    rows = tuple((name, str(version)) for name, version in versions.items())
    return Section("Versions", "Of the programs that trained it.", ("program", "version"), rows)
