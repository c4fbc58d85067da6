"""A training in rounds: each learns from what the one before predicts."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.store import Store
from trainer.errors import SettingsError
from trainer.settings import Recipe
from trainer.train.processes import Processes
from trainer.train.progress import Progress, Tell, tell_nobody
from trainer.train.record import ROUNDS
from trainer.train.report import ALL
from trainer.train.run import Run, run


def train(
    cohort: Cohort,
    recipe: Recipe,
    out: Path,
    *,
    curated: Store | None = None,
    device: str | None = None,
    devices: int = 1,
    progress: Tell = tell_nobody,
    parent: Path | None = None,
) -> Run:
    """Train as a recipe says, in as many rounds as its ``pseudo`` wants.

    Earlier rounds are runs of their own in the folder ``rounds`` of `out`, numbered from 0; the
    last one is `out` itself, whose ``run.json`` tells the Dice of each. A finished round is not
    repeated. `parent` is what the first round starts from; later ones start afresh, or with the
    recipe's ``pseudo.warm_start`` from the round before.

    Parameters and errors are those of `trainer.train.run.run`; rounds want a single process, as
    only the first of several knows what was predicted.
    """
    rounds = recipe.pseudo.rounds
    if not rounds:
        return run(
            cohort, recipe, out,
            curated=curated, device=device, devices=devices, progress=progress, parent=parent,
        )  # fmt: skip
    if Processes.of(devices).count > 1:
        raise SettingsError(
            "rounds of pseudo-labels are trained by one process",
            remedy="take one device, or leave `pseudo` out of the recipe",
        )
    told: list[dict[str, Any]] = []
    teacher: Path | None = None
    for number, folder in enumerate(folders(out, rounds)[:-1]):
        if not _is_finished(folder):
            run(
                cohort, _of_round(recipe, number), folder,
                curated=curated, device=device, progress=progress,
                parent=parent, teacher=teacher,
            )  # fmt: skip
        told.append(_told(folder, number))
        progress(Progress("training", 1.0, remark=_sentence(told[-1])))
        teacher = folder
        parent = folder if recipe.pseudo.warm_start else None
    result = run(
        cohort, recipe, out,
        curated=curated, device=device, progress=progress, parent=parent, teacher=teacher,
    )  # fmt: skip
    _write(out, [*told, _told(out, rounds)])
    return result


def folders(out: Path, rounds: int) -> list[Path]:
    """Where each round's run is, so many after the one without pseudo-labels; the last is `out`."""
    return [*(out / ROUNDS / str(number) for number in range(rounds)), out]


def _of_round(recipe: Recipe, number: int) -> Recipe:
    """The recipe that by itself gives the round: with fewer rounds, and their part of the time."""
    share = (number + 1) / (recipe.pseudo.rounds + 1)
    return recipe.model_copy(
        update={
            "pseudo": recipe.pseudo.model_copy(update={"rounds": number}),
            "minutes": None if recipe.minutes is None else recipe.minutes * share,
        }
    )


def _is_finished(folder: Path) -> bool:
    return bool(_facts(folder).get("finished"))


def _facts(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _told(folder: Path, number: int) -> dict[str, Any]:
    """A round's Dice over all its held-out cases, and what it was taught."""
    try:
        with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
            rows = {row["organ"]: row["dice_mean"] for row in csv.DictReader(file)}
    except OSError:
        rows = {}
    dice = float(rows[ALL]) if ALL in rows else None
    counts = _facts(folder).get("pseudo_labels", {})
    return {"round": number, "dice": dice, "pseudo_labels": counts}


def _sentence(told: dict[str, Any]) -> str:
    dice = "no Dice" if told["dice"] is None else f"Dice {told['dice']:.4f}"
    return f"Round {told['round']}: {dice} out of fold."


def _write(out: Path, rounds: list[dict[str, Any]]) -> None:
    facts = _facts(out) | {"rounds": rounds}
    with replacing(out / "run.json", SettingsError) as draft:
        draft.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
