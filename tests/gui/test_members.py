"""Members are chosen, weighed and switched off by hand, in a real window on real networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cohorts import Drawn, write_cohort
from gui.conftest import Window
from gui.test_predict import choose, finished
from hubmap_viewer.docks.members import MembersDock
from hubmap_viewer.layers import PREVIEW
from hubmap_viewer.member_words import NOT_KEPT
from trainer.data.opinions import KeptOpinions
from trainer.settings import read_ensemble


@pytest.fixture
def ensemble(ensemble_file: Path, tmp_path: Path) -> Path:
    """A copy of the ensemble, to be written to."""
    folder = tmp_path / "own"
    folder.mkdir()
    for path in ensemble_file.parent.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder / "discs.yaml"


def members(window: Window) -> MembersDock:
    dock: Any = window.viewer.window.dock_widgets["Members (hubmap-viewer)"]
    window.show(dock)
    return dock


def predicted(window: Window, ensemble: Path) -> MembersDock:
    """All cases predicted from the dock, their members kept."""
    choose(window, ensemble)
    assert window.ensemble.keep.isChecked()
    window.click(window.ensemble.run)
    window.wait(finished(window), 240)
    dock = members(window)
    window.wait(lambda: dock.model.mixed is not None and not dock.model.mixed.missing)
    window.wait(lambda: not window.desk.jobs.running)
    return dock


def probability(window: Window) -> Any:
    session: Any = window.desk.session
    return session.open.predicted.prediction.probability


def test_members_are_tried_written_and_all_cases_mixed_anew(
    window: Window, ensemble: Path, cohort_folder: Path
) -> None:
    dock = predicted(window, ensemble)
    session: Any = window.desk.session
    table: Any = dock.table
    assert [table.item(row, 0).text() for row in range(2)] == ["m0", "m1"]
    assert [spin.value() for spin in table.weights] == [1.0, 2.0]
    assert not dock.apply.isEnabled()
    assert not dock.mix_all.isEnabled()
    before, scores = probability(window), dict(session.scores)
    opinions = KeptOpinions(session.predictions.folder).read("11")
    assert opinions is not None
    of_m0 = next(opinions.levels[key] for key, name in opinions.names.items() if "m0" in name)

    # the second one is chosen: its outline is on the canvas; then it is switched off
    table.setFocus()
    window.click(table.viewport())
    table.setCurrentCell(0, 0)
    QTest.keyClick(table, Qt.Key.Key_Down)
    window.wait(lambda: PREVIEW in window.viewer.layers)
    QTest.keyClick(table, Qt.Key.Key_Space)
    window.wait(lambda: np.array_equal(probability(window), of_m0))
    assert "the mix being tried, Dice" in dock.state.text()
    assert "still of the weights before" in dock.caveat.text()
    assert session.scores["12"] == scores["12"]
    QTest.keyClick(table, Qt.Key.Key_Escape)
    window.wait(lambda: PREVIEW not in window.viewer.layers)

    window.click(dock.reset)
    window.wait(lambda: np.array_equal(probability(window), before))
    first: Any = table.weights[0]
    first.setFocus()
    first.selectAll()
    QTest.keyClicks(first, "9")
    QTest.keyClick(first, Qt.Key.Key_Return)
    window.wait(lambda: not np.array_equal(probability(window), before))
    tried = probability(window)

    assert dock.apply.text() == "Write 1 member to discs.yaml"
    window.click(dock.apply)
    assert [one.weight for one in read_ensemble(ensemble).members] == [9.0, 2.0]
    assert dock.notice.text == "discs.yaml now says: m0 weighs 9."
    assert dock.mix_all.text() == "Mix all 5 kept cases"
    folder = session.predictions.folder
    window.click(dock.mix_all)
    window.wait(finished(window), 60)
    window.wait(lambda: session.predictions.folder != folder and bool(dock.model.rows()))
    window.wait(lambda: dock.model.mixed is not None)
    assert np.array_equal(probability(window), tried)
    assert session.predictions.ids() == {"11", "12", "21", "22", "31"}
    assert session.second.folder == folder
    assert not dock.mix_all.isEnabled()
    assert [spin.value() for spin in table.weights] == [9.0, 2.0]


def test_where_members_are_not_kept_the_list_says_how_to_get_them(
    window: Window, ensemble: Path
) -> None:
    choose(window, ensemble)
    window.click(window.ensemble.keep)
    this_case: Any = window.ensemble.scope.button(0)
    this_case.setChecked(True)
    window.click(window.ensemble.run)
    window.wait(finished(window), 240)
    session: Any = window.desk.session
    assert not KeptOpinions(session.predictions.folder).are_kept
    dock = members(window)
    window.wait(lambda: dock.state.text() == NOT_KEPT)
    assert not dock.mix_all.isVisible()


def test_the_open_case_is_first_and_grows_member_by_member(
    open_window: Callable[[Path], Window], ensemble: Path, tmp_path: Path
) -> None:
    cases = [Drawn(str(100 + n), "kidney", (600, 600), discs=((150, 150, 60),)) for n in range(9)]
    write_cohort(tmp_path / "nine", cases)
    window = open_window(tmp_path / "nine")
    window.wait(lambda: window.open_id is not None)
    window.go("104")
    kept: list[str] = []
    desk: Any = window.desk
    desk.predicting.predicted.connect(kept.append)
    members_told: list[str] = []
    desk.predicting.member_kept.connect(members_told.append)
    choose(window, ensemble)
    window.click(window.ensemble.run)
    window.wait(lambda: len(kept) >= 3, 240)
    window.click(window.ensemble.cancel)
    window.wait(finished(window))
    assert members_told == ["104", "104"]
    # the first case's folder is shown as its first member arrives
    assert kept[:3] == ["104", "105", "103"]
    window.wait(lambda: desk.session.open.predicted is not None)
    assert desk.session.open.id == "104"
    folder = desk.session.predictions.folder
    assert {path.stem for path in folder.glob("*.npz")} >= {"104", "105", "103"}
