from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cohorts import TRAIN
from trainer.cli import app
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.exchange import geojson
from trainer.data.findings import KINDS
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.data.tiff import write_mask
from trainer.metrics import dice

TRUTH = {one.id: one.mask for one in TRAIN}


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["findings", *(str(word) for word in words)])


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def others(cohort_folder: Path, tmp_path: Path) -> Path:
    """Other people's masks of all four cases, each in another format, some of them wrong."""
    folder = tmp_path / "others"
    folder.mkdir()
    lacking = TRUTH["11"].copy()
    lacking[150:] = 0
    write_mask(folder / "11.tiff", lacking * 255)
    extra = TRUTH["12"].copy()
    extra[10:20, 10:40] = 1
    cv2.imwrite(str(folder / "12.png"), extra * 255)
    geojson.write(folder, [(Cohort.open(cohort_folder).cases["21"], TRUTH["21"])])
    (folder / "22.json").write_text("[[[0, 0], [9, 0], [9, 4], [0, 4]]]")
    (folder / "notes.txt").write_text("by hand")
    (folder / "99.json").write_text("of another cohort")
    return folder


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    """Of three cases: sure of 12's truth, unsure of the left half of 11; 21 was trained on."""
    folder = Predictions.create(tmp_path / "predictions", {"threshold": 0.5})
    for case_id, in_sample in (("11", False), ("12", False), ("21", True)):
        probability = TRUTH[case_id] * np.uint8(204)
        probability[:, : 200 if case_id == "11" else 0] //= 4
        nothing = np.zeros_like(probability)
        shape = (probability.shape[0], probability.shape[1])
        folder.write(Prediction(case_id, probability, nothing, shape, in_sample))
    return folder


class TestAFolderOfMasks:
    def test_each_case_is_compared(self, cohort_folder: Path, others: Path):
        found = document(call(cohort_folder, "--first", "truth", "--second", others, "--json"))
        kinds = {
            one["case"]: [(place["kind"], place["area_px"]) for place in one["places"]]
            for one in found["cases"]
        }
        assert kinds == {
            "11": [("missed", int(TRUTH["11"][150:].sum()))],
            "12": [("spurious", 300)],
            "21": [],
            "22": [
                ("missed", int(TRUTH["22"][:300].sum())),
                ("missed", int(TRUTH["22"][300:].sum())),
                ("spurious", 50),
            ],
        }
        assert found["problems"] == []

    def test_organs_add_up(self, cohort_folder: Path, others: Path):
        found = document(call(cohort_folder, "--first", "truth", "--second", others, "--json"))
        rows = {row["organ"]: row for row in found["organs"]}
        assert [(name, row["cases"]) for name, row in rows.items()] == [
            ("kidney", 2),
            ("lung", 2),
            ("all", 4),
        ]
        for row in rows.values():
            assert tuple(row["losses"]) == KINDS
            lost = sum(loss["loss"] for loss in row["losses"].values())
            assert row["mean"] + lost == pytest.approx(1)
        scores = {one["case"]: one["dice"] for one in found["cases"]}
        assert rows["kidney"]["mean"] == pytest.approx((scores["11"] + scores["12"]) / 2)
        assert rows["lung"]["median"] == pytest.approx((scores["21"] + scores["22"]) / 2)
        assert rows["all"]["worst"] == [[case, scores[case]] for case in ("22", "11", "12")]
        assert rows["all"]["losses"]["missed"]["count"] == 3

    def test_the_table_names_organ_kind_and_worst(self, cohort_folder: Path, others: Path):
        shown = call(cohort_folder, "--first", "truth", "--second", others).stdout
        for word in ("kidney", "lung", *KINDS, "22 0.000"):
            assert word in shown

    def test_a_row_a_finding(self, cohort_folder: Path, others: Path, tmp_path: Path):
        out = tmp_path / "findings.csv"
        call(cohort_folder, "--first", "truth", "--second", others, "--csv", out)
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["case"] for row in rows] == ["11", "12", "22", "22", "22"]
        spurious = rows[1]
        box = [int(spurious[name]) for name in ("row", "column", "height", "width")]
        assert box == [10, 10, 10, 30]
        assert float(spurious["area_um2"]) == 300 / 4
        assert rows[2]["area_um2"] == ""
        assert float(spurious["loss"]) == pytest.approx(300 / (2 * TRUTH["12"].sum() + 300))
        assert [spurious[name] for name in ("organ", "kind", "confidence", "border")] == [
            "kidney",
            "spurious",
            "",
            "False",
        ]

    def test_images_need_not_be_there(self, cohort_folder: Path, others: Path):
        words = (cohort_folder, "--first", "truth", "--second", others, "--json")
        with_images = document(call(*words))
        for image in (cohort_folder / "train_images").iterdir():
            image.unlink()
        assert document(call(*words)) == with_images

    def test_without_image_and_size_a_case_is_told(self, cohort_folder: Path, others: Path):
        (cohort_folder / "train_images" / "11.tiff").unlink()
        table = cohort_folder / "train.csv"
        table.write_text(table.read_text("utf-8").replace("11,kidney,HPA,300", "11,kidney,HPA,"))
        done = call(cohort_folder, "--first", "truth", "--second", others, "--json")
        assert done.exit_code == 1
        assert [one["case"] for one in json.loads(done.stdout)["cases"]] == ["12", "21", "22"]
        assert done.stderr.count("11.tiff is missing") == 1

    @pytest.mark.parametrize(
        ("name", "content", "told"),
        [
            ("11.tiff", b"no tiff", "11.tiff"),
            ("12.png", b"no png", "12.png: is damaged or no png"),
            ("21.geojson", b"{}", "21.geojson: holds neither"),
            ("22.json", b"[", "22.json: cannot be read"),
        ],
    )
    def test_a_bad_mask_costs_its_case_alone(
        self, cohort_folder: Path, others: Path, name: str, content: bytes, told: str
    ):
        (others / name).write_bytes(content)
        done = call(cohort_folder, "--first", "truth", "--second", others, "--json")
        assert done.exit_code == 1
        assert told in done.stderr
        compared = [one["case"] for one in json.loads(done.stdout)["cases"]]
        assert compared == [one for one in TRUTH if not name.startswith(one)]

    def test_a_mask_of_another_size_is_told(self, cohort_folder: Path, others: Path):
        write_mask(others / "11.tiff", TRUTH["21"])
        done = call(cohort_folder, "--first", "truth", "--second", others)
        assert done.exit_code == 1
        assert "11: the mask is 256×256 px, the image 300×400 px (H×W)" in done.stderr

    def test_two_masks_of_a_case_are_told(self, cohort_folder: Path, others: Path):
        write_mask(others / "12.tif", TRUTH["12"])
        done = call(cohort_folder, "--first", "truth", "--second", others)
        assert done.exit_code == 1
        assert "case 12: has two masks, 12.png and 12.tif; take one away" in done.stderr

    def test_only_a_case(self, cohort_folder: Path, others: Path):
        words = ("--first", others, "--second", "truth", "--case", "12", "--json")
        (one,) = document(call(cohort_folder, *words))["cases"]
        assert (one["case"], one["places"][0]["kind"]) == ("12", "missed")


class TestPredictions:
    def test_truth_against_prediction(self, cohort_folder: Path, predictions: Predictions):
        words = ("--first", "truth", "--second", "prediction", "--predictions", predictions.folder)
        done = call(cohort_folder, *words, "--json")
        found = document(done)
        half: Mask = TRUTH["11"].copy()
        half[:, :200] = 0
        assert {one["case"]: one["dice"] for one in found["cases"]} == {
            "11": dice(TRUTH["11"], half),
            "12": 1.0,
        }
        assert "1 cases were seen in training and are left out" in done.stderr
        (missed,) = found["cases"][0]["places"]
        assert missed["confidence"] == pytest.approx(0.8)

    def test_confidence_in_other_people_s_masks(
        self, cohort_folder: Path, predictions: Predictions, others: Path
    ):
        words = ("--first", "truth", "--second", others, "--predictions", predictions.folder)
        cases = document(call(cohort_folder, *words, "--json"))["cases"]
        told = {one["case"]: [place["confidence"] for place in one["places"]] for one in cases}
        assert told["11"] == [pytest.approx(0.2)]
        assert told["12"] == [0]
        assert told["22"] == [None] * 3

    def test_of_what_was_trained_on_nobody_is_confident(
        self, cohort_folder: Path, predictions: Predictions, others: Path
    ):
        write_mask(others / "21.tiff", 1 - TRUTH["21"])
        (others / "21.geojson").unlink()
        words = ("--first", "truth", "--second", others, "--predictions", predictions.folder)
        (one,) = document(call(cohort_folder, *words, "--case", "21", "--json"))["cases"]
        assert [place["confidence"] for place in one["places"]] == [None, None]


def test_curated_against_truth(cohort_folder: Path):
    mended = TRUTH["12"].copy()
    mended[:20, :20] = 1
    Store.for_cohort(cohort_folder).add("12", mended, tool="brush")
    words = ("--first", "curated", "--second", "truth", "--json")
    done = call(cohort_folder, *words)
    assert "4 of 5 cases lack one of the masks and are left out" in done.stderr
    (one,) = document(done)["cases"]
    assert [(place["kind"], place["border"]) for place in one["places"]] == [("missed", True)]


def test_without_curated_masks_there_is_nothing_to_compare(cohort_folder: Path):
    before = set(cohort_folder.iterdir())
    done = call(cohort_folder, "--first", "truth", "--second", "curated")
    assert done.exit_code == 1
    assert "has no curated masks" in done.stderr
    assert set(cohort_folder.iterdir()) == before


def test_no_case_in_common_is_told(cohort_folder: Path, tmp_path: Path):
    done = call(cohort_folder, "--first", "truth", "--second", tmp_path)
    assert done.exit_code == 1
    assert "no case has both masks" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--first", "truth", "--second", "truth"), "no difference"),
        (("--first", "truth", "--second", "prediction"), "needs --predictions"),
        (("--first", "truth", "--second", "nowhere"), "no folder nowhere"),
        (("--first", "truth", "--second", "curated", "--case", "7"), "no case 7"),
    ],
)
def test_a_wrong_call(cohort_folder: Path, words: tuple[str, ...], told: str):
    done = call(cohort_folder, *words)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", "").split())


def test_a_cohort_s_own_table_is_not_written_over(cohort_folder: Path, others: Path):
    table = cohort_folder / "train.csv"
    before = table.read_bytes()
    done = call(cohort_folder, "--first", "truth", "--second", others, "--csv", table)
    assert done.exit_code == 1
    assert "belongs to the cohort" in done.stderr
    assert table.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_told_to_stop_it_says_so_and_writes_nothing(
    cohort_folder: Path, others: Path, tmp_path: Path
):
    (others / "11.tiff").unlink()
    os.mkfifo(others / "11.json")
    out = tmp_path / "findings.csv"
    words = [cohort_folder, "--first", "truth", "--second", others, "--csv", out]
    command = [sys.executable, "-m", "trainer.cli", "findings", *map(str, words)]
    # A shell's background jobs, and so their children, begin with Ctrl+C ignored.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    ) as comparing:
        with (others / "11.json").open("w") as pipe:  # opens as soon as it is read
            comparing.send_signal(signal.SIGINT)
            pipe.write("[]")
        shown, told = comparing.communicate(timeout=60)
    assert shown == ""
    assert told.endswith("\nStopped.\n")
    assert comparing.returncode == 1
    assert not out.exists()


OFFICIAL = "hubmap_2022_train_reconstructed.csv.gz"
REDRAWN = "hubmap_2022_redrawn_annotations.zip"


@pytest.mark.realdata
@pytest.mark.slow
def test_official_against_redrawn_masks(real_data: Path, tmp_path: Path):
    """Without one image: masks of the competition, and as the 8th-placed team redrew them."""
    redrawn = tmp_path / "redrawn"
    redrawn.mkdir()
    with zipfile.ZipFile(real_data / REDRAWN) as archive:
        names = [Path(name) for name in archive.namelist() if name.endswith(".json")]
        for name in names:
            (redrawn / name.name).write_bytes(archive.read(name.as_posix()))
    rows = pd.read_csv(real_data / OFFICIAL, dtype=str, keep_default_na=False)
    rows[rows["id"].isin(name.stem for name in names)].to_csv(tmp_path / "train.csv", index=False)

    found = document(call(tmp_path, "--first", "truth", "--second", redrawn, "--json"))
    figures = {
        row["organ"]: (row["cases"], round(row["mean"], 3), round(row["median"], 3))
        for row in found["organs"]
    }
    # of all 189, 61 of which are not at hand: lung 0.504, prostate 0.841, spleen 0.883
    assert figures == {
        "lung": (32, 0.485, 0.582),
        "prostate": (62, 0.882, 0.934),
        "spleen": (34, 0.892, 0.893),
        "all": (128, 0.785, 0.895),
    }
    kinds = {
        row["organ"]: [one["count"] for one in row["losses"].values()] for row in found["organs"]
    }
    assert kinds == {
        "lung": [28, 49, 0, 6, 74],
        "prostate": [11, 113, 60, 25, 461],
        "spleen": [0, 0, 4, 1, 98],
        "all": [39, 162, 64, 32, 633],
    }
