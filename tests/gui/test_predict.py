"""The ensemble dock on real networks: progress, cancel, errors, and a window that lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cohorts import TRAIN, Drawn, write_cohort
from gui.conftest import Window
from hubmap_viewer import library
from trainer.metrics import dice

MANY = 300
"""Cases; predicting them takes longer than a window under load may be busy."""


def choose(window: Window, ensemble: Path) -> None:
    """Have the ensemble in the dock's list as `Browse…` puts it there, and chosen for all cases."""
    window.show(window.ensemble)
    window.ensemble.scope.button(2).setChecked(True)
    window.ensemble._picked.insert(0, library.Entry(ensemble.stem, ensemble))
    window.ensemble.refresh()
    window.ensemble.ensembles.setCurrentIndex(0)


def finished(window: Window) -> Callable[[], bool]:
    return lambda: window.ensemble.job is None


def test_all_cases_are_predicted_kept_and_there_at_the_next_start(
    window: Window,
    open_window: Callable[[Path], Window],
    ensemble_file: Path,
    cohort_folder: Path,
) -> None:
    choose(window, ensemble_file)
    window.wait(
        lambda: "CPU" in window.ensemble.device.itemText(window.ensemble.device.count() - 1)
    )
    assert "2 members · views: identity, hflip" in window.ensemble.summary.text()
    assert window.ensemble.run.text() == "Predict 5 cases"

    window.click(window.ensemble.run)
    window.wait(finished(window), 240)

    assert window.ensemble.state.text() == "Done: 5 cases."
    (folder,) = (cohort_folder / "predictions").iterdir()
    assert {path.stem for path in folder.glob("*.npz")} == {"11", "12", "21", "22", "31"}
    assert np.load(folder / "11.npz")["probability"].shape == (96, 128)
    window.wait(lambda: len(window.desk.session.scores) >= 4)
    here = window.desk.session.open
    assert here is not None
    assert here.scores.prediction == pytest.approx(dice(here.predicted.mask, TRAIN[0].mask))
    assert here.scores.prediction > 0.5
    assert np.asarray(window.desk.layers["prediction"].data[0]).any()

    window.desk.close()
    again = open_window(cohort_folder)
    again.wait(lambda: again.open_id == "11" and np.any(again.desk.layers["prediction"].data[0]))
    row = again.cases.model.index(0, 2)
    again.wait(lambda: again.cases.model.data(row) == f"{here.scores.prediction:.3f}")


def test_a_prediction_can_be_taken_as_the_curated_mask(window: Window, ensemble_file: Path) -> None:
    choose(window, ensemble_file)
    window.ensemble.scope.button(0).setChecked(True)
    assert window.ensemble.run.text() == "Predict 1 case"
    window.click(window.ensemble.run)
    window.wait(finished(window), 240)
    here = window.desk.session.open
    # until the whole ensemble's is there, the members' so far are shown
    window.wait(lambda: here.predicted is not None and not here.remixed)
    window.press("Y")
    assert np.array_equal(window.desk.layers.curated.data, window.desk.session.open.predicted.mask)


def test_selected_cases(window: Window, ensemble_file: Path) -> None:
    choose(window, ensemble_file)
    window.show(window.review)
    table = window.cases.table
    for row, held in ((1, Qt.KeyboardModifier.NoModifier), (3, Qt.KeyboardModifier.ShiftModifier)):
        spot = table.visualRect(window.cases.model.index(row, 0)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, held, spot)
    window.show(window.ensemble)
    window.ensemble.scope.button(1).setChecked(True)
    assert window.ensemble.cases() == ("12", "21", "22")
    assert window.ensemble.run.text() == "Predict 3 cases"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More cases than are predicted before a hand has done something."""
    discs = ((150, 150, 60),)
    cases = [Drawn(str(100 + n), "kidney", (450, 450), discs=discs) for n in range(MANY)]
    write_cohort(tmp_path / "many", cases)
    return tmp_path / "many"


def test_cancel_ends_it_and_keeps_what_is_done(
    reopen: Callable[[Path], Window], ensemble_file: Path, many: Path
) -> None:
    window = reopen(many)
    window.wait(lambda: window.open_id is not None)
    choose(window, ensemble_file)
    window.click(window.ensemble.run)
    window.wait(lambda: window.ensemble.job is not None and window.ensemble.job.done >= 2, 240)
    window.click(window.ensemble.cancel)
    window.wait(finished(window))
    assert "Cancelled" in window.ensemble.state.text()
    (folder,) = (many / "predictions").iterdir()
    kept = list(folder.glob("*.npz"))
    assert 2 <= len(kept) < MANY
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".npz", ".json"}

    window.ensemble.scope.button(0).setChecked(True)
    window.click(window.ensemble.run)
    window.wait(finished(window), 240)
    assert window.ensemble.state.text() == "Done: 1 case."
    assert len(list(folder.glob("*.npz"))) <= len(kept) + 1


def test_one_can_paint_while_predicting(
    reopen: Callable[[Path], Window], ensemble_file: Path, many: Path
) -> None:
    window = reopen(many)
    window.wait(lambda: window.open_id is not None)
    choose(window, ensemble_file)
    window.click(window.ensemble.run)
    window.wait(lambda: window.ensemble.job is not None and window.ensemble.job.done >= 1, 240)
    before = window.desk.layers.curated.data.sum()
    window.press("P")
    window.drag([(400.0, 300.0), (400.0, 350.0)])
    assert window.ensemble.job is not None
    assert window.desk.layers.curated.data.sum() > before
    window.click(window.ensemble.cancel)
    window.wait(finished(window))


def test_a_damaged_weights_file_is_told_with_its_name(
    window: Window, ensemble_file: Path, tmp_path: Path
) -> None:
    for path in ensemble_file.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "m1.safetensors").write_bytes(b"PK\x03\x04 a pickle")
    choose(window, tmp_path / "discs.yaml")
    window.click(window.ensemble.run)
    window.wait(finished(window), 240)
    assert "m1.safetensors" in window.ensemble.notice.text
    assert "pickle" in window.ensemble.notice.text
    assert any("m1.safetensors" in told for told in window.told())
    assert window.ensemble.run.isEnabled()


def test_an_ensemble_with_a_typing_error_names_the_key(window: Window, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\nmembers: [{weights: a.safetensors, wieght: 2}]\n")
    choose(window, path)
    assert "wieght" in window.ensemble.notice.text
    assert "`weight`" in window.ensemble.notice.text
    assert not window.ensemble.run.isEnabled()


def test_the_process_that_dies_is_told_and_started_anew(
    reopen: Callable[[Path], Window], ensemble_file: Path, many: Path
) -> None:
    window = reopen(many)
    window.wait(lambda: window.open_id is not None)
    choose(window, ensemble_file)
    window.click(window.ensemble.run)
    window.wait(lambda: window.ensemble.job is not None and window.ensemble.job.done >= 1, 240)
    window.desk.engine._process.kill()
    window.wait(finished(window))
    assert "ended by itself" in window.ensemble.notice.text

    window.ensemble.scope.button(0).setChecked(True)
    window.click(window.ensemble.run)
    window.wait(finished(window), 240)
    assert window.ensemble.state.text() == "Done: 1 case."
