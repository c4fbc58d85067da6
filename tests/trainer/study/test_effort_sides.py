from __future__ import annotations

import cv2
import numpy as np

from trainer.data.findings import find
from trainer.study.effort_sides import all_as_suggested, all_of_truth, offered, piecewise
from trainer.tools.scene import Scene
from trainer.tools.suggestion import suggested


def discs(*places: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros((120, 160), np.uint8)
    for row, column, radius in places:
        cv2.circle(mask, (column, row), radius, 1, -1)
    return mask


PREDICTED = discs((30, 30, 20), (90, 40, 12))
SHOWN = discs((30, 35, 20), (80, 120, 25))


def scene() -> Scene:
    return Scene(PREDICTED.copy(), np.zeros((120, 160, 3), np.uint8))


def test_every_finding_has_truth_s_side_the_prediction_s_and_neither() -> None:
    found = find(SHOWN, PREDICTED)
    assert len(found) == 3
    proposals = iter(offered(scene(), SHOWN))

    for finding in found:
        row0, column0, row1, column1 = finding.box
        for wanted in (SHOWN, PREDICTED, 0 * SHOWN):
            given = Scene(1 - PREDICTED, np.zeros((120, 160, 3), np.uint8))
            edit = next(proposals).act(given)
            after = given.mask.copy()
            if edit is not None:
                edit.apply(after)
            here = np.s_[row0:row1, column0:column1]
            assert np.array_equal(after[here][finding.region], wanted[here][finding.region])
    assert next(proposals, None) is None


def test_taking_all_of_truth_s_sides_or_pieces_gives_the_truth_that_is_shown() -> None:
    for proposals in (
        [one for one in offered(scene(), SHOWN) if "take truth" in str(one.key)],
        list(piecewise(PREDICTED, SHOWN, "take truth")),
    ):
        given = scene()
        for one in proposals:
            assert one.cost == 1
            edit = one.act(given)
            assert edit is not None and edit.tool == "take truth"
            edit.apply(given.mask)
        # a piece of a few pixels is not worth a key
        assert (given.mask != SHOWN).sum() < 40


def test_where_truth_and_prediction_agree_there_is_no_side() -> None:
    assert offered(scene(), PREDICTED.copy()) == []
    assert list(piecewise(PREDICTED, PREDICTED.copy(), "take truth")) == []


def test_one_key_takes_what_the_window_suggests() -> None:
    levels = np.asarray(200 * PREDICTED + 20, np.uint8)
    levels[discs((80, 120, 25)) > 0] = 120
    begun = Scene(PREDICTED.copy(), np.zeros((120, 160, 3), np.uint8), levels)
    proposal = all_as_suggested(begun, SHOWN)
    assert proposal is not None and proposal.cost == 1

    edit = proposal.act(begun)

    assert edit is not None and edit.tool == "take suggestion"
    edit.apply(begun.mask)
    assert np.array_equal(begun.mask, suggested(SHOWN, PREDICTED, levels))


def test_without_a_prediction_nothing_is_suggested() -> None:
    assert all_as_suggested(scene(), SHOWN) is None


def test_one_key_takes_all_of_truth() -> None:
    given = scene()
    edit = all_of_truth(SHOWN).act(given)
    assert edit is not None
    edit.apply(given.mask)
    assert np.array_equal(given.mask, SHOWN)
