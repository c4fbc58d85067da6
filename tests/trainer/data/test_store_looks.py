from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.data.cohort import Cohort
from trainer.data.store import Store
from trainer.errors import StoreError
from trainer.export import Selection
from trainer.train.labels import Labels

MASK = np.eye(30, dtype=np.uint8)


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    store = Store(place)
    yield store
    store.close()


def test_a_look_and_what_it_is_compared_with(store: Store):
    revision = store.add("17", MASK, tool="paint", author="ada")
    look = store.looks.add(1 - MASK, revision, seconds=12.5, author="bo")
    assert (look.case_id, look.revision_id, look.author, look.seconds) == (
        "17", revision.id, "bo", 12.5,
    )  # fmt: skip
    assert np.array_equal(store.looks.mask(look), 1 - MASK)
    assert store.looks.of("17") == store.looks.all() == [look]
    assert store.looks.of("18") == []


def test_a_look_is_never_the_curated_mask(store: Store):
    revision = store.add("17", MASK, tool="paint", status="accepted")
    store.looks.add(1 - MASK, revision, seconds=1)
    assert store.latest("17") == revision
    assert store.history("17") == [revision]
    assert np.array_equal(store.mask(revision), MASK)


def test_neither_export_nor_training_reads_a_look(cohort_folder: Path):
    store = Store.for_cohort(cohort_folder)
    curated = np.zeros((300, 400), np.uint8)
    curated[5:9] = 1
    revision = store.add("11", curated, tool="paint", status="accepted")
    store.looks.add(1 - curated, revision, seconds=1)
    cohort = Cohort.open(cohort_folder)

    ((case, exported),) = Selection(cohort, "curated", store).masks()
    learned = Labels.gather(cohort, store).mask("11")

    assert case.id == "11"
    assert np.array_equal(exported, curated)
    assert learned is not None
    assert np.array_equal(learned, curated)
    store.close()


def test_a_mask_of_another_size_is_refused(store: Store):
    revision = store.add("17", MASK, tool="paint")
    with pytest.raises(StoreError, match="case 17: the second look is 9×30 px, the revision 30×30"):
        store.looks.add(MASK[:9], revision, seconds=1)
    assert store.looks.all() == []


def test_a_damaged_mask_is_told(store: Store, sql: Callable[[str], list[Any]]):
    revision = store.add("17", MASK, tool="paint")
    look = store.looks.add(1 - MASK, revision, seconds=1)
    sql("UPDATE masks SET width = width + 1")
    with pytest.raises(StoreError, match="case 17: the mask of second look 1 is missing or dam"):
        store.looks.mask(look)


class TestOrigin:
    def test_a_change_of_status_does_not_make_its_author_the_drawer(self, store: Store):
        store.add("17", 1 - MASK, tool="paint", author="cy")
        drawn = store.add("17", MASK, tool="paint", author="ada")
        store.add("18", MASK, tool="paint", author="dan")
        verdict = store.add("17", MASK, tool="paint", status="accepted", author="bo")
        assert store.origin(verdict) == drawn
        assert store.origin(drawn) == drawn

    def test_who_went_back_to_an_earlier_mask_chose_it(self, store: Store):
        store.add("17", MASK, tool="paint", author="ada")
        store.add("17", 1 - MASK, tool="paint", author="bo")
        back = store.add("17", MASK, tool="undo", author="cy")
        assert store.origin(back) == back

    def test_a_later_revision_changes_nothing(self, store: Store):
        first = store.add("17", MASK, tool="paint", author="ada")
        store.add("17", 1 - MASK, tool="paint", author="bo")
        assert store.origin(first) == first
