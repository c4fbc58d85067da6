"""What a recipe shows its network, drawn by a process, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from hubmap_viewer.engine import Engine
from hubmap_viewer.recipe_preview import Drawn, drawing_steps
from trainer.cli import app
from trainer.data.store import Store
from trainer.errors import Cancelled, TrainerError

RECIPE = "name: mine\nsize: 128\ncrop: 64\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE, "utf-8")
    return path


def drawn(
    engine: Engine, cohort: Path, recipe: Path, seed: int | None = None, curated: bool = False
) -> list[Drawn]:
    work = drawing_steps(engine, cohort / "train.csv", recipe, curated, seed)
    return list(work(lambda: False))


def test_the_window_sees_what_the_command_draws(
    engine: Engine, cohort_folder: Path, mine: Path, tmp_path: Path
) -> None:
    found = drawn(engine, cohort_folder, mine, seed=4)
    out = tmp_path / "sheet.png"
    words = ("preview", cohort_folder, "--recipe", mine, "--out", out, "--seed", 4)
    assert CliRunner().invoke(app, [str(word) for word in words]).exit_code == 0
    sheet = cv2.imread(str(out), cv2.IMREAD_COLOR_RGB)
    assert sheet is not None
    assert [one.case_id for one in found] == ["11", "12", "21", "22"]
    for row, one in enumerate(found):
        for column, picture in enumerate(one.pictures):
            height, width = picture.shape[:2]
            top, left = 284 * row + 22, 262 * column + 6
            assert np.array_equal(sheet[top : top + height, left : left + width], picture)


def test_accepted_masks_are_drawn_where_asked(
    engine: Engine, cohort_folder: Path, mine: Path
) -> None:
    store = Store.for_cohort(cohort_folder)
    store.add("12", np.zeros((300, 400), np.uint8), tool="test", status="accepted")
    store.close()

    def outlined(curated: bool) -> bool:
        found = {one.case_id: one for one in drawn(engine, cohort_folder, mine, curated=curated)}
        return bool((found["12"].pictures[0] == (0, 158, 115)).all(2).any())

    assert outlined(False)
    assert not outlined(True)


def test_a_case_that_cannot_be_read_is_told_and_the_others_drawn(
    engine: Engine, cohort_folder: Path, mine: Path
) -> None:
    mine.write_text("name: mine\npixel_size: 2\ncrop: 64\n", "utf-8")
    found = drawn(engine, cohort_folder, mine)
    assert [one.case_id for one in found if one.pictures] == ["11", "12", "21"]
    assert "case 22: has no pixel size" in found[0].problem


def test_what_is_wrong_is_one_sentence_and_a_drawing_can_be_left(
    engine: Engine, cohort_folder: Path, mine: Path
) -> None:
    mine.write_text("name: mine\norgans: [spleen]\n", "utf-8")
    with pytest.raises(TrainerError, match="no labelled case of spleen that can be shown"):
        drawn(engine, cohort_folder, mine)
    mine.write_text(RECIPE, "utf-8")
    with pytest.raises(Cancelled):
        list(drawing_steps(engine, cohort_folder / "train.csv", mine, False, None)(lambda: True))
