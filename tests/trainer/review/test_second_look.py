from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trainer.data.store import FILE, Store
from trainer.errors import StoreError
from trainer.review.second_look import ALL, Pair, Summary, agreement, draw, opinions, pairs, write

ORGANS = {"1": "lung", "2": "lung", "3": "spleen"}
SQUARE = np.zeros((20, 20), np.uint8)
SQUARE[5:15, 5:15] = 1
HALF = SQUARE.copy()
HALF[10:] = 0  # Dice with the square: 2 · 50 / 150


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.for_cohort(tmp_path)
    yield store
    store.close()


def compared(store: Store) -> list[Pair]:
    return [one for one in pairs(store, ORGANS) if isinstance(one, Pair)]


class TestDraw:
    def test_only_what_a_person_has_reviewed(self, store: Store):
        statuses = ("accepted", "in work", "unreviewed", "rejected")
        for number, status in enumerate(statuses):
            store.add(str(number), SQUARE, tool="paint", status=status)
        batch = store.batches.begin("{}", "f", 0.05)
        store.batches.accept(batch, "9", "lung", SQUARE, "")
        organs = dict.fromkeys(map(str, range(10)), "lung")
        assert sorted(draw(store.latest_all(), organs, 5, 0)["lung"]) == ["0", "1"]

    def test_as_many_of_each_organ_by_the_seed(self, store: Store):
        organs = {str(n): ("lung", "spleen", "kidney")[n % 3] for n in range(60)}
        for case_id in organs:
            store.add(case_id, SQUARE, tool="paint", status="accepted")
        reviews = store.latest_all()
        drawn = draw(reviews, organs, 4, 1)
        assert {organ: len(set(ids)) for organ, ids in drawn.items()} == {
            "kidney": 4, "lung": 4, "spleen": 4,
        }  # fmt: skip
        assert all(organs[case_id] == organ for organ, ids in drawn.items() for case_id in ids)
        assert drawn == draw(reviews, organs, 4, 1) != draw(reviews, organs, 4, 2)

    def test_a_case_that_the_cohort_lost_is_not_drawn(self, store: Store):
        store.add("1", SQUARE, tool="paint", status="accepted")
        store.add("77", SQUARE, tool="paint", status="accepted")
        assert draw(store.latest_all(), ORGANS, 5, 0) == {"lung": ["1"]}


class TestAgreement:
    def test_with_oneself_and_with_others_by_organ(self, store: Store):
        for case_id in ORGANS:
            revision = store.add(case_id, SQUARE, tool="paint", author="ada")
            store.looks.add(HALF, revision, seconds=30, author="ada")
            store.looks.add(SQUARE, revision, seconds=20, author="bo")
        lung, spleen, every = agreement(compared(store))
        two_thirds = 2 * 50 / 150
        assert (lung.organ, lung.n) == ("lung", 4)
        assert lung.intra == Summary(2, two_thirds, two_thirds)
        assert lung.inter == Summary(2, 1, 1)
        assert (spleen.organ, spleen.n) == ("spleen", 2)
        assert every.organ == ALL
        assert every.intra == Summary(3, two_thirds, two_thirds)

    def test_mean_and_median(self):
        dices = (0.25, 0.75, 0.875)
        found = [Pair(str(d), "lung", "ada", "ada", d, 1.0) for d in dices]
        (lung, _) = agreement(found)
        assert lung.intra == Summary(3, 0.625, 0.75)
        assert lung.inter is None

    def test_nothing_yet(self, store: Store):
        assert compared(store) == []
        assert agreement([]) == []

    def test_it_is_with_who_drew_not_with_who_pressed_accept(self, store: Store):
        store.add("1", SQUARE, tool="paint", author="ada")
        verdict = store.add("1", SQUARE, tool="status", status="accepted", author="bo")
        store.looks.add(HALF, verdict, seconds=1, author="bo")
        (pair,) = compared(store)
        assert (pair.previous, pair.intra) == ("ada", False)

    def test_a_later_revision_does_not_change_what_was_compared(self, store: Store):
        revision = store.add("1", SQUARE, tool="paint", author="ada")
        store.looks.add(HALF, revision, seconds=1, author="ada")
        before = compared(store)
        store.add("1", HALF, tool="paint", author="ada")
        assert compared(store) == before

    def test_a_reviewer_s_first_look_counts(self, store: Store):
        revision = store.add("1", SQUARE, tool="paint", author="ada")
        store.looks.add(HALF, revision, seconds=1, author="ada")
        store.looks.add(SQUARE, revision, seconds=2, author="ada")
        newer = store.add("1", HALF, tool="paint", author="ada")
        store.looks.add(HALF, newer, seconds=3, author="ada")
        assert [(p.dice, p.seconds) for p in compared(store)] == [
            (pytest.approx(2 / 3), 1), (1, 3),
        ]  # fmt: skip

    def test_a_damaged_mask_costs_the_others_nothing(self, store: Store, tmp_path: Path):
        for case_id, mask in (("1", SQUARE), ("3", HALF)):
            revision = store.add(case_id, mask, tool="paint", author="ada")
            store.looks.add(mask, revision, seconds=1, author="ada")
        with sqlite3.connect(tmp_path / FILE) as connection:
            connection.execute(
                "UPDATE masks SET runs = zeroblob(9) WHERE digest ="
                " (SELECT digest FROM revisions WHERE case_id = '1')"
            )
        connection.close()
        broken, sound = pairs(store, ORGANS)
        assert isinstance(broken, StoreError)
        assert isinstance(sound, Pair)
        assert (broken.case, sound.case_id) == ("1", "3")


class TestOpinions:
    """Two reviewers who each drew a case and stand by it."""

    def asked(self, store: Store) -> list[Pair]:
        return [pair for pair in opinions(store, ORGANS) if isinstance(pair, Pair)]

    def test_a_second_opinion_is_compared_but_counts_for_itself(self, store: Store):
        store.add("1", SQUARE, tool="paint", author="ada", status="needs second opinion")
        store.add("1", HALF, tool="paint", author="bo", seconds=8)
        later = store.add("1", HALF, tool="paint", author="bo", status="accepted", seconds=2)
        assert store.independent("1") == [(store.history("1")[0], later)]
        (pair,) = self.asked(store)
        assert (pair.reviewer, pair.previous, pair.kind) == ("bo", "ada", "opinion")
        lung, _ = agreement([pair])
        assert lung.opinion == Summary(1, pytest.approx(2 / 3), pytest.approx(2 / 3))
        assert (lung.intra, lung.inter) == (None, None)

    def test_who_calls_another_s_mask_right_has_drawn_none(self, store: Store):
        store.add("1", SQUARE, tool="paint", author="ada", status="needs second opinion")
        store.add("1", SQUARE, tool="status", author="bo", status="accepted")
        assert self.asked(store) == []

    def test_who_has_not_finished_has_no_opinion(self, store: Store):
        store.add("1", SQUARE, tool="paint", author="ada", status="in work")
        store.add("1", HALF, tool="paint", author="bo", status="accepted")
        assert self.asked(store) == []

    def test_what_was_accepted_in_bulk_is_nobody_s(self, store: Store):
        batch = store.batches.begin("{}", "f", 0.05, author="ada")
        store.batches.accept(batch, "1", "lung", SQUARE, "")
        store.add("1", HALF, tool="paint", author="bo", status="accepted")
        assert self.asked(store) == []

    def test_each_author_s_last_word_counts(self, store: Store):
        for author, mask in (("ada", SQUARE), ("bo", HALF), ("ada", HALF + 0), ("cy", SQUARE)):
            store.add("1", mask, tool="paint", author=author, status="accepted")
        found = [(p.previous, p.reviewer, p.dice) for p in self.asked(store)]
        two_thirds = pytest.approx(2 / 3)
        assert found == [("ada", "bo", two_thirds), ("ada", "cy", 1), ("bo", "cy", two_thirds)]

    def test_another_size_is_told(self, store: Store):
        store.add("1", SQUARE, tool="paint", author="ada", status="accepted")
        store.add("1", HALF[:9], tool="paint", author="bo", status="accepted")
        (problem,) = opinions(store, ORGANS)
        assert "case 1: its revisions 1 and 2 are of different sizes" in str(problem)


def test_the_csv_has_a_row_a_look(store: Store, tmp_path: Path):
    revision = store.add("1", SQUARE, tool="paint", author="ada")
    store.looks.add(HALF, revision, seconds=1.5, author="bo")
    write(tmp_path / "looks.csv", compared(store))
    with (tmp_path / "looks.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["case_id"], row["organ"], row["reviewer"], row["previous"], row["kind"]) == (
        "1", "lung", "bo", "ada", "inter",
    )  # fmt: skip
    assert float(row["dice"]) == pytest.approx(2 / 3)
    assert float(row["seconds"]) == 1.5
