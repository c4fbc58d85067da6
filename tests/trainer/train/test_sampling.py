from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.data.case import Case
from trainer.settings import Sampling
from trainer.train.sampling import Turns

CASES = [
    Case(str(number), organ, Path(), "train", number + 2, data_source=source)
    for number, (organ, source) in enumerate(
        [("lung", "HPA")] * 12 + [("lung", "Hubmap")] * 2 + [("kidney", "HPA")] * 2
    )
]
CROPS = np.array([5] * 16)


def drawn(pseudo: frozenset[int] = frozenset(), share: float = 0.0, **told: object) -> Counter[int]:
    """How often each case is shown in thirty epochs."""
    torch.manual_seed(0)
    is_pseudo = [number in pseudo for number in range(len(CASES))]
    turns = Turns(CASES, is_pseudo, CROPS, Sampling.model_validate(told), share)
    return Counter(turns[index] for _ in range(30) for index in range(len(turns)))


def epochs(count: int, **told: object) -> list[Counter[int]]:
    """How often each case is shown, by epoch."""
    torch.manual_seed(0)
    turns = Turns(CASES, [False] * 16, CROPS, Sampling.model_validate(told), 0.0)
    return [Counter(turns[index] for index in range(len(turns))) for _ in range(count)]


def total(counts: Counter[int], numbers: range) -> int:
    return sum(counts[number] for number in numbers)


def test_without_balance_every_case_has_its_own_crops_each_epoch():
    assert drawn() == dict.fromkeys(range(16), 150)


def test_organs_are_drawn_in_equal_turns_and_their_cases_by_area():
    counts = drawn(balance=["organ"])

    assert total(counts, range(14)) == total(counts, range(14, 16)) == 1200
    assert all(40 < counts[number] < 140 for number in range(14))


def test_each_epoch_shows_every_case_of_an_organ_as_often_as_its_share_up_to_one():
    for counts in epochs(30, balance=["organ"]):
        assert all(counts[number] == 20 for number in (14, 15))
        assert all(counts[number] in (2, 3, 4) for number in range(14))


def test_sources_and_organs_together_are_cells():
    by_source = drawn(balance=["source"])
    by_both = drawn(balance=["organ", "source"])

    assert total(by_source, range(12, 14)) == 1200
    assert [total(by_both, cell) for cell in (range(12), range(12, 14), range(14, 16))] == [
        810, 810, 780,
    ]  # fmt: skip


def test_an_organ_s_weight_multiplies_its_crops_and_0_leaves_it_out():
    assert total(drawn(organs={"kidney": 7.0}), range(14, 16)) == 1200
    assert total(drawn(organs={"kidney": 0.0}), range(14, 16)) == 0
    assert total(drawn(balance=["organ"], organs={"kidney": 3.0}), range(14, 16)) == 1800
    assert not drawn(organs={"kidney": 0.0, "lung": 0.0})


@pytest.mark.parametrize("balance", [[], ["organ"]])
def test_cases_without_a_label_have_their_share_and_take_no_turn_of_the_others(balance):
    counts = drawn(pseudo=frozenset({0, 1, 14}), share=0.2, balance=balance)
    besides = sum(counts[number] for number in (0, 1, 14))

    assert sum(counts.values()) - besides == 13 * 5 * 30
    assert besides / sum(counts.values()) == pytest.approx(0.2, abs=0.01)
