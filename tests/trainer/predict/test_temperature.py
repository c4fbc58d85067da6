"""An ensemble's temperatures do to the fused probability what they say, without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.predict.ensemble import Predictor
from trainer.predict.fusion import Opinion, fuse, tempered
from trainer.predict.kept import begin
from trainer.predict.running import predict_cohort
from trainer.settings import Ensemble, Member, to_yaml

EVERY = np.arange(256, dtype=np.uint8)[None]


def ensemble(**said: object) -> Ensemble:
    return Ensemble.model_validate({"name": "x", "members": [{"weights": "a"}], **said})


@pytest.mark.parametrize("temperature", [0.5, 1.7, 3.0])
def test_logits_are_divided(temperature: float) -> None:
    inner = EVERY[0, 1:255].astype(float) / 255
    odds = (inner / (1 - inner)) ** (1 / temperature)
    found = tempered(EVERY, temperature)[0, 1:255]
    assert np.abs(found - 255 * odds / (1 + odds)).max() <= 0.501
    assert np.all(np.diff(tempered(EVERY, temperature)[0].astype(int)) >= 0)


def test_a_temperature_of_one_changes_nothing() -> None:
    assert np.array_equal(tempered(EVERY, 1.0), EVERY)


@pytest.mark.parametrize("fusion", ["mean", "geometric", "vote"])
def test_only_the_organ_s_fused_probability_is_tempered(fusion: str) -> None:
    maps = [EVERY, EVERY[:, ::-1] // 2]
    opinions = [Opinion(str(i), str(i), 1.0, np.ascontiguousarray(m)) for i, m in enumerate(maps)]
    plain, spread = fuse(opinions, ensemble(fusion=fusion), "lung")
    warm = ensemble(fusion=fusion, temperatures={"lung": 2.0})
    found, spread_then = fuse(opinions, warm, "lung")
    assert np.array_equal(found, tempered(plain, 2.0))
    assert not np.array_equal(found, plain)
    assert np.array_equal(spread, spread_then)
    assert np.array_equal(fuse(opinions, warm, "kidney")[0], plain)


def test_a_yaml_without_temperatures_is_written_as_before() -> None:
    assert "temperatures" not in to_yaml(ensemble())
    assert "temperatures" in to_yaml(ensemble(temperatures={"lung": 2.0}))


@pytest.mark.parametrize("temperature", [0, -1, 21, float("nan")])
def test_a_temperature_out_of_range_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperatures"):
        ensemble(temperatures={"lung": temperature})


def test_trying_another_costs_no_network(tmp_path: Path, member: Callable[..., Member]) -> None:
    write_cohort(tmp_path / "cohort", [Drawn("1", "lung", (90, 110), discs=((50, 60, 20),))])
    cohort, members = Cohort.open(tmp_path / "cohort"), [member()]
    maps, loaded, prints = [], [], []
    for temperatures in ({}, {"lung": 2.0}):
        said = {"name": "x", "members": members, "temperatures": temperatures}
        told = Ensemble.model_validate(said)
        with Predictor(told, tmp_path, "cpu") as predictor:
            kept = begin(tmp_path / "out", predictor)
            list(predict_cohort(cohort, ["1"], predictor, kept, keep_members=True))
            loaded.append(len(predictor._networks._loaded))
            prints.append(predictor.fingerprint)
        found = Predictions.open(tmp_path / "out").read("1")
        assert found is not None
        maps.append(found.probability)
    assert loaded == [1, 0]
    assert prints[0] != prints[1]
    assert np.array_equal(maps[1], tempered(maps[0], 2.0))
    assert Predictions.open(tmp_path / "out").description["temperatures"] == {"lung": 2.0}
