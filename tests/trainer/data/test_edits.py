"""Edits are their own inverse, and a case's history leads back and forth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer.data import edits
from trainer.data.edits import Box, Edit, History

masks = hnp.arrays(np.uint8, (13, 17), elements=st.integers(0, 1))


@given(masks, masks)
def test_an_edit_leads_there_and_back(before: np.ndarray, after: np.ndarray) -> None:
    edit = Edit.between(before, after, "brush")
    if np.array_equal(before, after):
        assert edit is None
        return
    assert edit is not None
    walked = before.copy()
    edit.apply(walked)
    assert np.array_equal(walked, after)
    edit.apply(walked)
    assert np.array_equal(walked, before)
    assert edit.pixels == (before != after).sum()


@given(masks, masks)
def test_the_box_is_the_smallest(before: np.ndarray, after: np.ndarray) -> None:
    edit = Edit.between(before, after, "brush")
    if edit is None:
        return
    rows, columns = np.nonzero(before != after)
    assert edit.box == Box(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def test_what_lies_outside_the_box_is_not_looked_at() -> None:
    before, after = np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8)
    edit = Edit.between(before, after, "brush", Box(2, 2, 4, 5))
    assert edit is not None
    edit.apply(before)
    assert before.sum() == 6


@given(st.lists(masks, min_size=2, max_size=6), st.data())
def test_undo_and_redo_walk_the_same_path(states: list[np.ndarray], data: st.DataObject) -> None:
    history, mask, path = History(), states[0].copy(), [states[0]]
    for state in states[1:]:
        edit = Edit.between(mask, state, "brush")
        if edit is not None:
            edit.apply(mask)
            history.record(edit)
            path.append(state)
    place = len(path) - 1
    for back in data.draw(st.lists(st.booleans(), max_size=12)):
        moved = history.undo(mask) if back else history.redo(mask)
        if moved is not None:
            place += -1 if back else 1
        assert np.array_equal(mask, path[place])


def test_a_new_edit_forgets_what_was_undone() -> None:
    history, mask = History(), np.zeros((4, 4), np.uint8)
    for row in (0, 1):
        target = mask.copy()
        target[row] = 1
        edit = Edit.between(mask, target, "brush")
        assert edit is not None
        edit.apply(mask)
        history.record(edit)
        if row == 0:
            history.undo(mask)
    assert history.redo(mask) is None


def test_a_history_forgets_its_oldest_edits_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "HISTORY_BYTES", 60)
    history, mask = History(), np.zeros((64, 64), np.uint8)
    for row in range(64):
        target = mask.copy()
        target[row] = 1
        edit = Edit.between(mask, target, "brush")
        assert edit is not None
        edit.apply(mask)
        history.record(edit)
    undone = 0
    while history.undo(mask) is not None:
        undone += 1
    assert 0 < undone < 64
    assert mask[0].all()
    assert not mask[63].any()
