"""Every organ in figures, with no window at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts import TEST, TRAIN, Drawn, write_cohort
from hubmap_viewer.loading import load
from hubmap_viewer.organ_figures import ALL, Figures, Strip, Summary
from hubmap_viewer.overview import Overview
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from hubmap_viewer.veil import Veil
from trainer.data.case import Case
from trainer.data.cohort import Cohort
from trainer.data.findings import Kind, Loss, find, tally
from trainer.data.predictions import Predictions
from trainer.metrics import dice

KIDNEYS = tuple(Drawn(str(number), "kidney", (40, 40)) for number in range(41, 46))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Seven kidneys, two lungs, and a spleen without truth."""
    write_cohort(tmp_path / "many", (*TRAIN, *KIDNEYS), TEST)
    session = Session()
    session.open_cohort(Cohort.open(tmp_path / "many"))
    yield session
    session.close()


@pytest.fixture
def overview(session: Session) -> Overview:
    return Overview(session)


@pytest.fixture
def second(tmp_path: Path) -> Predictions:
    return Predictions.create(tmp_path / "second", {"ensemble": "second"})


def put(session: Session, organ: str, dices: list[float], **more: object) -> list[str]:
    """Give an organ's cases these Dice; returns their ids."""
    assert session.cohort is not None
    cases = session.cohort.cases.values()
    ids = [case.id for case in cases if case.organ == organ][: len(dices)]
    for case_id, value in zip(ids, dices, strict=True):
        session.put_scores(case_id, Scores(prediction=value, **more))  # type: ignore[arg-type]
    return ids


def strip(overview: Overview, organ: str) -> Strip:
    overview.refresh()
    return next(strip for strip in overview.strips if strip.organ == organ)


def summary(overview: Overview, organ: str) -> Summary:
    overview.refresh()
    return next(row for row in overview.summaries if row.organ == organ)


def test_dots_go_from_worst_to_best(session: Session, overview: Overview) -> None:
    ids = put(session, "kidney", [0.9, 0.2, 0.7])
    assert strip(overview, "kidney").ids == (ids[1], ids[2], ids[0])
    assert strip(overview, "kidney").dice.tolist() == [0.2, 0.7, 0.9]


def test_other_masks_stand_beside_the_one_that_is_shown(
    session: Session, overview: Overview, second: Predictions
) -> None:
    (case_id, other, seen) = put(session, "kidney", [0.4, 0.6, 0.5])
    session.put_scores(case_id, Scores(prediction=0.4, second=0.7))
    session.put_scores(other, Scores(prediction=0.6, second=0.9))
    session.put_scores(seen, Scores(prediction=0.5, second=1.0, second_in_sample=True))
    (beside,) = strip(overview, "kidney").beside
    assert (beside.side, beside.dice.tolist(), beside.median) == ("second", [0.7, 0.9], 0.8)
    assert strip(overview, "lung").beside == ()
    session.second = second
    overview.choose("second")
    (beside,) = strip(overview, "kidney").beside
    assert (beside.side, beside.dice.tolist()) == ("prediction", [0.4, 0.6, 0.5])


def test_equal_dice_keep_the_csvs_order(session: Session, overview: Overview) -> None:
    ids = put(session, "kidney", [0.5] * 7)
    assert strip(overview, "kidney").ids == tuple(ids)


def test_figures_of_an_organ(session: Session, overview: Overview) -> None:
    ids = put(session, "kidney", [0.9, 0.1, 0.6, 0.8])
    row = summary(overview, "kidney")
    assert row.cases == 4
    assert row.mean == pytest.approx(0.6)
    assert row.median == pytest.approx(0.7)
    assert row.worst == (ids[1], ids[2], ids[3])
    assert strip(overview, "kidney").median == pytest.approx(0.7)


def test_all_organs_are_of_all_cases_not_of_the_organs_means(
    session: Session, overview: Overview
) -> None:
    put(session, "kidney", [0.9] * 4)
    (lung,) = put(session, "lung", [0.4])
    row = summary(overview, ALL)
    assert (row.cases, row.mean, row.worst[0]) == (5, pytest.approx(0.8), lung)


def test_a_case_seen_in_training_is_shown_but_not_counted(
    session: Session, overview: Overview
) -> None:
    ids = put(session, "kidney", [0.99, 0.5, 0.7])
    session.put_scores(ids[0], Scores(prediction=0.99, in_sample=True))
    shown, row = strip(overview, "kidney"), summary(overview, "kidney")
    assert shown.ids[-1] == ids[0]
    assert shown.seen.tolist() == [False, False, True]
    assert (row.cases, row.seen, row.mean) == (2, 1, pytest.approx(0.6))
    assert ids[0] not in row.worst
    assert shown.median == pytest.approx(0.6)
    assert overview.seen == 1
    assert overview.name(ids[0]).endswith("seen in training, left out")


def test_an_organ_seen_whole_has_dots_and_no_figures(session: Session, overview: Overview) -> None:
    put(session, "kidney", [0.9, 0.8], in_sample=True)
    row = summary(overview, "kidney")
    assert len(strip(overview, "kidney").ids) == 2
    assert (row.cases, row.mean, row.median, row.worst, row.losses) == (0, None, None, (), {})


def test_each_side_has_its_own_training(
    session: Session, overview: Overview, second: Predictions
) -> None:
    (case_id,) = put(session, "kidney", [0.9])
    session.use_pair(second, None)
    session.put_scores(case_id, Scores(prediction=0.9, second=0.3, second_in_sample=True))
    overview.choose("second")
    assert strip(overview, "kidney").seen.tolist() == [True]
    overview.choose("prediction")
    assert strip(overview, "kidney").seen.tolist() == [False]


def test_words_where_there_is_no_dot(session: Session, overview: Overview) -> None:
    assert strip(overview, "spleen").words == "no truth for its one case"
    assert strip(overview, "kidney").words == "its 7 cases: not predicted yet"
    put(session, "kidney", [0.5])
    assert strip(overview, "kidney").words == ""


def test_what_the_queue_leaves_out_is_marked(session: Session, overview: Overview) -> None:
    ids = put(session, "kidney", [0.1, 0.2, 0.3])
    assert strip(overview, "kidney").queued.all()
    session.put_queue((ids[2], ids[0]))
    assert strip(overview, "kidney").queued.tolist() == [True, False, True]


def test_losses_are_means_over_the_cases_whose_findings_are_known(
    session: Session, overview: Overview
) -> None:
    ids = put(session, "kidney", [0.8, 0.9, 0.7])
    losses: dict[Kind, Loss] = {"missed": Loss(2, 0.15), "boundary": Loss(5, 0.05)}
    session.put_scores(ids[0], Scores(prediction=0.8, losses=losses))
    session.put_scores(ids[1], Scores(prediction=0.9, losses={"missed": Loss(1, 0.1)}))
    row = summary(overview, "kidney")
    assert (row.cases, row.counted) == (3, 2)
    assert row.losses["missed"].count == 3
    assert row.losses["missed"].per_case == pytest.approx(0.125)
    assert row.losses["boundary"].per_case == pytest.approx(0.025)
    assert (row.losses["split"].count, row.losses["split"].per_case) == (0, 0)


def test_findings_of_seen_cases_are_left_out_too(session: Session, overview: Overview) -> None:
    (case_id,) = put(session, "kidney", [0.8])
    scores = Scores(prediction=0.8, losses={"missed": Loss(2, 0.2)}, in_sample=True)
    session.put_scores(case_id, scores)
    assert summary(overview, "kidney").losses == {}


def test_a_curated_mask_counts_once_it_is_kept(session: Session, overview: Overview) -> None:
    session.put_scores("11", Scores(prediction=0.4, curated=1.0))
    assert overview.sides == ("prediction",)
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.want("11")
    session.judge("accepted")
    session.flush()
    session.put_scores("12", Scores(prediction=0.4, curated=1.0))
    overview.choose("curated")
    assert overview.side == "curated"
    assert strip(overview, "kidney").ids == ("11",)
    assert summary(overview, "kidney").losses == {}
    assert overview.name("11") == "11 · kidney · Dice 1.000 · accepted"


def test_a_case_that_is_drawn_blind_keeps_its_dice_secret(
    session: Session, overview: Overview
) -> None:
    put(session, "kidney", [0.4])
    overview.refresh()
    session.begin_blind(Veil("11"))
    overview.refresh()
    assert strip(overview, "kidney").ids == ()
    assert "no Dice" in overview.name("11")


def test_a_side_that_goes_gives_way_to_the_prediction(
    session: Session, overview: Overview, second: Predictions
) -> None:
    session.use_pair(second, None)
    overview.choose("second")
    assert overview.side == "second"
    session.use_pair(None, None)
    overview.refresh()
    assert overview.side == "prediction"


def test_other_predictions_forget_the_scores_before(session: Session, overview: Overview) -> None:
    put(session, "kidney", [0.5, 0.6])
    assert len(strip(overview, "kidney").ids) == 2
    session.use_pair(None, None)
    assert strip(overview, "kidney").ids == ()
    assert summary(overview, "kidney").cases == 0


def test_many_scores_ask_for_one_refresh(session: Session, overview: Overview) -> None:
    asked = []
    overview.stale.connect(lambda: asked.append(True))
    put(session, "kidney", [0.1, 0.2, 0.3])
    put(session, "kidney", [0.2, 0.3, 0.4])
    assert len(asked) == 1
    overview.refresh()
    put(session, "lung", [0.5])
    assert len(asked) == 2


def test_one_cases_news_reads_that_case_alone(session: Session, overview: Overview) -> None:
    ids = put(session, "kidney", [0.1, 0.2])
    overview.refresh()
    session.scores[ids[0]] = Scores(prediction=0.9)  # of which nobody is told
    session.put_scores(ids[1], Scores(prediction=0.3))
    assert strip(overview, "kidney").dice.tolist() == [0.1, 0.3]
    session.put_many_scores({})
    assert strip(overview, "kidney").dice.tolist() == [0.3, 0.9]


def test_another_cohort_starts_anew(session: Session, overview: Overview, tmp_path: Path) -> None:
    put(session, "kidney", [0.5])
    overview.refresh()
    write_cohort(tmp_path / "other", (Drawn("7", "prostate", (40, 40)),))
    session.open_cohort(Cohort.open(tmp_path / "other"))
    assert [strip.organ for strip in overview.strips] == ["prostate"]
    assert [row.organ for row in overview.summaries] == ["prostate", ALL]
    assert overview.summaries[-1].cases == 0


shifts = st.tuples(st.integers(-30, 30), st.integers(-30, 30))


@given(st.lists(shifts, min_size=len(TRAIN), max_size=len(TRAIN)))
@settings(max_examples=20, deadline=None)
def test_mean_and_losses_sum_to_one(moved: list[tuple[int, int]]) -> None:
    """Whatever the predictions, a row of the table says where all of the Dice went."""
    cases = [
        Case(drawn.id, drawn.organ, Path(), "train", row, has_truth=True)
        for row, drawn in enumerate(TRAIN, start=2)
    ]
    figures = Figures(cases)
    for drawn, shift in zip(TRAIN, moved, strict=True):
        found = np.roll(drawn.mask, shift, (0, 1))
        losses = tally(find(drawn.mask, found))
        scores = Scores(prediction=dice(found, drawn.mask), losses=losses)
        figures.put(drawn.id, scores, kept=False)
    row = figures.summary(ALL, "prediction")
    assert row.counted == row.cases == len(TRAIN)
    assert row.mean is not None
    assert row.mean + sum(lost.per_case for lost in row.losses.values()) == pytest.approx(1)
