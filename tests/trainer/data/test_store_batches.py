from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trainer.data.store import Batch, Store
from trainer.errors import StoreError

MASK = np.eye(30, dtype=np.uint8)


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    store = Store(place)
    yield store
    store.close()


@pytest.fixture
def batch(store: Store) -> Batch:
    """Two cases of lung and one of spleen, accepted by ada."""
    batch = store.batches.begin('{"rule": 1}', "abc", 0.05, author="ada")
    for case_id, organ in (("1", "lung"), ("2", "lung"), ("3", "spleen")):
        store.batches.accept(batch, case_id, organ, MASK, f"batch {batch.id}")
    return batch


def statuses(store: Store) -> dict[str, str]:
    return {case_id: revision.status for case_id, revision in store.latest_all().items()}


class TestAccepting:
    def test_a_batch_and_its_cases_are_there_at_the_next_start(
        self, store: Store, batch: Batch, place: Path | str
    ):
        store.close()
        again = Store(place)
        assert again.batches.all() == [again.batches.get(batch.id)] == [batch]
        assert (batch.rule, batch.predictions, batch.tolerance) == ('{"rule": 1}', "abc", 0.05)
        found = [(c.case_id, c.organ, c.drawn, c.right) for c in again.batches.cases(batch.id)]
        assert found == [
            ("1", "lung", None, None), ("2", "lung", None, None), ("3", "spleen", None, None),
        ]  # fmt: skip
        again.close()

    def test_an_accepted_case_is_a_revision_like_any_other(self, store: Store, batch: Batch):
        revision = store.latest("1")
        assert revision is not None
        assert (revision.tool, revision.status, revision.author, revision.note) == (
            "bulk accept", "accepted", "ada", "batch 1",
        )  # fmt: skip
        assert np.array_equal(store.mask(revision), MASK)
        assert store.batches.cases(batch.id)[0].revision_id == revision.id

    @pytest.mark.parametrize("status", ["unreviewed", "accepted", "in work", "rejected"])
    def test_a_person_s_work_is_never_covered(self, store: Store, batch: Batch, status: str):
        mine = store.add("4", 1 - MASK, tool="paint", status=status)  # pyright: ignore
        assert store.batches.accept(batch, "4", "lung", MASK, "") is None
        assert store.history("4") == [mine]
        assert "4" not in {case.case_id for case in store.batches.cases(batch.id)}

    def test_a_case_is_accepted_once(self, store: Store, batch: Batch):
        assert store.batches.accept(batch, "1", "lung", 1 - MASK, "") is None
        assert len(store.history("1")) == 1

    def test_two_threads_that_accept_the_same_cases_accept_each_once(self, store: Store):
        batch = store.batches.begin("{}", "abc", 0.05)

        def accept() -> None:
            for number in range(20):
                store.batches.accept(batch, str(number), "lung", MASK, "")

        threads = [threading.Thread(target=accept) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.batches.cases(batch.id)) == 20
        assert all(len(store.history(str(number))) == 1 for number in range(20))


class TestSample:
    def test_it_keeps_its_order_and_is_drawn_once(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["3", "1"])
        assert {c.case_id: c.drawn for c in store.batches.cases(batch.id)} == {
            "1": 1, "2": None, "3": 0,
        }  # fmt: skip
        with pytest.raises(StoreError, match="the sample of batch 1 is drawn; check that one"):
            store.batches.draw(batch.id, ["2"])

    def test_nothing_joins_a_batch_whose_sample_is_drawn(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["1"])
        with pytest.raises(StoreError, match="case 9: the sample of batch 1 is drawn; accept it"):
            store.batches.accept(batch, "9", "lung", MASK, "")
        assert store.latest("9") is None

    def test_a_case_of_no_batch_is_not_drawn(self, store: Store, batch: Batch):
        with pytest.raises(StoreError):
            store.batches.draw(batch.id, ["1", "99"])
        assert all(case.drawn is None for case in store.batches.cases(batch.id))


class TestJudging:
    def test_verdicts_become_the_checker_s_revisions(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["1", "2"])
        added = store.batches.judge(batch.id, {"1": True, "2": False}, author="bo")
        assert [store.latest("1"), store.latest("2")] == added
        assert [(r.author, r.tool, r.status) for r in added] == [
            ("bo", "bulk check", "accepted"), ("bo", "bulk check", "in work"),
        ]  # fmt: skip
        assert np.array_equal(store.mask(added[1]), MASK)
        assert [c.right for c in store.batches.cases(batch.id)] == [True, False, None]

    def test_the_last_verdict_counts(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["1"])
        store.batches.judge(batch.id, {"1": False})
        store.batches.judge(batch.id, {"1": True})
        assert store.batches.cases(batch.id)[0].right is True
        assert statuses(store)["1"] == "accepted"

    def test_a_mask_redrawn_meanwhile_stays_as_it_was_redrawn(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["1"])
        mine = store.add("1", 1 - MASK, tool="paint", status="accepted")
        assert store.batches.judge(batch.id, {"1": False}) == []
        assert store.latest("1") == mine
        assert store.batches.cases(batch.id)[0].right is False

    def test_all_verdicts_are_kept_or_none(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["1"])
        with pytest.raises(StoreError, match="case 2: is not in the sample of batch 1; check a"):
            store.batches.judge(batch.id, {"1": True, "2": True})
        assert store.batches.cases(batch.id)[0].right is None
        assert len(store.history("1")) == 1

    def test_no_verdict_after_the_end(self, store: Store, batch: Batch):
        store.batches.draw(batch.id, ["1", "3"])
        store.batches.end(batch.id, "lung", "passed", "")
        with pytest.raises(StoreError, match="case 1: batch 1 is passed for its organ; change the"):
            store.batches.judge(batch.id, {"1": False})
        assert len(store.batches.judge(batch.id, {"3": True})) == 1


class TestEnding:
    def test_reopening_gives_back_what_nobody_looked_at(self, store: Store, batch: Batch):
        batch = store.batches.begin("{}", "abc", 0.05)
        for case_id in "abcd":
            store.batches.accept(batch, case_id, "lung", MASK, "")
        store.batches.draw(batch.id, ["a", "b"])
        store.batches.judge(batch.id, {"a": True, "b": False})
        mine = store.add("c", 1 - MASK, tool="paint", status="accepted", author="cy")

        (back,) = store.batches.end(batch.id, "lung", "reopened", "batch 2 reopened", "bo")

        assert back == store.latest("d")
        assert (back.tool, back.status, back.author) == ("bulk reopen", "unreviewed", "bo")
        assert back.note == "batch 2 reopened"
        assert np.array_equal(store.mask(back), MASK)
        assert store.latest("c") == mine
        now = statuses(store)
        assert (now["a"], now["b"]) == ("accepted", "in work")
        assert (now["1"], now["2"], now["3"]) == ("accepted",) * 3  # another batch's
        assert store.batches.endings(batch.id) == {"lung": "reopened"}

    def test_one_organ_of_a_batch(self, store: Store, batch: Batch):
        store.batches.end(batch.id, "lung", "reopened", "")
        assert statuses(store) == {"1": "unreviewed", "2": "unreviewed", "3": "accepted"}

    def test_an_end_is_an_end(self, store: Store, batch: Batch):
        store.batches.end(batch.id, "lung", "reopened", "")
        with pytest.raises(StoreError, match="batch 1 is reopened already for lung"):
            store.batches.end(batch.id, "lung", "passed", "")
        assert store.batches.endings(batch.id) == {"lung": "reopened"}

    def test_what_was_given_back_may_be_accepted_anew(self, store: Store, batch: Batch):
        store.batches.end(batch.id, "lung", "reopened", "")
        second = store.batches.begin("{}", "better", 0.05)
        again = store.batches.accept(second, "1", "lung", 1 - MASK, "")
        assert store.latest("1") == again
        assert [r.status for r in store.history("1")] == ["accepted", "unreviewed", "accepted"]

    def test_what_was_given_back_and_then_drawn_is_a_person_s(self, store: Store, batch: Batch):
        store.batches.end(batch.id, "lung", "reopened", "")
        mine = store.add("1", 1 - MASK, tool="paint")
        second = store.batches.begin("{}", "better", 0.05)
        assert store.batches.accept(second, "1", "lung", MASK, "") is None
        assert store.latest("1") == mine

    def test_no_such_batch(self, store: Store):
        with pytest.raises(StoreError, match=r": there is no batch 7"):
            store.batches.get(7)
