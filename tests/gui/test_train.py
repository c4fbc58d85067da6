"""The train dock: a real training in its own process, watched, stopped, compared."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from gui.conftest import Window

RECIPE = """
name: tiny
network:
  encoder: mobilenetv3_small_050
  decoder_channels: [16, 16, 8, 8, 8]
  pretrained: false
size: 64
crop: 64
folds: 2
epochs: {epochs}
batch_size: 2
"""


@pytest.fixture
def tiny(cohort_folder: Path) -> Path:
    """A recipe of the cohort's own that trains in seconds."""
    folder = cohort_folder / "recipes"
    folder.mkdir()
    (folder / "tiny.yaml").write_text(RECIPE.format(epochs=2))
    (folder / "long.yaml").write_text(RECIPE.format(epochs=5000))
    return folder


@pytest.mark.slow
def test_a_run_learns_from_accepted_masks_and_stands_beside_the_one_before(
    window: Window, cohort_folder: Path, tiny: Path
) -> None:
    window.press("P")
    window.drag([(60.0, 200.0), (60.0, 260.0)])
    window.press("A")
    window.desk.session.flush()
    window.show(window.train)
    window.train.refresh()
    window.train.recipes.setCurrentText("tiny")
    window.wait(lambda: "4 cases with a label, 1 of them curated" in window.train.labels.text())
    window.train.name.setText("first")
    window.click(window.train.run)
    assert not window.train.run.isEnabled()
    window.wait(lambda: window.train.process is None, 240)

    assert window.train.state.text() == "Run first is finished."
    run = cohort_folder / "runs" / "first"
    assert (run / "fold1" / "weights.safetensors").is_file()
    assert window.train.curves.points == 4
    revisions = json.loads((run / "run.json").read_text())["revisions"]
    assert list(revisions) == ["11"]
    assert window.desk.session.predictions.folder == run / "oof"
    window.wait(lambda: window.desk.session.open.predicted is not None)
    names = [
        window.ensemble.ensembles.itemText(i) for i in range(window.ensemble.ensembles.count())
    ]
    assert "run first" in names

    window.train.name.setText("second")
    window.click(window.train.run)
    window.wait(lambda: window.train.process is None, 240)
    window.wait(lambda: window.desk.session.second is not None)
    assert window.desk.session.second.folder == run / "oof"

    def both() -> bool:
        scores = [window.desk.session.scores.get(case_id) for case_id in ("12", "21", "22")]
        return all(s and s.prediction is not None and s.second is not None for s in scores)

    window.wait(both)
    shown = [window.cases.model.data(window.cases.model.index(1, column)) for column in (2, 4)]
    assert all(np.isfinite(float(value)) for value in shown)


@pytest.mark.slow
def test_stop_ends_the_training_and_leaves_the_window_ready(
    window: Window, cohort_folder: Path, tiny: Path
) -> None:
    window.show(window.train)
    window.train.refresh()
    window.train.recipes.setCurrentText("long")
    window.train.name.setText("stopped")
    window.click(window.train.run)
    window.wait(lambda: window.train.curves.points >= 2, 240)
    window.click(window.train.stop)
    window.wait(lambda: window.train.process is None, 60)
    assert window.train.state.text() == "Stopped."
    run = cohort_folder / "runs" / "stopped"
    assert not [path for path in run.rglob("*") if path.name.endswith((".part", ".tmp"))]
    window.train.name.setText("another")
    assert window.train.run.isEnabled()


def test_a_name_that_is_taken_is_said(window: Window, cohort_folder: Path, tiny: Path) -> None:
    (cohort_folder / "runs" / "old").mkdir(parents=True)
    window.show(window.train)
    window.train.name.setText("old")
    assert window.train.run.text() == "Go on with run old"
    (cohort_folder / "runs" / "old" / "report.csv").write_text("organ\n")
    window.train.name.setText("ol")
    window.train.name.setText("old")
    assert not window.train.run.isEnabled()
    assert "old" in window.train.run.toolTip()


@pytest.mark.slow
def test_a_recipe_with_an_error_is_told(window: Window, cohort_folder: Path, tiny: Path) -> None:
    (tiny / "wrong.yaml").write_text("name: wrong\nfold: 3\n")
    window.show(window.train)
    window.train.refresh()
    window.train.recipes.setCurrentText("wrong")
    window.click(window.train.run)
    window.wait(lambda: window.train.process is None, 60)
    assert "`folds`" in window.train.notice.text
    assert "wrong.yaml" in window.train.notice.text


@pytest.mark.slow
def test_what_the_network_will_see_is_drawn_anew_and_cancelled(
    window: Window, cohort_folder: Path, tiny: Path
) -> None:
    dock = window.train
    window.show(dock)
    dock.refresh()
    dock.recipes.setCurrentText("tiny")
    panel = dock.preview
    assert not panel.isVisible()
    window.click(panel.begin)
    assert not panel.begin.isEnabled()
    window.wait(lambda: panel.model.job is None, 240)
    assert dock.notice.isHidden()
    assert [strip.drawn.case_id for strip in panel.strips] == ["11", "12", "21", "22"]
    assert panel.state.text().startswith("tiny: each case whole")
    first = panel.strips[0]
    cells = first.cells()
    assert len(cells) == 7
    assert all(first.rect().contains(cell) for cell in cells)
    seen = first.grab(cells[0]).toImage()
    spots = [(x, y) for x in range(seen.width()) for y in range(seen.height())]
    colours = [seen.pixelColor(*spot) for spot in spots]
    # tissue of this cohort is pink and purple: green is the outline's alone
    assert any(colour.green() > colour.red() + 60 for colour in colours)

    before = [strip.drawn.pictures for strip in panel.strips]
    window.click(panel.again)
    window.wait(lambda: panel.model.job is None, 240)
    assert "tiny, seed 1" in panel.state.text()
    after = [strip.drawn.pictures for strip in panel.strips]
    assert np.array_equal(after[0][0], before[0][0])
    assert not np.array_equal(after[0][1], before[0][1])

    # else it may be done before it is cancelled
    os.kill(panel.model._engine._process.pid, signal.SIGSTOP)
    window.click(panel.again)
    window.click(panel.cancel)
    window.wait(lambda: panel.model.job is None, 240)
    assert panel.state.text() == "Cancelled after 0 cases."
    assert panel.begin.isEnabled()


@pytest.mark.slow
def test_a_recipe_that_cannot_be_drawn_is_told(
    window: Window, cohort_folder: Path, tiny: Path
) -> None:
    (tiny / "lost.yaml").write_text("name: lost\norgans: [spleen]\n")
    dock = window.train
    window.show(dock)
    dock.refresh()
    dock.recipes.setCurrentText("lost")
    window.click(dock.preview.begin)
    window.wait(lambda: dock.preview.model.job is None, 240)
    window.wait(lambda: "no labelled case of spleen" in dock.notice.text)
    assert not dock.preview.strips
    assert dock.preview.begin.isEnabled()
