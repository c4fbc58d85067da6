from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.store import Store


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsize: 128\ncrop: 64\naugmentation: {elastic: 0.05}\n", "utf-8")
    return path


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    return picture


def test_a_sheet_shows_each_case_and_its_crops_outlined(
    cohort_folder: Path, mine: Path, tmp_path: Path
):
    out = tmp_path / "sheet.png"
    done = call("preview", cohort_folder, "--recipe", mine, "--out", out, "--cases", 3, "--json")

    assert done.exit_code == 0, done.output
    cases = json.loads(done.stdout)["cases"]
    assert len(cases) == 3 and {"11", "12"} & {*cases} and {"21", "22"} & {*cases}
    picture = read(out)
    assert picture.shape[0] == 3 * (256 + 6 + 22)
    cells = [picture[22:278, 6 + 262 * at : 262 * (at + 1)] for at in range(7)]
    outlined = [(cell == (0, 158, 115)).all(2).mean() for cell in cells]
    assert outlined[0] > 0.005
    assert sum(share > 0.005 for share in outlined[1:]) >= 3
    assert not any(np.array_equal(cells[1], cell) for cell in cells[2:])


def test_the_seed_decides(cohort_folder: Path, mine: Path, tmp_path: Path):
    drawn = []
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        out = tmp_path / f"{name}.png"
        words = ("--out", out, "--cases", 2, "--seed", seed)
        assert call("preview", cohort_folder, "--recipe", mine, *words).exit_code == 0
        drawn.append(out.read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_sizes_are_shown_side_by_side(cohort_folder: Path, mine: Path, tmp_path: Path):
    mine.write_text("name: mine\nsize: 128\nsizes: [64, 128]\ncrop: 128\n", "utf-8")
    out = tmp_path / "sheet.png"
    assert (
        call("preview", cohort_folder, "--recipe", mine, "--out", out, "--cases", 1).exit_code == 0
    )
    picture = read(out)
    for at in range(1, 7):
        cell = picture[22:278, 6 + 262 * at : 262 * (at + 1)]
        # a crop of half the size leaves paper beside it
        assert bool((cell[140:] == 255).all()) == (at % 2 == 1)


def test_a_specialist_s_sheet_shows_its_organs_only(
    cohort_folder: Path, mine: Path, tmp_path: Path
):
    words = ("preview", cohort_folder, "--recipe", mine, "--out", tmp_path / "sheet.png")
    mine.write_text("name: mine\nsize: 128\ncrop: 64\norgans: [lung]\n", "utf-8")
    done = call(*words, "--cases", 4, "--json")
    assert json.loads(done.stdout)["cases"] == ["21", "22"]

    mine.write_text("name: mine\norgans: [spleen]\n", "utf-8")
    done = call(*words)
    assert done.exit_code == 1
    assert "has no labelled case of spleen that can be shown" in " ".join(done.stderr.split())


def test_accepted_masks_take_truth_s_place_where_asked(
    cohort_folder: Path, mine: Path, tmp_path: Path
):
    mine.write_text("name: mine\nsize: 128\ncrop: 64\norgans: [lung]\n", "utf-8")
    store = Store.for_cohort(cohort_folder)
    store.add("21", np.zeros((256, 256), np.uint8), tool="test", status="accepted")
    store.add("22", np.zeros((513, 333), np.uint8), tool="test", status="rejected")
    store.close()
    out = tmp_path / "sheet.png"

    def outlined(*words: object) -> tuple[list[str], bool]:
        done = call("preview", cohort_folder, "--recipe", mine, "--out", out, "--json", *words)
        return json.loads(done.stdout)["cases"], bool((read(out) == (0, 158, 115)).all(2).any())

    assert outlined() == (["21", "22"], True)
    assert outlined("--curated") == (["21"], False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: mine\naugmentation: {transfer: {references: nowhere}}\n",
         "nowhere: there are no references of `transfer`"),
        ("name: mine\npixel_size: 1\n", "case 22: has no pixel size"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(
    text: str, told: str, cohort_folder: Path, mine: Path, tmp_path: Path
):
    mine.write_text(text, "utf-8")
    done = call("preview", cohort_folder, "--recipe", mine, "--out", tmp_path / "sheet.png")
    assert done.exit_code == 1
    assert told in done.stderr.replace("\n", "")


def test_a_cohort_s_own_files_are_not_written_over(cohort_folder: Path, mine: Path):
    out = cohort_folder / "train.csv"
    before = out.read_bytes()
    assert call("preview", cohort_folder, "--recipe", mine, "--out", out).exit_code == 1
    assert out.read_bytes() == before
