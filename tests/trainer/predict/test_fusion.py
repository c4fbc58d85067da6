"""How members' opinions become one."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.predict.fusion import Levels, Opinion, fuse
from trainer.predict.postprocess import cut
from trainer.settings import Ensemble, Member


def ensemble(**said: object) -> Ensemble:
    members = [Member(weights=name) for name in "abc"]
    return Ensemble.model_validate({"name": "x", "members": members, **said})


def opinions(*maps: Levels, weights: tuple[float, ...] | None = None) -> list[Opinion]:
    shares = weights or (1.0,) * len(maps)
    return [
        Opinion(str(i), str(i), share, one)
        for i, (one, share) in enumerate(zip(maps, shares, strict=True))
    ]


@pytest.fixture
def three() -> tuple[Levels, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (40, 30), dtype=np.uint8) for _ in range(3))


def test_the_mean_is_weighted_and_so_is_the_spread(three: tuple[Levels, ...]) -> None:
    weights = (1.0, 2.0, 0.5)
    probability, disagreement = fuse(opinions(*three, weights=weights), ensemble(), "lung")
    mean = np.average(three, axis=0, weights=weights)
    spread = np.sqrt(np.average((np.array(three) - mean) ** 2, axis=0, weights=weights))
    assert np.abs(probability - mean).max() <= 0.51
    assert np.abs(disagreement - spread).max() <= 0.51


def test_the_geometric_mean_is_weighted(three: tuple[Levels, ...]) -> None:
    weights = (1.0, 2.0, 0.5)
    sure = [np.maximum(one, 1) for one in three]
    found, spread = fuse(opinions(*sure, weights=weights), ensemble(fusion="geometric"), "lung")
    wanted = np.exp(np.average(np.log(np.array(sure, float)), axis=0, weights=weights))
    assert np.abs(found - wanted).max() <= 0.51
    assert np.array_equal(spread, fuse(opinions(*sure, weights=weights), ensemble(), "lung")[1])


def test_one_member_s_zero_forbids_nothing_by_itself() -> None:
    zero, sure = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    found, _ = fuse(opinions(zero, sure, sure), ensemble(fusion="geometric"), "lung")
    assert (found > 20).all()


@pytest.mark.parametrize(("organ", "needed"), [("lung", 1), ("kidney", 3), ("spleen", 2)])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_at_any_threshold_a_vote_is_that_many_masks(
    three: tuple[Levels, ...], organ: str, needed: int, threshold: float
) -> None:
    voting = ensemble(fusion="vote", votes={"lung": 1, "kidney": 3})
    found, _ = fuse(opinions(*three), voting, organ)
    masks = np.array([cut(one, threshold) for one in three])
    assert np.array_equal(cut(found, threshold), masks.sum(0) >= needed)


def test_where_fewer_are_asked_than_must_agree_all_have_to(three: tuple[Levels, ...]) -> None:
    voting = ensemble(fusion="vote", votes={"kidney": 3})
    found, _ = fuse(opinions(*three[:2]), voting, "kidney")
    assert np.array_equal(found, np.minimum(*three[:2]))


def test_a_vote_counts_heads_and_not_weights(three: tuple[Levels, ...]) -> None:
    voting = ensemble(fusion="vote")
    heavy, _ = fuse(opinions(*three, weights=(9, 1, 1)), voting, "lung")
    assert np.array_equal(heavy, np.median(np.array(three), axis=0))


def test_opinions_meet_at_the_largest_of_them() -> None:
    small, large = np.full((20, 10), 100, np.uint8), np.full((40, 20), 200, np.uint8)
    found, _ = fuse(opinions(small, large), ensemble(), "lung")
    assert found.shape == (40, 20)
    assert (found == 150).all()
