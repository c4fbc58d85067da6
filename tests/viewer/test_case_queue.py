"""The queue: who is in it, in what order, and what is still known of it the next time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cohorts import TEST, TRAIN, Drawn, write_cohort
from hubmap_viewer import remembered
from hubmap_viewer.case_queue import CaseQueue, Filter, Progress
from hubmap_viewer.columns import BY_NAME, COLUMNS
from hubmap_viewer.loading import load
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.findings import KINDS, Loss


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    yield session
    session.close()


@pytest.fixture
def queue(session: Session, cohort_folder: Path) -> CaseQueue:
    queue = CaseQueue(session)
    session.open_cohort(Cohort.open(cohort_folder))
    for case_id, dice in (("11", 0.9), ("12", 0.3), ("21", 0.6)):
        session.put_scores(case_id, Scores(prediction=dice))
    return queue


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), ("11", "12", "21", "22", "31")),
        (Filter(organ="lung"), ("21", "22")),
        (Filter(status="accepted"), ()),
        (Filter(source="HPA", words="KID"), ("11", "12")),
        (Filter(words="lung 2 nothing"), ()),
        (Filter(score="prediction", low=0.5), ("11", "21")),
        (Filter(score="prediction", high=0.5), ("12",)),
        (Filter(only=("31", "12")), ("31", "12")),
        (Filter(only=("31", "12"), organ="kidney"), ("12",)),
    ],
)
def test_a_filter_is_the_queue(
    queue: CaseQueue, session: Session, wanted: Filter, ids: tuple[str, ...]
) -> None:
    queue.narrow(wanted)
    assert queue.ids == session.queue == ids


def test_cases_that_are_not_scored_come_last_both_ways(queue: CaseQueue) -> None:
    queue.sort(BY_NAME["prediction"])
    assert queue.ids == ("12", "21", "11", "22", "31")
    queue.sort(BY_NAME["prediction"], descending=True)
    assert queue.ids == ("11", "21", "12", "22", "31")


def test_ids_are_sorted_as_numbers(session: Session, tmp_path: Path) -> None:
    write_cohort(tmp_path / "c", [Drawn(name, "lung", (40, 40)) for name in ("100", "20", "3")])
    queue = CaseQueue(session)
    session.open_cohort(Cohort.open(tmp_path / "c"))
    queue.sort(BY_NAME["case"])
    assert queue.ids == ("3", "20", "100")


def test_a_note_and_a_reviewer_can_be_searched_for(queue: CaseQueue, session: Session) -> None:
    session.want("12")
    session.judge("in work", "blurred at the rim")
    session.flush()
    queue.narrow(Filter(words="rim"))
    assert queue.ids == ("12",)


def test_next_goes_on_from_where_a_judged_case_was(queue: CaseQueue, session: Session) -> None:
    queue.narrow(Filter(status="unreviewed"))
    session.want("12")
    session.judge("accepted")
    queue.refresh()
    assert queue.ids == ("11", "21", "22", "31")
    session.step(1)
    assert session.wanted == "21"
    session.step(-1)
    assert session.wanted == "11"


def test_progress_is_of_the_whole_organ_whatever_the_filter(
    queue: CaseQueue, session: Session
) -> None:
    session.want("12")
    session.judge("rejected")
    queue.narrow(Filter(organ="lung"))
    assert queue.progress()[0] == Progress("kidney", 1, 2)


def test_open_findings_are_settled_by_a_verdict_or_one_by_one(
    queue: CaseQueue, session: Session
) -> None:
    losses = {kind: Loss(2, 0.05) for kind in KINDS}
    session.put_scores("12", Scores(prediction=0.5, losses=losses, findings=7))
    assert session.open_findings("12") == 7
    assert session.open_findings("22") is None
    session.settled["12"] = 2
    assert session.open_findings("12") == 5
    session.want("12")
    session.judge("accepted")
    assert session.open_findings("12") == 0


def test_the_queue_is_as_it_was_left(
    queue: CaseQueue, cohort_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert remembered.load(cohort_folder) == remembered.Remembered()
    queue.narrow(Filter(organ="lung", score="curated", low=0.25))
    queue.sort(BY_NAME["units"], descending=True)
    columns = ("case", "units")
    remembered.save(cohort_folder, remembered.note(queue, columns, "22"))
    kept = remembered.load(cohort_folder)
    assert kept == remembered.Remembered(columns, queue.filter, "units", True, "22")


@pytest.mark.parametrize("damage", ["", "[]", '{"filter": 3}', '{"filter": {"organ": "x"}}'])
def test_what_is_not_understood_is_a_fresh_start(
    cohort_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    remembered.save(cohort_folder, remembered.Remembered(case="21"))
    (kept,) = (tmp_path / "state").rglob("*.json")
    kept.write_text(damage, encoding="utf-8")
    assert remembered.load(cohort_folder) == remembered.Remembered()


def test_every_column_says_something_of_every_case(queue: CaseQueue, session: Session) -> None:
    assert session.cohort is not None
    assert len({column.title for column in COLUMNS}) == len(COLUMNS)
    for case in session.cohort.cases.values():
        for column in COLUMNS:
            assert isinstance(column.text(session, case), str)
    assert len(session.cohort.cases) == len(TRAIN) + len(TEST)
