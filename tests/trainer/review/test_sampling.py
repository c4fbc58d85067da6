from __future__ import annotations

import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trainer.review.sampling import allowed, bound, draw, enough


@st.composite
def checks(draw: st.DrawFn) -> tuple[int, int, int]:
    """(wrong, checked, accepted) of a set that is not empty."""
    accepted = draw(st.integers(1, 300))
    checked = draw(st.integers(0, accepted))
    return draw(st.integers(0, checked)), checked, accepted


class TestBound:
    @settings(deadline=None)
    @given(checks())
    def test_it_is_the_last_that_the_hypergeometric_distribution_lets_stand(
        self, found: tuple[int, int, int]
    ):
        wrong, checked, accepted = found
        possible = range(wrong, accepted - (checked - wrong) + 1)
        standing = [
            number
            for number in possible
            if stats.hypergeom.cdf(wrong, accepted, number, checked) > 0.05
        ]
        assert bound(wrong, checked, accepted) == max(standing) / accepted

    @pytest.mark.parametrize(("accepted", "wrong"), [(40, 3), (120, 6), (120, 0), (15, 9)])
    def test_exactly_95_of_100_samples_at_least_are_covered(self, accepted: int, wrong: int):
        for checked in range(accepted + 1):
            ways = Fraction(0)
            for seen in range(max(0, checked - accepted + wrong), min(wrong, checked) + 1):
                if bound(seen, checked, accepted) >= wrong / accepted:
                    ways += math.comb(wrong, seen) * math.comb(accepted - wrong, checked - seen)
            assert ways / math.comb(accepted, checked) >= Fraction(95, 100)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(10, 2000), st.floats(0, 1), st.floats(0.02, 1), st.integers(0, 2**32 - 1))
    def test_simulated_samples_are_covered(self, accepted: int, bad: float, part: float, seed: int):
        wrong, checked = round(accepted * bad), max(1, round(accepted * part))
        chance = np.random.default_rng(seed)
        seen = chance.hypergeometric(wrong, accepted - wrong, checked, 4000)
        bounds = {int(k): bound(int(k), checked, accepted) for k in np.unique(seen)}
        covered = np.mean([bounds[int(k)] >= wrong / accepted for k in seen])
        assert covered >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / 4000)

    @pytest.mark.parametrize(("wrong", "checked"), [(0, 20), (0, 59), (1, 30), (4, 50)])
    def test_of_ever_more_it_becomes_clopper_and_pearson_s(self, wrong: int, checked: int):
        limit = stats.binomtest(wrong, checked, alternative="less").proportion_ci(0.95).high
        assert bound(wrong, checked, 100_000) == pytest.approx(limit, abs=1e-3)
        assert bound(wrong, checked, 200) < limit

    def test_all_checked_leaves_no_doubt(self):
        assert bound(3, 12, 12) == 0.25
        assert bound(0, 12, 12) == 0

    def test_nothing_checked_proves_nothing(self):
        assert bound(0, 0, 12) == 1
        assert bound(0, 0, 0) == 0

    @pytest.mark.parametrize("found", [(2, 1, 5), (0, 6, 5), (-1, 2, 5)])
    def test_what_cannot_be(self, found: tuple[int, int, int]):
        with pytest.raises(ValueError, match="cannot be"):
            bound(*found)

    @settings(deadline=None)
    @given(checks())
    def test_a_wrong_one_more_never_lowers_it(self, found: tuple[int, int, int]):
        wrong, checked, accepted = found
        if wrong < checked:
            assert bound(wrong + 1, checked, accepted) >= bound(wrong, checked, accepted)


class TestEnough:
    @settings(deadline=None)
    @given(st.integers(0, 400), st.floats(0, 1))
    def test_it_suffices_and_one_fewer_does_not(self, accepted: int, tolerance: float):
        least = enough(accepted, tolerance)
        assert bound(0, least, accepted) <= tolerance
        if least:
            assert bound(0, least - 1, accepted) > tolerance

    def test_known_sizes(self):
        assert enough(100_000, 0.05) == 59  # the well-known 59 of 5 %: 0.95 ** 59 < 0.05
        assert enough(100, 0.05) == 39
        assert enough(10, 0.05) == 10
        assert enough(20, 0) == 19  # the only wrong one is missed in 5 % exactly
        assert enough(0, 0.05) == 0


class TestAllowed:
    @settings(deadline=None)
    @given(checks(), st.floats(0, 1))
    def test_so_many_and_not_one_more(self, found: tuple[int, int, int], tolerance: float):
        _, checked, accepted = found
        most = allowed(checked, accepted, tolerance)
        if most is None:
            assert bound(0, checked, accepted) > tolerance
        else:
            assert bound(most, checked, accepted) <= tolerance
            assert most == checked or bound(most + 1, checked, accepted) > tolerance

    def test_a_larger_sample_may_have_a_few(self):
        assert [allowed(size, 1000, 0.05) for size in (10, 57, 100, 200)] == [None, 0, 1, 5]


class TestDraw:
    IDS: ClassVar = {"lung": [str(n) for n in range(50)], "spleen": ["a", "b"]}

    def test_the_seed_decides(self):
        first = draw(self.IDS, 10, seed=1)
        assert first == draw(self.IDS, 10, seed=1)
        assert first != draw(self.IDS, 10, seed=2)

    def test_without_replacement_and_no_more_than_there_are(self):
        drawn = draw(self.IDS, 10, seed=1)
        assert len(set(drawn["lung"])) == 10
        assert set(drawn["lung"]) <= set(self.IDS["lung"])
        assert sorted(drawn["spleen"]) == ["a", "b"]

    def test_an_organ_s_sample_depends_on_that_organ_only(self):
        alone = draw({"lung": list(reversed(self.IDS["lung"]))}, 10, seed=1)
        assert alone["lung"] == draw(self.IDS, 10, seed=1)["lung"]

    def test_each_organ_has_a_size_of_its_own(self):
        drawn = draw(self.IDS, {"lung": 3}, seed=1)
        assert [len(drawn[organ]) for organ in self.IDS] == [3, 0]

    def test_each_case_is_as_likely(self):
        counts = dict.fromkeys(self.IDS["lung"], 0)
        for seed in range(2000):
            for case_id in draw({"lung": self.IDS["lung"]}, 10, seed)["lung"]:
                counts[case_id] += 1
        assert stats.chisquare(list(counts.values())).pvalue > 1e-4
