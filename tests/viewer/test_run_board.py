"""A cohort's runs and the way of one into force, with no window at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubmap_viewer.promoting import Promoting
from hubmap_viewer.run_board import RunBoard
from hubmap_viewer.session import Session
from runs import write_run
from trainer.data.cohort import Cohort
from trainer.errors import TrainerError
from trainer.review.promotion import PROMOTED, judge


def at_once(
    function: Callable[[], Any],
    then: Callable[[Any], None],
    failed: Callable[[BaseException], None],
) -> None:
    try:
        found = function()
    except TrainerError as error:
        failed(error)
    else:
        then(found)


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    """A cohort with two runs, the second going wrong on case 12 alone."""
    cohort = Cohort.open(cohort_folder)
    write_run(cohort, "first", 1, {"11": 0.45, "21": 0.5, "22": 0.5})
    write_run(cohort, "second", 2, {"12": 0.5})
    session = Session()
    session.open_cohort(cohort)
    yield session
    session.close()


@pytest.fixture
def board(session: Session) -> RunBoard:
    board = RunBoard(session, at_once)
    board.renew()
    return board


@pytest.fixture
def told(board: RunBoard) -> list[str]:
    words: list[str] = []
    board.failed.connect(lambda error: words.append(str(error)))
    return words


def consider(session: Session, board: RunBoard, name: str) -> Promoting:
    promoting = Promoting(session)
    promoting.consider(next(row for row in board.rows if row.name == name))
    for step in promoting.comparing()(lambda: False):
        promoting.put(step)
    return promoting


def test_the_best_run_is_looked_at_first_and_stays_chosen(board: RunBoard) -> None:
    assert [row.name for row in board.rows] == ["second", "first"]
    assert board.row is board.rows[0]
    assert board.organs == ["all", "kidney", "lung"]
    board.choose(board.rows[1])
    board.renew()
    assert board.row is board.rows[1]


def test_what_a_run_is_compared_with(session: Session, board: RunBoard) -> None:
    second, first = board.rows
    assert board.against(second) is first  # its parent
    assert board.against(first) is second  # there is no other
    write_run(Cohort.open(session.sources.cohort.folder), "third", 3, {"12": 0.6})
    consider(session, board, "first").promote()
    board.renew()
    third = next(row for row in board.rows if row.name == "third")
    found = board.against(third)
    assert third.parent == "second"
    assert found is not None
    assert found.name == "first"  # in force


def test_a_score_is_kept_with_the_run_and_what_is_none_is_told(
    board: RunBoard, told: list[str]
) -> None:
    run = board.rows[1]
    board.keep_score(run, "0,78")
    assert json.loads((run.folder / "run.json").read_text())["public_score"] == 0.78
    assert board.rows[1].public == 0.78
    board.keep_score(run, "nan")
    assert "“nan” is no score" in told[0]
    assert json.loads((run.folder / "run.json").read_text())["public_score"] == 0.78
    board.keep_score(run, "")
    assert board.rows[1].public is None


def test_a_run_without_predictions_offers_no_more_than_it_has(
    session: Session, board: RunBoard, told: list[str]
) -> None:
    run = board.rows[0]
    (run.folder / "oof" / "prediction.json").unlink()
    board.show(run)
    assert "there is no prediction.json" in told[0]
    assert session.predictions is None
    assert board.against(board.rows[1]) is None


def test_damaged_promotions_are_told(session: Session, board: RunBoard, told: list[str]) -> None:
    folder = session.sources.cohort.folder / "ensembles"
    folder.mkdir()
    (folder / "promotions.json").write_text("no")
    board.renew()
    assert "promotions.json: cannot be read" in told[0]


def test_the_window_compares_as_the_command_does(session: Session, board: RunBoard) -> None:
    cohort = session.sources.cohort
    consider(session, board, "first").promote()
    found = consider(session, board, "second")
    assert found.candidate == judge(cohort, None, cohort.folder / "runs" / "second")
    assert [row.case_id for row in found.worse] == ["12"]
    assert {row.organ for row in found.gains} == {"all", "kidney", "lung"}
    assert found.words == "second against runs/first, on 4 cases of development.csv."


def test_a_comparison_says_how_far_it_is(session: Session, board: RunBoard) -> None:
    promoting = Promoting(session)
    promoting.consider(board.rows[0])
    steps = list(promoting.comparing()(lambda: False))
    shares = [step.done / step.total for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(steps) == 10  # five cases to freeze, four to measure, and the end


def test_nothing_takes_over_until_it_is_said_and_a_step_back_undoes_it(
    session: Session, board: RunBoard
) -> None:
    folder = session.sources.cohort.folder
    promoting = consider(session, board, "first")
    promoting.leave()
    promoting.promote()
    assert not (folder / PROMOTED).exists()
    consider(session, board, "first").promote()
    consider(session, board, "second").promote()
    board.renew()
    assert (board.in_force, board.before) == (folder / "runs/second", folder / "runs/first")
    board.step_back()
    assert (board.in_force, board.before) == (folder / "runs/first", None)
    board.step_back()
    assert board.in_force is None
    assert not (folder / PROMOTED).exists()
