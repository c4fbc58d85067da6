from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.data.case import Image, Mask
from trainer.data.cohort import Cohort
from trainer.errors import CohortError, ImageError, MaskError

if TYPE_CHECKING:
    from conftest import CohortMaker


def only_problem(cohort: Cohort) -> str:
    (problem,) = cohort.problems
    return str(problem)


class TestSound:
    def test_a_case_and_all_that_is_known_of_it(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17").write())
        case = cohort.cases["17"]
        assert (case.organ, case.data_source, case.sex, case.split, case.row) == (
            "kidney", "HPA", "Female", "train", 2,
        )  # fmt: skip
        assert (case.height, case.width, case.pixel_size, case.age) == (*maker.shape, 0.4, 61.0)
        assert case.has_truth
        assert case.problem is None
        assert cohort.problems == ()
        assert cohort.csv == maker.folder / "train.csv"

    def test_image_truth_and_digest(self, maker: CohortMaker, unit: Mask, picture: Image):
        cohort = Cohort.open(maker.add("16", rle="1 2").add("17").write())
        assert np.array_equal(cohort.image("17"), picture)
        assert cohort.shape("17") == maker.shape
        assert np.array_equal(cohort.truth("17"), unit)
        data = (maker.folder / "train_images" / "17.tiff").read_bytes()
        assert cohort.digest("17") == hashlib.blake2b(data, digest_size=16).hexdigest()

    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_every_row_s_truth_is_its_own(self, maker: CohortMaker, newline: str):
        for number in range(1, 60):
            maker.add(str(number), rle=f"{number} 1")
        path = maker.write() / "train.csv"
        path.write_text(path.read_text(), newline=newline)
        cohort = Cohort.open(path)
        for case_id in cohort.cases:
            truth = cohort.truth(case_id)
            assert truth is not None
            assert np.flatnonzero(truth.T).tolist() == [int(case_id) - 1]

    @pytest.mark.parametrize("name", ["", "train.csv", "test.csv"])
    def test_folder_or_csv(self, maker: CohortMaker, name: str):
        maker.add("17").write()
        (maker.folder / "test.csv").write_text("id,organ\n99,lung\n")
        (maker.folder / "test_images").mkdir()
        cohort = Cohort.open(maker.folder / name)
        assert list(cohort.cases) == ["17", "99"]
        assert cohort.cases["99"].split == "test"
        assert cohort.csv.name == "train.csv"

    def test_test_csv_alone(self, maker: CohortMaker):
        (maker.folder / "train_images").rename(maker.folder / "test_images")
        (maker.folder / "test.csv").write_text(
            "id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness\n"
            "10078,spleen,Hubmap,2023,2023,0.4945,4\n"
        )
        cohort = Cohort.open(maker.folder)
        assert cohort.csv.name == "test.csv"
        assert not cohort.cases["10078"].has_truth

    def test_empty_metadata_is_normal(self, maker: CohortMaker, unit: Mask):
        empty = dict.fromkeys(set(maker.columns) - {"id", "rle"}, "")
        cohort = Cohort.open(maker.add("17", **empty).write())
        case = cohort.cases["17"]
        assert (case.organ, case.height, case.pixel_size, case.sex) == ("", None, None, None)
        assert np.array_equal(cohort.truth("17"), unit)
        assert cohort.problems == ()

    def test_age_0_is_an_age(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17", age="0").write())
        assert cohort.cases["17"].age == 0
        assert cohort.problems == ()

    def test_a_short_file_ending(self, maker: CohortMaker):
        images = maker.add("17").write() / "train_images"
        (images / "17.tiff").rename(images / "17.tif")
        assert Cohort.open(maker.folder).image("17").shape == (*maker.shape, 3)

    def test_unnamed_columns_are_passed_over(self, maker: CohortMaker):
        path = maker.add("17").write() / "train.csv"
        header, row = path.read_text().splitlines()
        path.write_text(f"{header},,\n{row},x,\n")
        assert list(Cohort.open(path).cases) == ["17"]

    def test_an_unknown_organ_is_kept(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17", organ="pancreas").write())
        assert cohort.cases["17"].organ == "pancreas"
        assert cohort.problems == ()

    def test_columns_may_come_in_any_order(self, maker: CohortMaker, unit: Mask):
        cohort = Cohort.open(maker.add("17").write(columns=[*reversed(maker.columns)]))
        assert cohort.cases["17"].pixel_size == 0.4
        assert np.array_equal(cohort.truth("17"), unit)

    @pytest.mark.parametrize("change", ["bom", "crlf", "quotes", "blank lines", "quoted break"])
    def test_other_programs_csv(self, maker: CohortMaker, change: str, unit: Mask):
        maker.add("16", data_source="a source").add("17").write()
        path = maker.folder / "train.csv"
        text = path.read_text()
        changed = {
            "bom": "\ufeff" + text,
            "crlf": text.replace("\n", "\r\n"),
            "quotes": "\n".join(
                ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
            ),
            "blank lines": text.replace("\n", "\n\n"),
            "quoted break": text.replace("a source", '"HPA,\nthe ""atlas"""'),
        }[change]
        path.write_bytes(changed.encode())
        cohort = Cohort.open(path)
        assert list(cohort.cases) == ["16", "17"]
        assert np.array_equal(cohort.truth("17"), unit)
        assert cohort.cases["17"].row == (5 if change == "blank lines" else 3)

    def test_truth_from_an_annotation_where_rle_is_empty(self, maker: CohortMaker):
        folder = maker.add("17", rle="").add("18", rle="").write()
        (folder / "train_annotations").mkdir()
        square = [[[2, 3], [5, 3], [5, 6], [2, 6]]]
        (folder / "train_annotations" / "17.json").write_text(json.dumps(square))
        cohort = Cohort.open(folder)
        assert np.argwhere(cohort.truth("17")).min(axis=0).tolist() == [3, 2]
        assert cohort.truth("17").sum() == 16
        assert not cohort.cases["18"].has_truth
        assert cohort.truth("18") is None


class TestBad:
    def test_no_csv(self, tmp_path: Path):
        with pytest.raises(CohortError, match=r"neither train\.csv nor test\.csv; choose a folder"):
            Cohort.open(tmp_path)

    def test_no_folder(self, tmp_path: Path):
        with pytest.raises(CohortError, match="none: there is no such file or folder"):
            Cohort.open(tmp_path / "none")

    def test_another_file(self, maker: CohortMaker):
        maker.add("17").write(name="cases.csv")
        with pytest.raises(CohortError, match=r"cases\.csv: is not a cohort's csv; name its"):
            Cohort.open(maker.folder / "cases.csv")

    def test_missing_columns_are_named(self, maker: CohortMaker):
        columns = [name for name in maker.columns if name not in ("organ", "rle")]
        maker.add("17").write(columns)
        with pytest.raises(CohortError, match=r"train\.csv, row 1: the columns organ, rle are"):
            Cohort.open(maker.folder)

    def test_an_empty_csv(self, maker: CohortMaker):
        (maker.folder / "train.csv").write_text("")
        with pytest.raises(CohortError, match="columns id, organ, rle are missing"):
            Cohort.open(maker.folder)

    def test_a_column_twice(self, maker: CohortMaker):
        maker.add("17").write([*maker.columns, "organ"])
        with pytest.raises(CohortError, match="the column organ is there twice"):
            Cohort.open(maker.folder)

    def test_missing_metadata_columns_are_told(self, maker: CohortMaker, unit: Mask):
        cohort = Cohort.open(maker.add("17").write(["id", "organ", "rle"]))
        assert "row 1: has no img_height, img_width, pixel_size" in only_problem(cohort)
        assert np.array_equal(cohort.truth("17"), unit)

    def test_of_duplicate_ids_the_first_is_kept(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17").add("17", organ="lung").add("18").write())
        assert list(cohort.cases) == ["17", "18"]
        assert cohort.cases["17"].organ == "kidney"
        told = "train.csv, row 3: the id 17 is already in train.csv row 2: left out; give each"
        assert told in only_problem(cohort)

    def test_a_missing_image_is_kept_and_told(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17", image=False).add("18").write())
        assert "row 2, case 17: its image train_images" in only_problem(cohort)
        assert cohort.cases["17"].problem is not None
        for ask in (cohort.image, cohort.truth, cohort.digest):
            with pytest.raises(ImageError, match=r"case 17: its image .* is missing"):
                ask("17")
        assert cohort.image("18").shape == (*maker.shape, 3)

    @pytest.mark.parametrize("case_id", ["", "../17", "a/b", "a\\b", "..", "é" * 101, "a\tb"])
    def test_an_id_that_cannot_name_a_file_is_left_out(self, maker: CohortMaker, case_id: str):
        cohort = Cohort.open(maker.add(case_id, image=False).add("18").write())
        assert list(cohort.cases) == ["18"]
        assert "row 2: the id" in only_problem(cohort)

    def test_a_row_of_another_length_is_left_out(self, maker: CohortMaker):
        path = maker.add("17").write() / "train.csv"
        path.write_text(path.read_text() + "18,lung\n")
        cohort = Cohort.open(path)
        assert list(cohort.cases) == ["17"]
        assert "row 3: has 2 cells, the header 10: left out" in only_problem(cohort)

    @pytest.mark.parametrize("text", ["tall", "-3", "nan", "inf", "0"])
    def test_a_bad_number_is_unknown_and_told(self, maker: CohortMaker, text: str):
        cohort = Cohort.open(maker.add("17", img_height=text, pixel_size="0.5").write())
        assert cohort.cases["17"].height is None
        assert cohort.cases["17"].pixel_size == 0.5
        assert f"row 2, case 17: img_height is {text!r}, wanted a pos" in only_problem(cohort)

    def test_a_truncated_tiff(self, maker: CohortMaker):
        folder = maker.add("17").write()
        path = folder / "train_images" / "17.tiff"
        path.write_bytes(path.read_bytes()[:5000])
        cohort = Cohort.open(folder)
        for ask in (cohort.image, cohort.truth):
            with pytest.raises(ImageError, match=r"17\.tiff, case 17: is cut off.*; get the file"):
                ask("17")

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("4800 2", r"pair 1 \(4800 2\) ends past the last of 60×80 = 4800 pixels"),
            ("1 2 3", "an odd count"),
            ("1 two", "holds 'two'"),
            ("1 5 3 2", "overlaps"),
        ],
    )
    def test_bad_run_lengths(self, maker: CohortMaker, text: str, told: str):
        cohort = Cohort.open(maker.add("16").add("17", rle=text).write())
        with pytest.raises(MaskError, match=told) as caught:
            cohort.truth("17")
        assert (caught.value.row, caught.value.case) == (3, "17")
        assert str(caught.value).startswith(f"{maker.folder / 'train.csv'}, row 3, case 17: ")
        assert str(caught.value).endswith("; correct its rle, or empty the cell.")

    @pytest.mark.parametrize("name", ["img_height", "img_width"])
    def test_wrong_height_or_width(self, maker: CohortMaker, name: str):
        cohort = Cohort.open(maker.add("17", **{name: "61"}).write())
        with pytest.raises(
            MaskError, match=rf"row 2, case 17: {name} is 61, but 17\.tiff is 60×80"
        ):
            cohort.truth("17")
        assert cohort.image("17").shape == (*maker.shape, 3)

    @pytest.mark.parametrize("has_truth", [True, False])
    def test_a_wrong_size_is_told_with_and_without_a_mask(
        self, maker: CohortMaker, has_truth: bool
    ):
        cells = {} if has_truth else {"rle": ""}
        cohort = Cohort.open(maker.add("16", **cells).add("17", img_width="81", **cells).write())
        assert cohort.misfit("16") is None
        with pytest.raises(MaskError, match=r"row 3, case 17: img_width is 81, but .*; correct"):
            cohort.truth("17")
        assert "img_width is 81" in str(cohort.misfit("17"))

    @pytest.mark.parametrize("text", ["60.5", "6_0", "1e300"])
    def test_a_size_that_is_no_whole_number_is_unknown_and_told(
        self, maker: CohortMaker, text: str
    ):
        cohort = Cohort.open(maker.add("17", img_height=text).write())
        assert cohort.cases["17"].height is None
        assert f"img_height is {text!r}, wanted a positive whole number" in only_problem(cohort)

    def test_a_header_without_rows_is_told(self, maker: CohortMaker):
        assert "train.csv: has no rows; add" in only_problem(Cohort.open(maker.write()))

    @pytest.mark.parametrize(
        ("sep", "end", "told"),
        [(";", "\n", "save it with commas"), ("\t", "\n", "save it with commas"),
         (",", "\r", "lines end in CR alone; save it with LF")],
    )  # fmt: skip
    def test_another_kind_of_table(self, maker: CohortMaker, sep: str, end: str, told: str):
        path = maker.add("17").write() / "train.csv"
        text = path.read_text().replace(",", sep).replace("\n", end)
        path.write_text(text, newline="")
        with pytest.raises(CohortError, match=told):
            Cohort.open(path)

    def test_a_quote_that_nothing_closes_costs_its_row_alone(self, maker: CohortMaker, unit: Mask):
        maker.add("16").add("17", data_source='"HPA').add("18").add("19").write()
        cohort = Cohort.open(maker.folder)
        assert list(cohort.cases) == ["16", "18", "19"]
        assert "row 3: has 3 cells, the header 10: left out" in only_problem(cohort)
        assert np.array_equal(cohort.truth("19"), unit)

    def test_what_is_missing_is_told_in_the_same_words_when_asked_for(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17", image=False).write())
        with pytest.raises(ImageError) as caught:
            cohort.image("17")
        assert str(caught.value) == only_problem(cohort)

    def test_a_bad_annotation(self, maker: CohortMaker):
        folder = maker.add("17", rle="").write()
        (folder / "train_annotations").mkdir()
        (folder / "train_annotations" / "17.json").write_text("{")
        with pytest.raises(MaskError, match=r"17\.json: cannot be read"):
            Cohort.open(folder).truth("17")

    def test_bytes_that_are_no_text(self, maker: CohortMaker):
        path = maker.add("17").write() / "train.csv"
        path.write_bytes(path.read_bytes().replace(b"HPA", b"\xff\xfe"))
        with pytest.raises(CohortError, match="row 2: is not UTF-8"):
            Cohort.open(path)

    def test_a_csv_that_changed_meanwhile(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17").write())
        maker.add("18").write()
        with pytest.raises(CohortError, match="has changed since it was opened; open the cohort"):
            cohort.truth("17")

    def test_a_csv_that_is_gone(self, maker: CohortMaker):
        cohort = Cohort.open(maker.add("17").write())
        cohort.csv.unlink()
        with pytest.raises(CohortError, match="has changed since it was opened"):
            cohort.truth("17")

    def test_an_unknown_id(self, maker: CohortMaker):
        with pytest.raises(CohortError, match="there is no case 99"):
            Cohort.open(maker.add("17").write()).image("99")


def test_10_000_rows_leave_their_run_lengths_on_disk(maker: CohortMaker):
    text = " ".join(f"{start} 20" for start in range(1, 60_000, 60))
    cells = f"kidney,HPA,3000,3000,0.4,4,{text},61.0,Male\n"
    with (maker.folder / "train.csv").open("w") as file:
        file.write(",".join(maker.columns) + "\n")
        file.writelines(f"{number},{cells}" for number in range(10_000))
    for number in range(10_000):
        (maker.folder / "train_images" / f"{number}.tiff").touch()
    tracemalloc.start()
    cohort = Cohort.open(maker.folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cohort.cases) == 10_000
    assert (maker.folder / "train.csv").stat().st_size > 80e6
    assert peak < 25e6
