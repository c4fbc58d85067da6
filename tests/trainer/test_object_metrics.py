"""The gland contest's measures on examples worked out by hand, and by their plain definition."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from trainer.errors import MaskError
from trainer.object_metrics import ObjectScores, Tally, as_one, object_scores


def boxes(*places: tuple[int, int, int, int], shape: tuple[int, int] = (20, 40)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for top, left, bottom, right in places:
        mask[top:bottom, left:right] = 1
    return mask


def test_the_same_mask_is_perfect() -> None:
    mask = boxes((2, 2, 6, 6), (10, 10, 15, 20))
    assert object_scores(mask, mask) == ObjectScores(1.0, 1.0, 0.0, 2, 2)


def test_a_shifted_unit_by_hand() -> None:
    """4×4 against itself moved by one column: 12 of 16 pixels are common, one column is off."""
    found = object_scores(boxes((2, 3, 6, 7)), boxes((2, 2, 6, 6)))
    assert found == ObjectScores(1.0, 0.75, 1.0, 1, 1)


def test_half_of_a_unit_is_not_more_than_half() -> None:
    truth = boxes((0, 0, 4, 4))
    assert object_scores(boxes((0, 0, 4, 2)), truth).f1 == 0
    assert object_scores(boxes((0, 0, 4, 3)), truth).f1 == 1


def test_a_merged_pair_by_hand() -> None:
    """Two true 4×4 units, found as one 4×10: the first of them is its partner."""
    truth = boxes((0, 0, 4, 4), (0, 6, 4, 10))
    scores = object_scores(boxes((0, 0, 4, 10)), truth)
    assert scores.f1 == pytest.approx(2 / 3)
    assert scores.dice == pytest.approx(2 * 16 / 56)
    assert scores.hausdorff == 6


def test_a_missed_and_a_spurious_unit_by_hand() -> None:
    """One is found as it is; a 2×2 is missed, a 1×3 is found elsewhere."""
    truth = boxes((0, 0, 4, 4), (10, 10, 12, 12))
    found = boxes((0, 0, 4, 4), (10, 20, 11, 23))
    scores = object_scores(found, truth)
    assert scores.f1 == pytest.approx(0.5)
    assert scores.dice == pytest.approx((16 / 19 + 16 / 20) / 2)
    # from the spurious one's far end (10, 22) to (10, 11), and from (11, 10) to (10, 20)
    spurious, missed = 11.0, 11.0
    assert math.hypot(1, 10) < missed
    assert scores.hausdorff == pytest.approx((3 * spurious / 19 + 4 * missed / 20) / 2)


def test_images_as_one_set_by_hand() -> None:
    """A 4×4 found as it is; elsewhere three 2×2, one found a column off, and nothing else."""
    large, small = boxes((0, 0, 4, 4)), boxes((0, 0, 2, 2), (0, 6, 2, 8), (8, 0, 10, 2))
    set_of_two = as_one((Tally.of(large, large), Tally.of(boxes((0, 1, 2, 3)), small)))
    # half of the 2×2 is not more than half; 18 of the 20 pixels found lie right
    assert set_of_two.f1 == pytest.approx(2 / (2 + 4))
    assert set_of_two.dice == pytest.approx(((16 + 4 / 2) / 20 + (16 + 4 / 2) / 28) / 2)
    assert (set_of_two.found, set_of_two.true) == (2, 4)


@pytest.mark.parametrize("empty", ["found", "truth", "both"])
def test_an_image_without_units_counts_in_a_set(empty: str) -> None:
    unit, none = boxes((0, 0, 4, 4)), boxes()
    found, truth = {"found": (none, unit), "truth": (unit, none), "both": (none, none)}[empty]
    both = as_one((Tally.of(unit, unit), Tally.of(found, truth)))
    if empty == "both":
        assert both == ObjectScores(1.0, 1.0, 0.0, 1, 1)
    else:
        assert both.f1 == pytest.approx(2 / 3)
        assert both.dice == pytest.approx((1 + 1 / 2) / 2)
        assert both.hausdorff == math.inf


@pytest.mark.parametrize(
    ("found", "truth", "wanted"),
    [
        ([], [], ObjectScores(1.0, 1.0, 0.0, 0, 0)),
        ([(0, 0, 2, 2)], [], ObjectScores(0.0, 0.0, math.inf, 1, 0)),
        ([], [(0, 0, 2, 2)], ObjectScores(0.0, 0.0, math.inf, 0, 1)),
    ],
)
def test_empty_masks(found: list, truth: list, wanted: ObjectScores) -> None:
    assert object_scores(boxes(*found), boxes(*truth)) == wanted


def test_labels_may_touch_and_masks_do_not_connect_at_corners() -> None:
    corners = boxes((0, 0, 2, 2), (2, 2, 4, 4))
    assert object_scores(corners, corners).true == 2
    labels = np.zeros((4, 8), np.int32)
    labels[:, :4], labels[:, 4:] = 7, 3
    assert object_scores(labels, labels).true == 1
    assert Tally.of_labels(labels, labels).scores() == ObjectScores(1.0, 1.0, 0.0, 2, 2)


def test_masks_of_different_sizes_are_refused() -> None:
    with pytest.raises(MaskError, match=r"\(2, 3\) and \(3, 2\)"):
        object_scores(np.zeros((2, 3)), np.zeros((3, 2)))


def plainly(found: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """The definitions, with sets of pixels and all pairs of distances."""
    sides = [
        [np.argwhere(labels == number) for number in range(1, labels.max() + 1)]
        for labels in (found, truth)
    ]

    def common(one: np.ndarray, other: np.ndarray) -> int:
        return len({tuple(p) for p in one.tolist()} & {tuple(p) for p in other.tolist()})

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        every = cdist(one, other)
        return max(every.min(axis=0).max(), every.min(axis=1).max())

    dices, distances, right = [], [], 0
    for which, (side, others) in enumerate((sides, sides[::-1])):
        total = sum(map(len, side))
        for unit in side:
            shared = [common(unit, other) for other in others]
            best = int(np.argmax(shared))
            if shared[best]:
                score = 2 * shared[best] / (len(unit) + len(others[best]))
                far = apart(unit, others[best])
                right += which == 0 and shared[best] > len(others[best]) / 2
            else:
                score, far = 0, min(apart(unit, other) for other in others)
            dices.append(len(unit) / total * score / 2)
            distances.append(len(unit) / total * far / 2)
    missed, wrong = len(sides[1]) - right, len(sides[0]) - right
    return 2 * right / (2 * right + missed + wrong), sum(dices), sum(distances)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_plain_definition(seed: int) -> None:
    chance = np.random.default_rng(seed)
    ground = cv2.GaussianBlur(chance.random((40, 50)), (0, 0), 2.5)
    other = 0.7 * ground + 0.3 * cv2.GaussianBlur(chance.random((40, 50)), (0, 0), 2.5)
    found, truth = ((one > np.quantile(one, 0.7)).astype(np.uint8) for one in (ground, other))
    f1, dice, hausdorff = plainly(
        *(cv2.connectedComponents(one, connectivity=4)[1] for one in (found, truth))
    )
    scores = object_scores(found, truth)
    assert scores.f1 == pytest.approx(f1)
    assert scores.dice == pytest.approx(dice)
    assert scores.hausdorff == pytest.approx(hausdorff, rel=1e-5)


def test_a_set_is_one_image_of_them_all() -> None:
    """But for units that meet none, whose nearest is sought in their own image."""
    chance = np.random.default_rng(5)
    grounds = [cv2.GaussianBlur(chance.random((40, 50)), (0, 0), 2.5) for _ in range(4)]
    pairs = [
        tuple(np.pad(one > np.quantile(one, part), 1).astype(np.uint8) for part in (0.6, 0.7))
        for one in grounds
    ]
    whole = object_scores(*(np.vstack(side) for side in zip(*pairs, strict=True)))
    parts = as_one(Tally.of(found, truth) for found, truth in pairs)
    assert (parts.found, parts.true) == (whole.found, whole.true)
    assert (parts.f1, parts.dice) == pytest.approx((whole.f1, whole.dice))
