from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trainer.data.store import CAUSES, Spot, Store
from trainer.errors import StoreError

Sql = Callable[[str], list[Any]]

SPOT = Spot(("truth", "prediction"), "missed", (10, 20, 30, 40))


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    store = Store(place)
    yield store
    store.close()


def test_a_tag_and_all_that_is_known_of_it(store: Store):
    tag = store.tags.add("17", "stain", note="pale", finding=SPOT, author="ada")
    assert (tag.case_id, tag.cause, tag.note, tag.author) == ("17", "stain", "pale", "ada")
    assert tag.finding == SPOT
    assert abs(datetime.now(UTC) - tag.created) < timedelta(minutes=1)


def test_tags_are_there_at_the_next_start(store: Store, place: Path | str):
    kept = [store.tags.add("17", "stain", finding=SPOT), store.tags.add("18", "merged")]
    store.close()
    again = Store(place)
    assert again.tags.all() == kept
    assert again.tags.of("18") == kept[1:]
    assert kept[1].finding is None
    again.close()


def test_a_case_may_have_several_causes_oldest_first(store: Store):
    for cause in CAUSES:
        store.tags.add("17", cause)
    assert [tag.cause for tag in store.tags.of("17")] == list(CAUSES)


def test_a_withdrawn_tag_is_not_shown_but_stays_in_the_database(store: Store, sql: Sql):
    first, second = store.tags.add("17", "stain"), store.tags.add("17", "border")
    store.tags.withdraw(first.id, author="bo")
    store.tags.withdraw(first.id, author="cy")
    assert store.tags.of("17") == store.tags.all() == [second]
    store.close()
    assert sql("SELECT count(*) FROM tags") == [(2,)]
    assert sql("SELECT author FROM tag_withdrawals") == [("bo",)]


def test_a_tag_does_not_review_a_case(store: Store):
    store.tags.add("17", "stain")
    assert store.latest_all() == {}


def test_what_is_refused(store: Store):
    with pytest.raises(StoreError, match="case 17: unknown cause 'ink'; use one of stain, border"):
        store.tags.add("17", "ink")  # pyright: ignore[reportArgumentType]
    with pytest.raises(StoreError, match=r": there is no tag 5"):
        store.tags.withdraw(5)
    assert store.tags.all() == []


def test_threads_take_turns(store: Store):
    def add() -> None:
        for _ in range(10):
            store.tags.withdraw(store.tags.add("17", "stain").id)
            store.tags.add("17", "other")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [tag.cause for tag in store.tags.all()] == ["other"] * 40
