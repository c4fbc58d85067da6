"""A whole study with a network that learns next to nothing: its book-keeping."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from small_nets import TINY
from trainer.data.cohort import Cohort
from trainer.errors import SettingsError
from trainer.settings import Recipe, Training
from trainer.study.loop import CLEAN, ORDERS, Plan, Point, at_random, recovered, run
from trainer.study.loop_plot import draw
from trainer.study.spoiled import ANSWERS, spoil
from trainer.train.progress import Progress

RECIPE = Recipe(
    name="tiny", network=TINY, size=64, crop=64, folds=2, epochs=1, batch_size=2,
    training=Training(precision="fp32"),
)  # fmt: skip
PLAN = Plan(RECIPE, share=0.34, repaired=(0.0, 0.5), seeds=(4,))


def revisions(folder: Path) -> set[str]:
    return set(json.loads((folder / "run.json").read_text("utf-8"))["revisions"])


def answers(folder: Path) -> Counter[str]:
    """Corrupted units by case."""
    with (folder / "cohort" / ANSWERS).open(newline="") as file:
        return Counter(row["id"] for row in csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.usefixtures("short_epochs")
def test_every_order_repairs_as_many_cases_and_pays_for_what_it_opens(
    cohort: Cohort, tmp_path: Path
):
    out = tmp_path / "study"
    points = run(cohort, PLAN, out)

    assert [(one.seed, one.order, one.share) for one in points] == [
        (4, order, share)
        for order, share in (("", 0.0), (CLEAN, 1.0), *((order, 0.5) for order in ORDERS))
    ]
    for point in points:
        folder = out / f"seed{point.seed}"
        units = answers(folder)
        name = f"{point.order.replace(' ', '-')}-{point.share:g}" if point.order else "run"
        opened = revisions(folder / name)
        wrong = opened & units.keys()
        assert (point.cases, point.wrong) == (round(point.share * 6), len(wrong))
        assert len(opened) == point.cases
        assert point.actions == len(opened) + sum(units[case_id] for case_id in wrong)
        assert 0 <= point.dice <= 1
        assert (point.labels == 1) == (units.keys() <= opened)
    nothing, *others = [one.labels for one in points]
    assert min(others) >= nothing > 0.5
    with (out / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["dice"]) for row in rows] == [one.dice for one in points]

    draw(points, out / "curve.png")
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")

    heard: list[Progress] = []
    assert run(cohort, PLAN, out, heard.append) == points
    assert not [one for one in heard if one.stage == "training" and one.remark is None]
    with pytest.raises(SettingsError, match="holds another study"):
        run(cohort, Plan(RECIPE, share=0.2), out)


def test_the_random_order_knows_nothing_of_what_was_corrupted(cohort: Cohort, tmp_path: Path):
    ids = list(cohort.cases)
    found = 0
    for seed in range(12):
        wrong = spoil(cohort, tmp_path / str(seed), 0.34, seed)
        found += len(wrong.keys() & set(at_random(ids, seed)[:2]))
    assert 2 <= found <= 14


def test_what_is_recovered_is_the_share_of_what_sound_labels_give():
    def point(order: str, dice: float, seed: int = 0) -> Point:
        return Point(seed, order, 0.1, 1, 1, 3, 0.95, dice)

    base, half, clean = point("", 0.8), point("random", 0.85), point(CLEAN, 0.9)
    assert recovered([base, half, clean], half) == pytest.approx(0.5)
    assert recovered([base, half, point(CLEAN, 0.8)], half) is None
    assert recovered([point("", 0.1, 1), half, clean], half) is None
