"""The session's rules, with no window at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cohorts import TRAIN
from hubmap_viewer.loading import Predicted, load
from hubmap_viewer.session import Session
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.store import Store
from trainer.metrics import dice
from trainer.predict.postprocess import OperatingPoint


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    """The tiny cohort, with nothing open; a wanted case is loaded at once."""
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(cohort_folder))
    yield session
    session.close()


@pytest.fixture
def told(session: Session) -> list[str]:
    words: list[str] = []
    session.told.connect(lambda message: words.append(str(message)))
    return words


def paint(session: Session, rows: slice) -> None:
    assert session.open is not None
    session.open.curated[rows] ^= 1
    session.drawing.painted("paint")


def test_an_answer_for_another_case_is_dropped(session: Session) -> None:
    session.want("11")
    late = load(session.sources, "12")
    session.put(late)
    assert session.open is not None
    assert session.open.id == "11"


def test_what_is_painted_without_a_word_is_kept_on_leaving(
    session: Session, cohort_folder: Path
) -> None:
    session.want("11")
    assert session.open is not None
    session.open.curated[5:9] = 1
    session.want("12")
    assert session.flush()
    store = Store.for_cohort(cohort_folder)
    revision = store.latest("11")
    assert revision is not None
    assert store.mask(revision)[5:9].all()
    store.close()


def test_a_case_read_before_its_draft_was_saved_is_read_again(session: Session) -> None:
    session.want("11")
    paint(session, slice(0, 20))
    assert session.open is not None
    drawn = session.open.curated.copy()
    early = load(session.sources, "11")
    session.want("12")
    assert session.flush()
    session.wanted = "11"
    session.put(early)
    assert session.open.id == "11"
    assert np.array_equal(session.open.curated, drawn)


def test_a_case_opened_before_its_draft_is_saved_shows_the_draft(session: Session) -> None:
    session.want("11")
    paint(session, slice(0, 20))
    assert session.open is not None
    drawn = session.open.curated.copy()
    session.want("12")
    session.want("11")
    assert np.array_equal(session.open.curated, drawn)


def test_edits_survive_a_visit_to_another_case(session: Session) -> None:
    session.want("11")
    paint(session, slice(0, 20))
    session.want("12")
    paint(session, slice(40, 50))
    session.want("11")
    session.drawing.undo()
    assert session.open is not None
    assert np.array_equal(session.open.curated, TRAIN[0].mask)


def test_scores_follow_every_edit_as_if_all_pixels_were_counted(session: Session) -> None:
    session.want("11")
    here = session.open
    assert here is not None
    for act in (
        lambda: paint(session, slice(5, 60)),
        lambda: paint(session, slice(40, 130)),
        session.drawing.undo,
        lambda: session.drawing.take("nothing"),
        session.drawing.undo,
        session.drawing.redo,
        lambda: session.drawing.take("truth"),
        lambda: paint(session, slice(0, 300)),
    ):
        act()
        assert here.scores.curated == dice(here.curated, TRAIN[0].mask)


def test_nothing_to_undo_is_said(session: Session, told: list[str]) -> None:
    session.want("11")
    session.drawing.undo()
    assert told == ["Nothing to undo on case 11."]


def test_a_judged_case_is_kept_with_its_origin(session: Session, cohort_folder: Path) -> None:
    session.want("11")
    session.judge("accepted")
    assert session.flush()
    store = Store.for_cohort(cohort_folder)
    revision = store.latest("11")
    assert revision is not None
    assert (revision.status, revision.tool) == ("accepted", "truth")
    store.close()


def test_the_verdict_is_known_before_it_is_on_disk(session: Session) -> None:
    session.want("11")
    session.judge("rejected")
    session.want("12")
    assert session.status("11") == "rejected"


def test_a_prediction_scores_the_open_case(session: Session) -> None:
    session.want("11")
    mask = np.zeros_like(TRAIN[0].mask)
    prediction = Prediction("11", mask[::4, ::4], mask[::4, ::4], mask.shape)
    session.put_prediction(
        "11", Predicted(prediction, OperatingPoint(0.5), mask, [mask, mask[::2, ::2]])
    )
    assert session.scores["11"].prediction == 0.0
    session.put_prediction("12", None)
    assert session.scores["11"].prediction == 0.0


def test_taking_what_is_not_there_is_said(session: Session, told: list[str]) -> None:
    session.want("31")
    session.drawing.take("truth")
    session.drawing.take("prediction")
    assert told == [
        "Case 31 has no truth to start from.",
        "Case 31 has no prediction to start from.",
    ]


def test_a_changed_image_does_not_lose_the_kept_mask(
    session: Session, told: list[str], cohort_folder: Path
) -> None:
    store = Store.for_cohort(cohort_folder)
    store.add("11", np.ones((7, 7), np.uint8), tool="paint")
    store.close()
    session.want("11")
    assert "7×7" in told[0]
    assert "stays in the store" in told[0]


def test_a_folder_that_cannot_hold_reviews_still_opens(
    cohort_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cohort_folder / "reviews.sqlite").write_bytes(b"this is no database" * 100)
    session, words = Session(), []
    session.told.connect(lambda message: words.append(str(message)))
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(cohort_folder))
    assert "reviews.sqlite" in words[0]
    session.want("11")
    session.judge("accepted")
    assert "nothing can be kept here" in words[-1]
    session.close()


def test_a_folder_without_images_is_told_in_a_few_words(cohort_folder: Path) -> None:
    for path in (cohort_folder / "train_images").iterdir():
        path.unlink()
    session, words = Session(), []
    session.told.connect(lambda message: words.append(str(message)))
    session.open_cohort(Cohort.open(cohort_folder))
    assert len(words) == 4
    assert "1 more of its rows" in words[-1]
    session.close()


_PAINT_AND_WAIT = """
import sys, time
from pathlib import Path
from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort

session = Session()
session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
session.open_cohort(Cohort.open(Path(sys.argv[1])))
session.want("11")
for row in range(5):
    session.open.curated[row] ^= 1
    session.drawing.painted("paint")
while session.unsaved():
    time.sleep(0.01)
print("saved", flush=True)
time.sleep(60)
"""


def test_a_killed_window_loses_nothing_that_it_calls_saved(cohort_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PAINT_AND_WAIT, str(cohort_folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "saved\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    store = Store.for_cohort(cohort_folder)
    revision = store.latest("11")
    assert revision is not None
    drawn = TRAIN[0].mask.copy()
    drawn[:5] ^= 1
    assert np.array_equal(store.mask(revision), drawn)
    store.close()
