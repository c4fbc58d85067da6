"""Opening cohorts: what is seen, in which place, and what is said of what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cohorts import TRAIN, write_cohort
from gui.conftest import Window
from hubmap_viewer.plugin import ABOVE, BELOW, DOCKS


def test_layers_with_outlines_above_the_fill(window: Window) -> None:
    assert [layer.name for layer in window.viewer.layers] == [
        "image",
        "probability",
        "curated",
        "truth",
        "second ensemble",
        "prediction",
    ]
    assert window.viewer.layers.selection.active is window.desk.layers.curated
    assert window.desk.layers["image"].multiscale
    assert window.desk.layers.curated.data.dtype == np.uint8


def test_truth_is_an_outline_of_the_csvs_mask(window: Window) -> None:
    outline = np.asarray(window.desk.layers["truth"].data[0])
    mask = TRAIN[0].mask
    assert outline.any()
    assert not (outline & ~mask & 1).any()
    assert outline.sum() < 0.3 * mask.sum()


def test_pixel_size_scales_the_layers_and_the_bar(window: Window) -> None:
    assert tuple(window.desk.layers["image"].scale) == (0.5, 0.5)
    assert str(window.desk.layers["image"].units[0]) == "micrometer"
    window.go("22")
    assert tuple(window.desk.layers["image"].scale) == (1, 1)
    assert str(window.desk.layers["image"].units[0]) == "pixel"
    assert "pixel size unknown" in window.case.title.text()


def test_every_case_opens_whatever_its_size(window: Window) -> None:
    for case in TRAIN:
        window.go(case.id)
        image = np.asarray(window.desk.layers["image"].data[0])
        assert image.shape == (*case.shape, 3)
        assert np.abs(image.astype(int) - case.image).mean() < 6
        assert np.array_equal(window.desk.layers.curated.data, case.mask)


def test_a_case_without_truth_says_so(window: Window) -> None:
    window.go("31")
    assert not np.asarray(window.desk.layers["truth"].data[0]).any()
    assert window.case.dice.text() == "No truth to compare with."


def test_keys_walk_the_queue_and_stop_at_its_ends(window: Window) -> None:
    window.press("Ctrl+Left")
    assert window.viewer.status == "This is the first case."
    for expected in ("12", "21", "22", "31"):
        window.press("Ctrl+Right")
        window.wait(lambda expected=expected: window.open_id == expected)
    window.press("Ctrl+Right")
    assert window.viewer.status == "This is the last case."


def test_the_filter_is_the_queue(window: Window) -> None:
    window.cases.organ.setCurrentText("lung")
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "21")
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "22")


@pytest.mark.parametrize("dropped", ["", "train.csv"])
def test_a_folder_or_its_csv_dropped_on_napari(
    open_window: Callable[[Path], Window], tmp_path: Path, cohort_folder: Path, dropped: str
) -> None:
    write_cohort(tmp_path / "first", TRAIN[:1])
    window = open_window(tmp_path / "first")
    window.wait(lambda: window.open_id == "11")
    window.viewer.window._qt_viewer._qt_open(
        [str(cohort_folder / dropped)], stack=False, plugin="hubmap-viewer"
    )
    window.wait(lambda: window.cases.model.rowCount() == 5)
    window.wait(lambda: window.open_id == "11")


def test_a_folder_that_is_no_cohort(open_window: Callable[[Path], Window], tmp_path: Path) -> None:
    window = open_window(tmp_path)
    window.wait(lambda: bool(window.told()))
    assert str(tmp_path) in window.told()[-1]
    assert "train.csv" in window.told()[-1]
    assert window.review.pages.currentIndex() == 0


def test_one_bad_image_costs_only_its_case(
    reopen: Callable[[Path], Window], cohort_folder: Path
) -> None:
    path = cohort_folder / "train_images" / "12.tiff"
    path.write_bytes(path.read_bytes()[:2000])
    window = reopen(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    window.press("Ctrl+Right")
    window.wait(lambda: any("12.tiff" in told for told in window.told()))
    assert window.open_id == "11"
    assert window.review.notice.text.endswith("12 could not be opened. Case 11 is still open.")
    assert window.case.title.text().startswith("11 ")
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "21")


def test_a_wrong_truth_costs_only_the_truth(
    reopen: Callable[[Path], Window], cohort_folder: Path
) -> None:
    csv = cohort_folder / "train.csv"
    csv.write_text(csv.read_text().replace("11,kidney,HPA,300,400", "11,kidney,HPA,301,400"))
    window = reopen(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    told = [words for words in window.told() if "row 2" in words]
    assert told
    assert "300" in told[0]
    assert not np.asarray(window.desk.layers["truth"].data[0]).any()


def test_16_bit_grey_and_alpha_are_shown_as_rgb(
    reopen: Callable[[Path], Window], cohort_folder: Path
) -> None:
    images = cohort_folder / "train_images"
    grey = np.linspace(0, 4000, 300 * 400).reshape(300, 400).astype(np.uint16)
    tifffile.imwrite(images / "11.tiff", grey)
    rgba = np.dstack([TRAIN[1].image, np.full((300, 400), 255, np.uint8)])
    tifffile.imwrite(images / "12.tiff", rgba, photometric="rgb", extrasamples=("unassalpha",))
    window = reopen(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    assert np.asarray(window.desk.layers["image"].data[0]).shape == (300, 400, 3)
    window.go("12")
    assert np.array_equal(np.asarray(window.desk.layers["image"].data[0]), TRAIN[1].image)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name",
    ["hubmap_2022_3000", "hubmap_2022_small", "colon_glands", "kidney_glomeruli",
     "prostate_glands", "mosaics_3000"],
)  # fmt: skip
def test_real_cohorts_open(
    reopen: Callable[[Path], Window], real_data: Path, tmp_path: Path, name: str
) -> None:
    folder = linked(real_data / name, tmp_path / name)
    window = reopen(folder)
    window.wait(lambda: window.desk.session.open is not None)
    ids = list(window.desk.session.cohort.cases)
    for case_id in dict.fromkeys([*ids[:2], *(i for i in ("20007", "20008") if i in ids), ids[-1]]):
        window.go(case_id)
        assert window.desk.layers.curated.data.any()
    assert window.told() == []


def linked(source: Path, folder: Path) -> Path:
    """A cohort that may be written to, its files being links to the real one's."""
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def test_the_plugin_menu_offers_docks_and_demo() -> None:
    from npe2 import PluginManager

    manager = PluginManager.instance()
    manager.discover()
    manifest: Any = manager.get_manifest("hubmap-viewer")
    offered = [dock.display_name for dock in manifest.contributions.widgets]
    assert sorted(offered) == sorted([*ABOVE, *DOCKS, *BELOW])
    assert manifest.contributions.sample_data
