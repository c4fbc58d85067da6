"""Which truths are suspect, the way to the place, and images that look alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from viewer.reviewed import opened, run, words_told

from cohorts import Drawn, write_cohort
from hubmap_viewer.loading import load
from hubmap_viewer.look_alikes import LookAlikes
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from hubmap_viewer.suspicions import IN_SAMPLE, Suspicions
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions
from trainer.review import groups
from trainer.review.suspicion import Step, SuspectCase, SuspectUnit

SIZE = (160, 160)
PLACES = ((40, 40, 16), (40, 115, 16), (115, 40, 16))
LACKED = (115, 115, 16)
SOUND = tuple(Drawn(str(10 + n), "kidney", SIZE, discs=(*PLACES, LACKED)) for n in range(4))
SPOILT = Drawn("30", "kidney", SIZE, pixel_size="", discs=PLACES)


def seen_by_networks(case: Drawn, *, in_sample: bool = False) -> Prediction:
    """Networks see all four units of every case."""
    units = Drawn(case.id, case.organ, SIZE, discs=(*PLACES, LACKED)).mask
    probability = np.where(units > 0, 235, 12).astype(np.uint8)
    return Prediction(case.id, probability, np.zeros(SIZE, np.uint8), SIZE, in_sample)


def prepared(folder: Path, *, in_sample: tuple[str, ...] = ()) -> Session:
    write_cohort(folder, (*SOUND, SPOILT))
    told = {"ensemble": "e", "fingerprint": "f", "threshold": 0.5}
    kept = Predictions.create(folder / "predictions" / "e", told)
    for case in (*SOUND, SPOILT):
        kept.write(seen_by_networks(case, in_sample=case.id in in_sample))
    return opened(folder, kept)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = prepared(tmp_path / "cohort")
    yield session
    session.close()


@pytest.fixture
def model(session: Session) -> Suspicions:
    model = Suspicions(session)
    run(model.search(), model.put)
    model.finish()
    return model


def test_the_truth_that_lacks_a_unit_comes_first(model: Suspicions) -> None:
    first, second = model.cases()[:2]
    assert first.case_id == SPOILT.id
    assert first.suspicion > second.suspicion
    unit = model.units()[0]
    assert (unit.case_id, unit.kind) == (SPOILT.id, "lacking")
    top, left, bottom, right = unit.box
    assert top < LACKED[0] < bottom
    assert left < LACKED[1] < right
    assert model.searched == 5


def test_of_equal_suspicion_the_larger_unit_comes_first(session: Session) -> None:
    model = Suspicions(session)
    areas = (4, 900, 60)
    found = tuple(SuspectUnit("10", "kidney", "extra", 1.0, (0, 0, 9, 9), each) for each in areas)
    model.put(Step("10", 1, 1, SuspectCase("10", "kidney", 1.0, 0.5, 0.1), found))
    assert [unit.area for unit in model.units()] == [900, 60, 4]


def test_an_area_is_told_in_what_is_known(model: Suspicions) -> None:
    units = {unit.case_id: unit for unit in model.units()}
    assert model.area(units[SPOILT.id]) == (units[SPOILT.id].area, "px")
    assert model.area(units["10"]) == (units["10"].area * 0.25, "µm²")


def test_a_unit_opens_its_case_and_is_framed(model: Suspicions, session: Session) -> None:
    framed: list[tuple[str | None, tuple[int, ...]]] = []
    session.framed.connect(lambda box: framed.append((session.wanted, tuple(box))))
    session.want("10")
    unit = model.units()[0]
    model.show(unit)
    assert session.open is not None
    assert session.open.id == SPOILT.id
    assert framed == [(SPOILT.id, tuple(unit.box))]
    model.show(unit)
    assert len(framed) == 2


def test_a_case_asked_for_by_itself_is_not_framed(model: Suspicions, session: Session) -> None:
    session.case_wanted.disconnect()
    framed: list[object] = []
    session.framed.connect(framed.append)
    model.show(model.units()[0])
    model.open(model.cases()[0])
    session.put(load(session.sources, SPOILT.id))
    assert session.open is not None
    assert session.open.id == SPOILT.id
    assert framed == []


def test_predictions_seen_in_training_are_left_out(tmp_path: Path) -> None:
    session = prepared(tmp_path / "cohort", in_sample=(SPOILT.id,))
    model = Suspicions(session)
    run(model.search(), model.put)
    model.finish()
    assert model.refused == 1
    assert SPOILT.id not in {case.case_id for case in model.cases()}
    assert SPOILT.id not in {unit.case_id for unit in model.units()}
    session.close()


def test_predictions_that_are_all_in_sample_are_refused(session: Session) -> None:
    model = Suspicions(session)
    assert model.why_not(model.ids()) == ""
    session.put_many_scores({case_id: Scores(in_sample=True) for case_id in model.ids()})
    assert model.why_not(model.ids()) == IN_SAMPLE


def test_other_predictions_make_it_void(model: Suspicions, session: Session) -> None:
    session.use_pair(None, None)
    assert model.cases() == []
    assert "No predictions are shown" in model.why_not(model.ids())


# -- look-alikes ----------------------------------------------------------------------------


@pytest.fixture
def alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Session, LookAlikes]]:
    """Five cases of different looks; the second is a copy of the first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cohort"
    chance = np.random.default_rng(4)
    discs = chance.integers(20, 140, (5, 6, 3)) // (1, 1, 6)
    ids = ("40", "41", "42", "43", "44")
    write_cohort(
        folder,
        [
            Drawn(case_id, "lung", SIZE, discs=tuple(map(tuple, each.tolist())))
            for case_id, each in zip(ids, discs, strict=True)
        ],
    )
    images = folder / "train_images"
    shutil.copy(images / "40.tiff", images / "41.tiff")
    session = opened(folder)
    model = LookAlikes(session)
    run(model.search(), model.put)
    yield session, model
    session.close()


def test_a_copy_is_found_and_kept_together(alike: tuple[Session, LookAlikes]) -> None:
    session, model = alike
    found = [(member.case_id, member.other) for member in model.members()]
    assert found == [("40", "41"), ("41", "40")]
    assert model.members()[0].distance == pytest.approx(0, abs=1e-6)
    assert model.why_not_keep() == ""
    path = model.keep_together()
    assert path is not None
    assert groups.read(session.sources.cohort.folder) == {"40": "1", "41": "1"}
    assert "already" in model.why_not_keep()


def test_nothing_is_kept_before_a_search(session: Session) -> None:
    model = LookAlikes(session)
    assert model.why_not_keep() == "Search first."
    assert model.keep_together() is None


def test_a_folder_that_cannot_be_written_is_told(alike: tuple[Session, LookAlikes]) -> None:
    session, model = alike
    told = words_told(session)
    (session.sources.cohort.folder / groups.FILE).mkdir()
    assert model.keep_together() is None
    assert any("is a folder" in words for words in told)
