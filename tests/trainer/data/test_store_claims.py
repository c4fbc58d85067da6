"""Of reviewers who share a store, one at a time has a case in hand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from trainer.data.store import LAPSE, Claim, Store, Taken
from trainer.errors import StoreError

if TYPE_CHECKING:
    from postgres import Server

MASK = np.eye(30, dtype=np.uint8)
LAPSED = timedelta(seconds=-1)


@pytest.fixture
def ada(place: Path | str) -> Iterator[Store]:
    store = Store(place, holder="ada's")
    yield store
    store.close()


@pytest.fixture
def bo(ada: Store, place: Path | str) -> Iterator[Store]:
    store = Store(place, holder="bo's")
    yield store
    store.close()


def taken(store: Store, author: str, lapse: timedelta = LAPSE, case_id: str = "17") -> Claim:
    claim = store.claims.take(case_id, author, lapse)
    assert isinstance(claim, Claim)
    return claim


def test_a_claimed_case_is_nobody_else_s(ada: Store, bo: Store):
    claim = taken(ada, "ada")
    assert abs(claim.until - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(minutes=1)
    refused = bo.claims.take("17", "bo")
    assert refused == Taken("17", "ada", claim.until)
    assert taken(bo, "bo", case_id="18").author == "bo"
    assert bo.claims.others() == {"17": refused}
    assert list(ada.claims.others()) == ["18"]


def test_a_released_case_is_free(ada: Store, bo: Store):
    ada.claims.release(taken(ada, "ada"))
    claim = taken(bo, "bo")
    ada.claims.release(Claim("17", "ada", "ada's", claim.until, None))
    assert isinstance(ada.claims.take("17", "ada"), Taken)


def test_a_claim_lapses_and_is_renewed(ada: Store, bo: Store):
    claim = taken(ada, "ada", timedelta(minutes=1))
    renewed = ada.claims.renew(claim)
    assert renewed.until > claim.until + timedelta(minutes=13)
    assert isinstance(bo.claims.take("17", "bo"), Taken)
    ada.claims.renew(claim, LAPSED)
    assert bo.claims.others() == {}
    taken(bo, "bo")
    with pytest.raises(StoreError, match=r"case 17: bo is at work on it until [0-9:]+ UTC; open"):
        ada.claims.renew(claim)


def test_a_claim_outlives_the_program_that_comes_back(ada: Store, place: Path | str):
    claim = taken(ada, "ada")
    ada.close()
    again = Store(place, holder="ada's")
    assert taken(again, "ada").until >= claim.until
    again.close()


def test_windows_on_one_folder_are_apart_and_a_crashed_one_comes_back(tmp_path: Path):
    (tmp_path / "store.url").write_text(f"sqlite:///{tmp_path / 'shared'}")
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from trainer.data.store import Store\n"
        "store = Store.for_cohort(Path(sys.argv[1]))\n"
        "print(store.claims.holder, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    crashing = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert crashing.stdout is not None
    first = crashing.stdout.readline().strip()
    second = Store.for_cohort(tmp_path)
    crashing.kill()
    crashing.communicate()
    third = Store.for_cohort(tmp_path)
    assert second.claims.holder != first
    assert third.claims.holder == first
    second.close()
    again = Store.for_cohort(tmp_path)
    assert again.claims.holder == second.claims.holder
    for store in (third, again):
        store.close()


class TestAdding:
    def test_with_a_claim(self, ada: Store):
        claim = taken(ada, "ada")
        assert ada.add("17", MASK, tool="paint", claim=claim) == ada.latest("17")

    def test_with_a_claim_that_lapsed_unnoticed(self, ada: Store):
        claim = taken(ada, "ada", LAPSED)
        assert ada.add("17", MASK, tool="paint", claim=claim) == ada.latest("17")

    def test_where_another_has_it(self, ada: Store, bo: Store):
        claim = taken(ada, "ada", LAPSED)
        taken(bo, "bo")
        with pytest.raises(StoreError, match=r"case 17: bo is at work on it until [0-9:]+ UTC; op"):
            ada.add("17", MASK, tool="paint", claim=claim)
        assert ada.latest("17") is None

    def test_where_another_has_changed_it(self, ada: Store, bo: Store):
        claim = taken(ada, "ada", LAPSED)
        theirs = taken(bo, "bo")
        kept = bo.add("17", MASK, tool="paint", claim=theirs, author="bo")
        bo.claims.release(theirs)
        with pytest.raises(StoreError, match="case 17: your claim has lapsed, and bo has changed"):
            ada.add("17", 1 - MASK, tool="paint", claim=claim)
        with pytest.raises(StoreError, match="case 17: your claim has lapsed, and bo has changed"):
            ada.claims.renew(claim)
        assert ada.latest("17") == kept
        fresh = taken(ada, "ada")
        assert ada.add("17", 1 - MASK, tool="paint", claim=fresh).parent_id == kept.id

    def test_what_was_on_its_way_when_the_case_was_given_back(self, ada: Store, bo: Store):
        first = bo.add("17", MASK, tool="paint", author="bo")
        claim = taken(ada, "ada")
        ada.claims.release(claim)
        assert ada.claims.renew(claim) == claim
        for mask in (1 - MASK, MASK):
            ada.add("17", mask, tool="paint", claim=claim, author="ada")
        assert [one.author for one in ada.history("17")] == ["bo", "ada", "ada"]
        assert first.id == claim.seen
        assert bo.claims.others() == {}


# Goes through the cases in nearly the order that the other reviewer goes through them, claims
# each, says so by a file that must not be there, draws it unless it is drawn (or even then),
# and gives it back; some are left without a word, as by a crash, with a claim that lapses.
REVIEWER = """
import json, sys, random
from collections import deque
from datetime import timedelta
from pathlib import Path
import numpy as np
from trainer.data.store import Claim, Store
from trainer.errors import StoreError

place, author, folder, cases = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
dice, store, mask = random.Random(author), Store(place), np.eye(5, dtype=np.uint8)
queue = deque(sorted(range(cases), key=lambda case: case + 3 * dice.random()))
told = {"kept": [], "refused": 0, "waited": 0, "together": []}
print("ready", flush=True)
sys.stdin.readline()
while queue:
    case = queue.popleft()
    crashes = dice.random() < 0.05
    claim = store.claims.take(str(case), author, timedelta(seconds=-1 if crashes else 900))
    if not isinstance(claim, Claim):
        told["waited"] += 1
        queue.insert(3, case)
        continue
    if not crashes:
        try:
            (folder / str(case)).touch(exist_ok=False)
        except FileExistsError:
            told["together"].append(case)
    try:
        if claim.seen is None or dice.random() < 0.3:
            revision = store.add(str(case), mask, tool="paint", author=author, claim=claim)
            told["kept"].append([case, revision.id])
    except StoreError:
        assert crashes
        told["refused"] += 1
        queue.append(case)
    if not crashes:
        (folder / str(case)).unlink(missing_ok=True)
        store.claims.release(claim)
store.close()
print(json.dumps(told))
"""


@pytest.mark.slow
def test_two_reviewers_never_hold_one_case_and_lose_nothing(postgresql: Server, tmp_path: Path):
    cases, place = 1000, postgresql.new_place()
    Store(place).close()
    reviewers = [
        subprocess.Popen(
            [sys.executable, "-c", REVIEWER, place, author, str(tmp_path), str(cases)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for author in ("ada", "bo")
    ]
    for reviewer in reviewers:
        assert reviewer.stdout is not None
        assert reviewer.stdout.readline() == "ready\n"
    for reviewer in reviewers:
        assert reviewer.stdin is not None
        reviewer.stdin.write("go\n")
        reviewer.stdin.flush()
    told = [json.loads(reviewer.communicate()[0]) for reviewer in reviewers]

    assert [one["together"] for one in told] == [[], []]
    assert sum(one["waited"] for one in told) > 20  # else they never met, and nothing is shown
    store = Store(place)
    chains = [store.history(str(case)) for case in range(cases)]
    store.close()
    kept = Counter((number, case) for one in told for case, number in one["kept"])
    assert kept == Counter((r.id, int(r.case_id)) for chain in chains for r in chain)
    for chain in chains:
        assert [r.parent_id for r in chain] == [None, *(r.id for r in chain[:-1])]
        assert 1 <= len(chain) <= 2


def test_a_table_of_claims_is_all_that_ever_shrinks(ada: Store, sql: Callable[[str], list[Any]]):
    claim = taken(ada, "ada")
    assert sql("SELECT count(*) FROM claims") == [(1,)]
    ada.claims.release(claim)
    assert sql("SELECT count(*) FROM claims") == [(0,)]
