from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.review.suspicion import SuspectUnit
from trainer.study.answers import judged
from trainer.study.ranking import judge


def test_a_perfect_ranking_a_reversed_one_and_a_flat_one():
    wrong = [True, True, False, False, False]

    assert judge([5, 4, 3, 2, 1], wrong).auroc == 1
    assert judge([1, 2, 3, 4, 5], wrong).auroc == 0
    flat = judge([1, 1, 1, 1, 1], wrong)
    assert (flat.auroc, flat.first) == (0.5, 0)


def test_auroc_is_the_share_of_pairs_in_order_ties_counted_half():
    scores, wrong = [0.9, 0.4, 0.4, 0.1, 0.6], [True, False, True, False, False]
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, bad in zip(scores, wrong, strict=True)
        for b, other in zip(scores, wrong, strict=True)
        if bad and not other
    ]
    found = judge(scores, wrong)

    assert found.auroc == pytest.approx(np.mean(pairs))
    assert found.low <= found.auroc <= found.high
    assert (found.wrong, found.total, found.first) == (2, 5, 0.5)


def test_nothing_wrong_cannot_be_ranked():
    assert math.isnan(judge([1, 2], [False, False]).auroc)


def unit(kind: str, box: tuple[int, int, int, int], suspicion: float = 0.9) -> SuspectUnit:
    area = (box[2] - box[0]) * (box[3] - box[1])
    return SuspectUnit("1", "lung", kind, suspicion, box, area)  # pyright: ignore[reportArgumentType]


def masks(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((60, 60), np.uint8)
    for row0, column0, row1, column1 in boxes:
        mask[row0:row1, column0:column1] = 1
    return mask


A, B, C = (0, 0, 10, 10), (20, 20, 30, 30), (40, 40, 50, 50)


def test_a_unit_with_added_pixels_is_wrong_and_an_untouched_one_is_not():
    found = [unit("extra", B), unit("too wide", A)]
    answers = judged("1", found, masks(A), masks(A, B), masks(A))

    assert [one.is_wrong for one in answers] == [True, False]
    assert [one.error for one in answers] == [1, 0]


def test_a_place_that_lacks_what_was_taken_away_is_wrong():
    found = [unit("too wide", A), unit("lacking", B), unit("lacking", C)]
    answers = judged("1", found, masks(A, B), masks(A), masks(A, B, C))

    assert [one.is_wrong for one in answers] == [False, True, False]
    assert [one.error for one in answers] == [0, 1, 1]


def test_a_dropped_unit_that_nothing_points_at_counts_against_the_ranking():
    answers = judged("1", [unit("too wide", A)], masks(A, B), masks(A), masks(A))

    assert [(one.is_wrong, one.suspicion, one.box) for one in answers] == [
        (False, 0.9, A),
        (True, 0.0, B),
    ]


def test_a_units_error_is_that_of_its_best_match():
    half = (0, 0, 10, 5)
    (answer,) = judged("1", [unit("too wide", A)], masks(A), masks(A), masks(half, B))

    assert answer.error == pytest.approx(1 - 2 * 50 / 150)
