"""Masks leave by the dock and by File → Save, and read back to the very same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cohorts import TRAIN
from gui.conftest import Window
from trainer.data import rle
from trainer.data.exchange import rle_csv
from trainer.data.tiff import read_mask


def review_two(window: Window) -> dict[str, np.ndarray]:
    """Paint on one case, accept it and the next; their curated masks as drawn."""
    window.press("P")
    window.drag([(60.0, 200.0), (60.0, 260.0)])
    window.press("A")
    masks = {"11": window.desk.layers.curated.data.copy()}
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "12")
    window.press("A")
    masks["12"] = window.desk.layers.curated.data.copy()
    window.desk.session.flush()
    window.export.what.setCurrentIndex(window.export.what.findData("curated"))
    window.wait(lambda: window.export.run.text() == "Export 2 masks")
    return masks


def export(window: Window, fmt: str, place: Path) -> None:
    window.show(window.export)
    window.export.format.setCurrentIndex(window.export.format.findData(fmt))
    window.export.place.setText(str(place))
    window.click(window.export.run)
    window.wait(lambda: window.export.job is None)


def test_rle_csv_reads_back_to_the_same_masks(window: Window, tmp_path: Path) -> None:
    masks = review_two(window)
    export(window, "rle", tmp_path / "hand-in.csv")
    texts = rle_csv.read(tmp_path / "hand-in.csv")
    assert set(texts) == {"11", "12"}
    for case_id, mask in masks.items():
        assert np.array_equal(rle.decode(texts[case_id], mask.shape), mask)
    assert "Wrote 2 masks" in window.export.notice.text


def test_tiffs_have_the_images_own_size(window: Window, tmp_path: Path) -> None:
    masks = review_two(window)
    export(window, "tiff", tmp_path / "masks")
    assert {path.name for path in (tmp_path / "masks").iterdir()} == {"11.tiff", "12.tiff"}
    for case_id, mask in masks.items():
        assert np.array_equal(read_mask(tmp_path / "masks" / f"{case_id}.tiff"), mask)


def test_truth_can_be_exported_before_any_review(window: Window, tmp_path: Path) -> None:
    window.show(window.export)
    assert not window.export.run.isEnabled()
    assert window.export.run.toolTip() == "There is no curated mask yet."
    window.export.what.setCurrentIndex(window.export.what.findData("truth"))
    export(window, "rle", tmp_path / "truth.csv")
    texts = rle_csv.read(tmp_path / "truth.csv")
    assert texts == {case.id: rle.encode(case.mask) for case in TRAIN}


def test_a_place_that_cannot_be_written_is_told_and_leaves_nothing(
    window: Window, tmp_path: Path
) -> None:
    review_two(window)
    (tmp_path / "taken").write_text("a file, not a folder")
    export(window, "rle", tmp_path / "taken" / "hand-in.csv")
    assert "taken" in window.export.notice.text
    assert window.export.notice.text.startswith("Problem:")
    assert (tmp_path / "taken").read_text() == "a file, not a folder"


@pytest.mark.parametrize("name", ["mask.tiff", "mask.csv"])
def test_file_save_of_the_curated_layer(window: Window, tmp_path: Path, name: str) -> None:
    layer = window.desk.layers.curated
    (written,) = window.viewer.layers.save(
        str(tmp_path / name), selected=True, plugin="hubmap-viewer"
    )
    assert Path(written).is_file()
    if name.endswith("csv"):
        texts = rle_csv.read(Path(written))
        assert list(texts) == ["11"]
        assert np.array_equal(rle.decode(texts["11"], layer.data.shape), layer.data)
    else:
        assert np.array_equal(read_mask(Path(written)), layer.data)
