from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from trainer.data import contours, rle, tiff
from trainer.data.case import Case, Mask
from trainer.data.exchange import coco, geojson, mask_files, rle_csv
from trainer.errors import CohortError, ExportError, MaskError

if TYPE_CHECKING:
    from conftest import Disk

Write = Callable[[Path, list[tuple[Case, Mask]]], None]

WRITERS: dict[str, Write] = {
    "rle": rle_csv.write,
    "tiff": partial(mask_files.write, kind="tiff"),
    "png": partial(mask_files.write, kind="png"),
    "ome-tiff": partial(mask_files.write, kind="ome-tiff"),
    "geojson": geojson.write,
    "coco": coco.write,
}


def names(folder: Path) -> list[str]:
    """Of all that a folder holds, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def items(case: Case, unit: Mask) -> list[tuple[Case, Mask]]:
    noise = np.random.default_rng(0).integers(0, 2, (50, 30), np.uint8)
    empty = np.zeros((8, 9), np.uint8)
    return [
        (case, unit),
        (replace(case, id="18", organ="spleen"), noise),
        (replace(case, id="19", pixel_size=None), empty),
    ]


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {str(file): file.read_bytes() for file in files if file.is_file()}


class TestRleCsv:
    def test_the_competition_s_form(self, tmp_path: Path, case: Case):
        mask = np.zeros((3, 4), np.uint8)
        mask[1:, 0] = 1
        rle_csv.write(tmp_path / "s.csv", [(case, mask), (replace(case, id="18"), mask * 0)])
        assert (tmp_path / "s.csv").read_bytes() == b"id,rle\n17,2 2\n18,\n"

    def test_it_reads_back_to_the_masks(self, tmp_path: Path, items: list):
        rle_csv.write(tmp_path / "s.csv", items)
        texts = rle_csv.read(tmp_path / "s.csv")
        assert list(texts) == ["17", "18", "19"]
        for case, mask in items:
            assert np.array_equal(rle.decode(texts[case.id], mask.shape), mask)
        rle_csv.verify(tmp_path / "s.csv", items)

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("\n18,", "\n20,", "case 18: is missing"),
            ("\n17,", "\n17,9999 1 ", "case 17: run lengths: pair 1"),
            ("\n19,", "\n19,3 1", "case 19: does not read back to its mask"),
        ],
    )
    def test_verify_finds_a_difference(self, tmp_path: Path, items, old: str, new: str, told: str):
        path = tmp_path / "s.csv"
        rle_csv.write(path, items)
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(ExportError, match=told):
            rle_csv.verify(path, items)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "has the columns none; give it id,rle"),
            ("id,mask\n1,1 2\n", "has the columns id, mask"),
            ("id,rle\n1,1 2\n1,\n", "row 3: the id 1 is there twice"),
            ("id,rle\n1\n", "row 2: has 1 cells, the header 2"),
        ],
    )
    def test_other_files_are_refused(self, tmp_path: Path, text: str, told: str):
        (tmp_path / "s.csv").write_text(text)
        with pytest.raises(MaskError, match=told):
            rle_csv.read(tmp_path / "s.csv")

    def test_a_missing_file_is_refused(self, tmp_path: Path):
        with pytest.raises(CohortError, match=r"none\.csv: cannot be read"):
            rle_csv.read(tmp_path / "none.csv")


class TestMaskFiles:
    @pytest.mark.parametrize("kind", ["tiff", "ome-tiff"])
    def test_tiffs_read_back(self, tmp_path: Path, items: list, kind):
        mask_files.write(tmp_path / "masks", items, kind)
        for case, mask in items:
            path = tmp_path / "masks" / f"{case.id}{mask_files.ENDINGS[kind]}"
            assert np.array_equal(tiff.read_mask(path), mask)
        assert len(list((tmp_path / "masks").iterdir())) == 3

    def test_pngs_read_back_and_are_seen(self, tmp_path: Path, items: list):
        mask_files.write(tmp_path / "masks", items, "png")
        for case, mask in items:
            seen = cv2.imread(str(tmp_path / "masks" / f"{case.id}.png"), cv2.IMREAD_GRAYSCALE)
            assert np.array_equal(seen, mask * 255)

    def test_other_files_of_the_folder_stay(self, tmp_path: Path, items: list):
        (tmp_path / "17.tiff").write_bytes(b"old")
        (tmp_path / "notes.txt").write_text("mine")
        mask_files.write(tmp_path, items)
        assert (tmp_path / "notes.txt").read_text() == "mine"
        assert tiff.read_mask(tmp_path / "17.tiff").shape == items[0][1].shape


class TestGeojson:
    def test_masks_and_organs_come_back(self, tmp_path: Path, items: list):
        geojson.write(tmp_path / "out", items)
        for case, mask in items:
            path = tmp_path / "out" / f"{case.id}.geojson"
            assert np.array_equal(contours.read_annotation(path, mask.shape), mask)
            for feature in json.loads(path.read_text())["features"]:
                assert feature["properties"]["classification"]["name"] == case.organ
                assert all(ring[0] == ring[-1] for ring in feature["geometry"]["coordinates"])

    def test_a_hole_is_a_second_ring(self, tmp_path: Path, items: list):
        geojson.write(tmp_path, items[:1])
        (feature,) = json.loads((tmp_path / "17.geojson").read_text())["features"]
        assert len(feature["geometry"]["coordinates"]) == 2


class TestCoco:
    def test_units_decode_to_the_masks(self, tmp_path: Path, items: list):
        coco.write(tmp_path / "c.json", items)
        content = json.loads((tmp_path / "c.json").read_text())
        assert [image["id"] for image in content["images"]] == [1, 2, 3]
        assert {kind["name"] for kind in content["categories"]} == {"lung", "spleen"}
        ids = [unit["id"] for unit in content["annotations"]]
        assert len(set(ids)) == len(ids)
        for image, (_, mask) in zip(content["images"], items, strict=True):
            assert (image["height"], image["width"]) == mask.shape
            units = [unit for unit in content["annotations"] if unit["image_id"] == image["id"]]
            decoded = np.zeros_like(mask)
            for unit in units:
                piece = self.decode(unit["segmentation"])
                x, y, width, height = cv2.boundingRect(piece)
                assert unit["bbox"] == [x, y, width, height]
                assert unit["area"] == piece.sum()
                decoded += piece
            assert np.array_equal(decoded, mask)

    def test_a_unit_that_fills_columns(self, tmp_path: Path, case: Case):
        mask = np.zeros((4, 5), np.uint8)
        mask[:, 1:4] = 1
        coco.write(tmp_path / "c.json", [(case, mask)])
        (unit,) = json.loads((tmp_path / "c.json").read_text())["annotations"]
        assert unit["segmentation"] == {"size": [4, 5], "counts": [4, 12, 4]}

    def decode(self, segmentation: dict) -> Mask:
        """By COCO's own rule: columns first, stretches outside and inside in turn."""
        counts = segmentation["counts"]
        values = np.arange(len(counts)) % 2
        flat = np.repeat(values, counts).astype(np.uint8)
        return np.ascontiguousarray(flat.reshape(segmentation["size"], order="F"))


@pytest.mark.parametrize("kind", WRITERS)
class TestWholeOrNotAtAll:
    def test_an_error_on_the_way_leaves_what_was(self, tmp_path: Path, items: list, kind: str):
        def failing() -> Iterator[tuple[Case, Mask]]:
            yield items[1]
            raise MaskError("is bad", case="18")

        WRITERS[kind](tmp_path / "out", items[:1])
        before = contents(tmp_path / "out")
        with pytest.raises(MaskError, match="case 18: is bad"):
            WRITERS[kind](tmp_path / "out", failing())  # pyright: ignore[reportArgumentType]
        assert contents(tmp_path / "out") == before
        assert names(tmp_path) == ["out"]

    def test_disk_full_leaves_what_was(self, disk: Disk, items: list, kind: str):
        WRITERS[kind](disk.folder / "out", items[:1])
        before = contents(disk.folder / "out")
        disk.fill(leave=8192)
        noise = np.random.default_rng(0).integers(0, 2, (300, 300), np.uint8)
        with pytest.raises(
            ExportError, match=r"cannot be written \(no space left.*; free some"
        ) as e:
            WRITERS[kind](disk.folder / "out", [items[0], (replace(items[0][0], id="20"), noise)])
        assert str(e.value).startswith(str(disk.folder / "out"))
        assert contents(disk.folder / "out") == before
        assert names(disk.folder) == ["filler", "out"]

    def test_a_forbidden_folder(self, forbidden_folder: Path, items: list, kind: str):
        with pytest.raises(ExportError, match=r"permission denied.*; choose a folder that you may"):
            WRITERS[kind](forbidden_folder / "out", items)

    def test_a_file_in_the_folder_s_place(self, tmp_path: Path, items: list, kind: str):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ExportError, match="cannot be written"):
            WRITERS[kind](tmp_path / "file" / "out", items)
        assert (tmp_path / "file").read_text() == "mine"
