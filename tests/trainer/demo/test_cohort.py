from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from trainer.data import rle
from trainer.data.case import ORGANS
from trainer.data.cohort import Cohort
from trainer.demo.__main__ import main
from trainer.demo.cohort import LARGE, plan
from trainer.demo.section import draw_section
from trainer.locate import resource

SMALL = ["--seed", "3", "--cases-per-organ", "1", "--size", "160"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "cohort"
    assert main([*SMALL, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def bundled() -> Cohort:
    return Cohort.open(resource("demo/cohort"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(drawn, tmp_path):
    main([*SMALL, "--out", str(tmp_path)])
    assert contents(tmp_path) == contents(drawn)


def test_a_drawn_cohort_opens_without_problems(drawn):
    cohort = Cohort.open(drawn)
    assert cohort.problems == ()
    assert sorted(case.organ for case in cohort.cases.values()) == sorted(ORGANS)
    for case in cohort.cases.values():
        assert cohort.image(case.id).shape == (160, 160, 3)
        truth = cohort.truth(case.id)
        assert truth is not None
        assert truth.any()


def test_every_field_is_as_wide(drawn):
    for case in Cohort.open(drawn).cases.values():
        assert case.pixel_size is not None
        assert case.width is not None
        assert case.pixel_size * case.width == pytest.approx(1200, rel=1e-3)


def test_a_wrong_call_ends_with_status_2(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--size", "5", "--out", str(tmp_path)])
    assert "size" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*SMALL, "--out", str(tmp_path / "file" / "cohort")]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "cannot be written" in told


def test_the_bundled_cohort_has_what_it_shows(bundled):
    assert bundled.problems == ()
    labelled = [case for case in bundled.cases.values() if case.split == "train"]
    organs = [case.organ for case in labelled]
    assert all(organs.count(organ) >= 2 for organ in ORGANS)
    assert {case.data_source for case in labelled} >= {"HPA", "Hubmap", None}
    assert [case.height for case in labelled].count(LARGE) == 1
    assert [case.split for case in bundled.cases.values()].count("test") == 2


def test_the_bundled_cohort_is_what_the_readme_says_draws_it(bundled):
    order = next(order for order in plan(2022, 3, 1000, showcase=True) if order.organ == "spleen")
    section = draw_section(order.organ, order.source, order.size, order.seed)
    assert np.array_equal(bundled.truth(order.id), section.units > 0)
    difference = np.abs(bundled.image(order.id).astype(int) - section.image).mean()
    assert difference < 8  # grey levels that JPEG may cost


def test_exact_truths_are_kept_for_the_wrong_ones(bundled):
    with (bundled.folder / "unspoilt.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    for row in rows:
        truth = bundled.truth(row["id"])
        assert truth is not None
        exact = rle.decode(row["rle"], truth.shape)
        assert exact.any()
        assert not np.array_equal(exact, truth)


def test_the_demo_weighs_less_than_ten_megabytes():
    weights = [file.stat().st_size for file in resource("demo").rglob("*") if file.is_file()]
    assert sum(weights) < 10e6
