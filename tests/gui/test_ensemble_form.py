"""The ensemble's file is edited in the window."""

from __future__ import annotations

import shutil
from pathlib import Path

from qtpy.QtTest import QTest

from gui.conftest import Window
from gui.test_predict import choose
from hubmap_viewer.docks.ensemble_dialog import EnsembleDialog
from trainer.settings import read_ensemble


def opened(window: Window) -> EnsembleDialog:
    window.click(window.ensemble.edit)
    window.wait(lambda: bool(window.ensemble.findChildren(EnsembleDialog)))
    dialog = window.ensemble.findChildren(EnsembleDialog)[-1]
    window.wait(dialog.isVisible)
    return dialog


def test_a_mistake_is_said_and_what_is_right_is_written(
    window: Window, ensemble_file: Path, tmp_path: Path
) -> None:
    mine = Path(shutil.copytree(ensemble_file.parent, tmp_path / "mine")) / ensemble_file.name
    before = read_ensemble(mine)
    choose(window, mine)
    dialog = opened(window)
    dialog.editors["tta"].clear()
    QTest.keyClicks(dialog.editors["tta"], "[identity, hflop]")
    window.wait(lambda: not dialog.save.isEnabled())
    assert "tta" in dialog.notice.text
    assert dialog.notice.isVisible()
    dialog.editors["tta"].clear()
    QTest.keyClicks(dialog.editors["tta"], "[identity, hflip]")
    window.wait(dialog.save.isEnabled)
    dialog.editors["fusion"].setCurrentText("geometric")
    window.click(dialog.save)
    after = read_ensemble(mine)
    assert (after.tta, after.fusion) == (("identity", "hflip"), "geometric")
    assert after.members == before.members
    assert window.ensemble.ensembles.currentData() == mine
    assert "hflip" in window.ensemble.summary.text()


def test_cancelled_nothing_is_written(window: Window, ensemble_file: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(ensemble_file.parent, tmp_path / "mine")) / ensemble_file.name
    before = mine.read_bytes()
    choose(window, mine)
    dialog = opened(window)
    dialog.editors["threshold"].clear()
    QTest.keyClicks(dialog.editors["threshold"], "0.7")
    dialog.reject()
    assert mine.read_bytes() == before
