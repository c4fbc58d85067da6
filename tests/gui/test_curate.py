"""Painting, undoing, judging: what is drawn is kept, and belongs to its case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cohorts import TRAIN
from gui.conftest import Window
from trainer.data.store import Store

STROKE = [(60.0, 200.0), (60.0, 240.0), (60.0, 280.0)]


def kept(folder: Path, case_id: str) -> np.ndarray | None:
    """The curated mask as another program finds it on disk now."""
    store = Store.for_cohort(folder)
    try:
        revision = store.latest(case_id)
        return None if revision is None else store.mask(revision)
    finally:
        store.close()


def status_on_disk(folder: Path, case_id: str) -> str | None:
    store = Store.for_cohort(folder)
    try:
        revision = store.latest(case_id)
        return None if revision is None else revision.status
    finally:
        store.close()


def test_a_case_without_revision_starts_from_truth(window: Window) -> None:
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[0].mask)


def test_a_stroke_is_kept(window: Window, cohort_folder: Path) -> None:
    window.press("P")
    before = window.desk.layers.curated.data.copy()
    window.drag(STROKE)
    drawn = window.desk.layers.curated.data.copy()
    assert drawn.sum() > before.sum() + 500
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn))


def test_the_eraser_is_kept(window: Window, cohort_folder: Path) -> None:
    window.press("E")
    window.drag([(100.0, 80.0), (100.0, 120.0)])
    drawn = window.desk.layers.curated.data.copy()
    assert drawn.sum() < TRAIN[0].mask.sum()
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn))


def test_undo_and_redo_are_drawn_and_kept(window: Window, cohort_folder: Path) -> None:
    window.press("P")
    window.drag(STROKE)
    drawn = window.desk.layers.curated.data.copy()

    window.press("Ctrl+Z")
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[0].mask)
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), TRAIN[0].mask))

    window.press("Ctrl+Shift+Z")
    assert np.array_equal(window.desk.layers.curated.data, drawn)
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn))


def test_undo_never_replays_another_cases_strokes(window: Window) -> None:
    window.press("P")
    window.drag(STROKE)
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "12")

    window.press("Ctrl+Z")
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[1].mask)

    window.press("Ctrl+Left")
    window.wait(lambda: window.open_id == "11")
    assert window.desk.layers.curated.data.sum() > TRAIN[0].mask.sum()
    window.press("Ctrl+Z")
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[0].mask)


def test_undo_on_a_smaller_image_harms_nothing(window: Window) -> None:
    window.press("P")
    window.drag([(280.0, 380.0), (280.0, 390.0)])
    window.go("21")
    window.press("Ctrl+Z")
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[2].mask)


def test_what_was_drawn_is_there_at_the_next_start(
    window: Window, open_window: Callable[[Path], Window], cohort_folder: Path
) -> None:
    window.press("P")
    window.drag(STROKE)
    drawn = window.desk.layers.curated.data.copy()
    window.desk.close()

    again = open_window(cohort_folder)
    again.wait(lambda: again.open_id == "11")
    assert np.array_equal(again.desk.layers.curated.data, drawn)


@pytest.mark.parametrize(
    ("key", "status"), [("A", "accepted"), ("W", "in work"), ("R", "rejected")]
)
def test_a_key_gives_a_verdict(window: Window, cohort_folder: Path, key: str, status: str) -> None:
    window.press(key)
    window.wait(lambda: status_on_disk(cohort_folder, "11") == status)
    assert status in window.case.kept.text()
    assert np.array_equal(kept(cohort_folder, "11"), TRAIN[0].mask)


def test_the_same_keys_work_in_the_table(window: Window, cohort_folder: Path) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    window.go("12")
    window.cases.table.setFocus()
    window.wait(window.cases.table.hasFocus)
    QTest.keyClick(window.cases.table, Qt.Key.Key_A)
    window.wait(lambda: status_on_disk(cohort_folder, "12") == "accepted")


def test_letters_typed_into_the_search_judge_nothing(window: Window) -> None:
    from qtpy.QtTest import QTest

    window.cases.search.setFocus()
    window.wait(window.cases.search.hasFocus)
    QTest.keyClicks(window.cases.search, "war")
    assert window.cases.search.text() == "war"
    assert window.desk.session.status("11") == "unreviewed"


def test_an_edit_takes_an_acceptance_back(window: Window, cohort_folder: Path) -> None:
    window.press("A")
    window.wait(lambda: status_on_disk(cohort_folder, "11") == "accepted")
    window.press("P")
    window.drag(STROKE)
    window.wait(lambda: status_on_disk(cohort_folder, "11") == "in work")


def test_truth_and_clear_keys_replace_the_mask_and_can_be_undone(window: Window) -> None:
    window.press("C")
    assert window.desk.layers.curated.data.sum() == 0
    window.press("T")
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[0].mask)
    window.press("Ctrl+Z")
    assert window.desk.layers.curated.data.sum() == 0


def test_dice_follows_the_brush(window: Window) -> None:
    assert "curated 1.000" in window.case.dice.text()
    window.press("P")
    window.drag(STROKE)
    mask, truth = window.desk.layers.curated.data, TRAIN[0].mask
    expected = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    assert f"curated {expected:.3f}" in window.case.dice.text()
    caption = window.viewer.canvas.overlays.text
    window.wait(lambda: f"curated {expected:.3f}" in caption.text)


def test_only_the_curated_layer_can_be_painted(window: Window) -> None:
    for name in ("truth", "prediction"):
        layer = window.desk.layers[name]
        window.viewer.layers.selection.active = layer
        before = [np.array(level) for level in layer.data]
        window.press("P")
        window.drag(STROKE)
        assert all(np.array_equal(a, b) for a, b in zip(before, layer.data, strict=True))
    assert np.array_equal(window.desk.layers.curated.data, TRAIN[0].mask)


def test_a_second_label_is_not_painted(window: Window, cohort_folder: Path) -> None:
    window.desk.layers.curated.selected_label = 3
    window.press("P")
    window.drag(STROKE)
    assert window.desk.layers.curated.data.max() == 1


def test_image_alone_while_h_is_held(window: Window) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    QTest.keyPress(window.canvas, Qt.Key.Key_H)
    assert not window.desk.layers["truth"].visible
    assert not window.desk.layers.curated.visible
    QTest.keyRelease(window.canvas, Qt.Key.Key_H)
    window.wait(lambda: window.desk.layers.curated.visible)
    assert window.desk.layers["truth"].visible
