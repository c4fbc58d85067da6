"""What a rule would accept, the acceptance, and the sample that is checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from viewer.reviewed import LABELLED, LUNGS, SPLEENS, opened, predicted, run, words_told, write

from hubmap_viewer.audit import BulkAccept, meaning
from hubmap_viewer.checking import SampleCheck, describe
from hubmap_viewer.session import Session
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled
from trainer.review.acceptance import Rule


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cohort"


@pytest.fixture
def predictions(folder: Path) -> Predictions:
    """Sure of all, but for one lung that is doubted and one that was trained on."""
    unsure = predicted(LUNGS[0], sure=140)
    seen = predicted(LUNGS[1], seen=True)
    rest = [predicted(case) for case in (*LABELLED, *LUNGS[2:], *SPLEENS)]
    return write(folder, [unsure, seen, *rest])


@pytest.fixture
def session(folder: Path, predictions: Predictions) -> Iterator[Session]:
    session = opened(folder, predictions)
    yield session
    session.close()


@pytest.fixture
def accept(session: Session) -> BulkAccept:
    model = BulkAccept(session)
    run(model.weigh(), model.put_weighed)
    return model


def organs(model: BulkAccept) -> list[str]:
    return sorted(candidate.organ for candidate in model.preview().found)


def take(model: BulkAccept, session: Session) -> SampleCheck:
    """Accept what the rule takes, and put the sample up."""
    run(model.accept(), lambda step: None)
    session.reread_reviews()
    return SampleCheck(session)


# -- the rule -------------------------------------------------------------------------------


def test_the_rule_tells_what_it_takes_and_why_not_the_rest(accept: BulkAccept) -> None:
    preview = accept.preview()
    assert organs(accept) == ["lung"] * 6 + ["spleen"] * 4
    assert preview.left_out == {
        "has a truth": 2, "not confident enough": 1, "seen in training": 1,
    }  # fmt: skip


def test_a_looser_rule_takes_more_without_reading_again(
    accept: BulkAccept, predictions: Predictions
) -> None:
    for path in predictions.folder.glob("*.npz"):
        path.unlink()
    accept.set_rule(Rule(("lung",), 0.3, 0.1))
    assert organs(accept) == ["lung"] * 7
    accept.set_rule(Rule((), 0.3, 0.01))
    assert accept.preview().left_out["members disagree"] == 11


def test_what_is_reviewed_meanwhile_is_left_out_at_once(
    accept: BulkAccept, session: Session
) -> None:
    session.want(SPLEENS[0].id)
    session.judge("in work")
    assert organs(accept).count("spleen") == 3
    assert session.flush()
    assert accept.preview().left_out["has a review"] == 1


def test_a_case_predicted_meanwhile_counts(
    accept: BulkAccept, session: Session, predictions: Predictions
) -> None:
    (predictions.folder / f"{LUNGS[2].id}.npz").unlink()
    run(accept.weigh(), accept.put_weighed)
    assert accept.preview().left_out["no prediction"] == 1
    predictions.write(predicted(LUNGS[2]))
    session.case_updated.emit(LUNGS[2].id)
    assert organs(accept).count("lung") == 6


def test_the_sample_says_what_it_proves(accept: BulkAccept) -> None:
    accept.set_sample(0.25, None)
    told = meaning(accept.preview(), accept.tolerance)
    assert "at most 25% wrong" in told
    assert "spleen 3 of 4 (none wrong)" in told


def test_a_larger_sample_allows_for_a_wrong_one(accept: BulkAccept) -> None:
    accept.set_sample(0.25, 6)
    assert "lung 6 of 6 (1 wrong), spleen 4 of 4 (1 wrong)" in meaning(
        accept.preview(), accept.tolerance
    )


def test_a_sample_that_could_prove_nothing_is_refused(accept: BulkAccept) -> None:
    accept.set_sample(0.05, 1)
    assert "1 of 6 cases of lung can never show" in accept.why_not(accept.preview())


def test_without_predictions_it_says_what_to_do(folder: Path, predictions: Predictions) -> None:
    session = opened(folder)
    model = BulkAccept(session)
    assert "Ensemble" in model.why_not(model.preview())
    session.close()


# -- accepting ------------------------------------------------------------------------------


def test_accepted_predictions_are_the_cases_masks(accept: BulkAccept, session: Session) -> None:
    session.want(LUNGS[2].id)
    take(accept, session)
    taken = [case.id for case in (*LUNGS[2:], *SPLEENS)]
    assert {id for id, review in session.reviews.items() if review.status == "accepted"} == set(
        taken
    )
    assert session.open is not None
    assert np.array_equal(session.open.curated, LUNGS[2].mask)
    assert session.open.status == "accepted"
    assert organs(accept) == []


def test_cancelled_it_goes_on_with_what_it_has(accept: BulkAccept, session: Session) -> None:
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        run_until = accept.accept()
        list(run_until(lambda: next(asked, True)))
    session.reread_reviews()
    preview = accept.preview()
    assert len(preview.found) == 8
    assert sum(preview.accepted.values()) == 10
    check = take(accept, session)
    assert len(check.batches()) == 1
    assert len(check.cases) == 10
    assert check.sampled()


# -- checking -------------------------------------------------------------------------------


@pytest.fixture
def check(accept: BulkAccept, session: Session) -> SampleCheck:
    """Six lungs and four spleens accepted; three of the spleens in the sample."""
    accept.set_sample(0.25, None)
    return take(accept, session)


def test_all_right_passes(check: SampleCheck, session: Session) -> None:
    check.open_next()
    while check.waiting():
        assert session.open is not None
        assert session.open.id == check.waiting()[0]
        check.judge(True)
    assert {row.outcome.organ: row.words for row in check.rows()} == {
        "lung": "passed", "spleen": "passed",
    }  # fmt: skip
    assert check.why_not()


def test_a_wrong_one_reopens_its_organ_and_no_other(check: SampleCheck, session: Session) -> None:
    told = words_told(session)
    wrong = next(id for id in check.waiting() if id.startswith("2"))
    session.want(wrong)
    check.judge(False)
    (row,) = (row for row in check.rows() if row.outcome.organ == "spleen")
    assert row.words == "failed: 3 reopened"
    assert any("so 3 cases are unreviewed again" in words for words in told)
    assert row.outcome.rate == 1.0
    status = {case.id: session.status(case.id) for case in SPLEENS}
    assert status.pop(wrong) == "in work"
    assert set(status.values()) == {"unreviewed"}
    assert all(session.status(case.id) == "accepted" for case in LUNGS[2:])
    assert not any(id.startswith("2") for id in check.waiting())


def test_what_was_mended_cannot_have_been_right(check: SampleCheck, session: Session) -> None:
    told = words_told(session)
    check.open_next()
    assert session.open is not None
    case_id = session.open.id
    session.open.curated[:5] = 1
    session.drawing.painted("paint")
    check.judge(True)
    assert any("has been mended" in words for words in told)
    assert case_id in check.waiting()
    check.judge(False)
    assert session.store is not None
    last = session.store.latest(case_id)
    assert last is not None
    assert session.store.mask(last)[:5].all()


def test_only_a_case_of_the_sample_is_judged(check: SampleCheck, session: Session) -> None:
    session.want(LABELLED[0].id)
    assert check.why_not() == "Open a case of the sample first."
    before = check.waiting()
    check.judge(True)
    assert check.waiting() == before


def test_half_a_check_survives_a_restart(
    check: SampleCheck, session: Session, folder: Path, predictions: Predictions
) -> None:
    check.open_next()
    check.judge(True)
    waiting, progress = check.waiting(), check.progress()
    session.close()
    again = opened(folder, predictions)
    model = SampleCheck(again)
    assert model.waiting() == waiting
    assert model.progress() == progress
    assert progress.startswith("1 of ")
    again.close()


def test_an_earlier_batch_can_be_looked_at_again(
    check: SampleCheck, accept: BulkAccept, session: Session
) -> None:
    accept.set_rule(Rule(("lung",), 0.3, 0.1))
    take(accept, session)
    first, second = check.batches()[::-1]
    check.show(first.id)
    assert len(check.cases) == 10
    check.show(second.id)
    assert len(check.cases) == 1
    assert "lung" in describe(second)


def test_the_waiting_part_is_put_up_as_the_queue(check: SampleCheck, session: Session) -> None:
    put_up: list[tuple[str, ...]] = []
    check.put_up.connect(lambda ids, why: put_up.append(ids))
    check.open_next()
    check.judge(True)
    assert put_up[0][1:] == put_up[1]
    assert session.wanted == put_up[1][0]
