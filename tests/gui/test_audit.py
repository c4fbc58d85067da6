"""Predictions accepted by a rule and checked, and a case drawn blind, with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cohorts import TEST, TRAIN
from gui.conftest import Window
from hubmap_viewer.docks.audit import AuditDock
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions

UNLABELLED = TEST[0]


def dock(window: Window) -> AuditDock:
    found = window.viewer.window.dock_widgets["Audit (hubmap-viewer)"]
    window.show(found)
    return found


def predict(folder: Path) -> None:
    """Every case's units are seen, and surely."""
    told = {"ensemble": "e", "fingerprint": "f", "threshold": 0.5}
    kept = Predictions.create(folder / "predictions" / "e", told)
    for case in (*TRAIN, UNLABELLED):
        probability = np.where(case.mask > 0, 245, 0).astype(np.uint8)
        spread = np.full(case.shape, 3, np.uint8)
        kept.write(Prediction(case.id, probability, spread, case.shape))


def test_accepted_put_up_and_found_wrong(
    reopen: Callable[[Path], Window], cohort_folder: Path
) -> None:
    predict(cohort_folder)
    window = reopen(cohort_folder)
    audit = dock(window)
    accept, check = audit.accept, audit.check
    window.wait(lambda: accept.run.text() == "Accept 1 prediction" and accept.run.isEnabled())
    assert accept.counts.text() == "spleen 1; left out: has a truth 4"
    accept.confidence.setValue(0.999)
    window.wait(lambda: not accept.run.isEnabled())
    accept.confidence.setValue(0.9)
    window.wait(accept.run.isEnabled)

    window.click(accept.run)
    window.wait(check.next.isVisible)
    assert check.next.text() == "Check 1 case"
    window.click(check.next)
    window.wait(lambda: window.open_id == UNLABELLED.id)
    assert window.desk.session.queue == (UNLABELLED.id,)
    assert np.array_equal(window.desk.layers.curated.data, UNLABELLED.mask)
    assert window.desk.session.status(UNLABELLED.id) == "accepted"

    window.wait(check.wrong.isEnabled)
    window.click(check.wrong)
    window.wait(lambda: not check.next.isEnabled())
    assert check.table.texts(0)[:4] == ["spleen", "failed: 0 reopened", "1 of 1", "1 (0)"]
    assert window.desk.session.status(UNLABELLED.id) == "in work"
    assert not check.right.isEnabled()
    assert check.right.toolTip()

    opened: list[None] = []
    window.desk.session.cohort_opened.connect(lambda: opened.append(None))
    check.batches.clear()
    window.desk.open(cohort_folder)
    window.wait(lambda: bool(opened) and bool(check.table.rows))
    assert check.batches.count() == 1
    assert check.progress.text() == "1 of 1 checked"


def test_a_case_is_drawn_blind_and_compared(window: Window) -> None:
    case_id = "11"
    window.press("A")
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "12")
    assert window.desk.session.flush()
    audit = dock(window)
    button = audit.choice.button(2)
    window.click(button)
    blind, layers = audit.blind, window.desk.layers
    window.wait(blind.begin.isEnabled)
    window.click(blind.begin)
    window.wait(lambda: blind.done.isEnabled() and window.open_id == case_id)
    assert not layers.curated.data.any()
    assert not np.asarray(layers["truth"].data[0]).any()
    assert "blind" in window.viewer.canvas.overlays.text.text
    window.press("P")
    window.drag([(60.0, 200.0), (60.0, 260.0)])
    drawn = layers.curated.data.copy()
    assert drawn.any()

    window.click(blind.stop)
    window.wait(lambda: window.open_id == "12")
    assert blind.begin.text() == "Go on"
    window.click(blind.begin)
    window.wait(lambda: window.open_id == case_id and blind.done.isEnabled())
    assert np.array_equal(layers.curated.data, drawn)

    window.click(blind.done)
    window.wait(lambda: bool(blind.table.rows))
    assert blind.table.texts(0)[:2] == ["kidney", "1"]
    window.wait(lambda: np.array_equal(layers.curated.data, TRAIN[0].mask))
    store = window.desk.session.store
    assert store is not None
    (look,) = store.looks.of(case_id)
    assert np.array_equal(store.looks.mask(look), drawn)
    assert len(store.history(case_id)) == 1
