"""What members are shown, and what that makes of their opinion: each of an ensemble's options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from pictures import picture
from trainer.data.case import Case, Image, Prediction
from trainer.data.tiff import write_rgb
from trainer.errors import CohortError, ImageError, SettingsError, WeightsError
from trainer.metrics import dice
from trainer.predict.ensemble import Predictor
from trainer.predict.fingerprint import fingerprint
from trainer.predict.postprocess import to_mask
from trainer.settings import Ensemble, Member, View

MakeMember = Callable[..., Member]
ALL = get_args(View)


def of(members: Member | list[Member], **said: Any) -> Ensemble:
    members = members if isinstance(members, list) else [members]
    return Ensemble.model_validate({"name": "x", "members": members, **said})


def as_told(member: Member, **said: Any) -> Member:
    return Member.model_validate(member.model_dump() | said)


def case(organ: str = "kidney", pixel_size: float | None = 0.4) -> Case:
    return Case("7", organ, Path("7.tiff"), "train", 2, pixel_size=pixel_size)


@pytest.fixture
def predict(tmp_path: Path) -> Callable[..., Prediction]:
    def run(ensemble: Ensemble, image: Image, **known: Any) -> Prediction:
        with Predictor(ensemble, tmp_path, "cpu") as predictor:
            return predictor.predict(image, "7", case=case(**known))

    return run


Predict = Callable[..., Prediction]

PATHS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "squeezed": ({"resize": "squeeze", "size": 96}, {"tta": ["identity", "rot90"]}),
    "pixel size": ({"pixel_size": 2.5}, {}),
    "sizes": ({"sizes": {64: 0.4, 96: 0.6}}, {}),
    "window": ({"size": 160, "window": {"size": 64}}, {"tta": ["identity", "transverse"]}),
    "scales": ({"size": 96}, {"tta_scales": [0.8, 1, 1.25]}),
    "stains": ({"size": 96}, {"tta_stains": [{"method": "none"}, {"method": "reinhard"}]}),
    "crf": ({"size": 96}, {"postprocess": {"default": {"crf": {"place_sigma": 8}}}}),
    "two members": ({"size": 64}, {"fusion": "geometric"}),
    "all views": ({"size": 96}, {"tta": ALL, "tta_average": "logit"}),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", [(160, 160), (317, 203), (203, 619), (4500, 4500)])
def test_each_path_comes_back_to_the_image_s_own_size(
    member: MakeMember, predict: Predict, path: str, shape: tuple[int, int], tmp_path: Path
) -> None:
    mine, its = PATHS[path]
    image, truth = picture(*shape, seed=3)
    if path == "stains":
        write_rgb(tmp_path / "reference.tiff", picture(96, 96, seed=3)[0], 95)
        its["tta_stains"][1]["reference"] = "reference.tiff"
    members = [as_told(member(), **mine)]
    if path == "two members":
        members.append(as_told(member(), size=96))
    # a pixel size that brings each image to 96 pixels or so, as the network knows discs
    found = predict(of(members, **its), image, pixel_size=2.5 * 96 / max(shape))
    assert found.shape == shape
    mask = to_mask(found, 0.5)
    assert mask.shape == shape
    assert dice(mask, truth) > 0.85


def test_a_size_of_its_own_goes_before_the_one_it_was_trained_at(
    member: MakeMember, predict: Predict
) -> None:
    image, _ = picture(300, 200)
    assert predict(of(member(size=64)), image).probability.shape == (64, 43)
    assert predict(of(as_told(member(), size=96)), image).probability.shape == (96, 64)


def test_a_squeezed_image_is_square(member: MakeMember, predict: Predict) -> None:
    image, truth = picture(300, 200, seed=1)
    found = predict(of(as_told(member(), resize="squeeze")), image)
    assert found.probability.shape == (64, 64)
    assert found.shape == (300, 200)
    assert dice(to_mask(found, 0.5), truth) > 0.85


def test_pixels_are_brought_to_the_member_s_size(member: MakeMember, predict: Predict) -> None:
    image, _ = picture(300, 200)
    asked = of(as_told(member(), pixel_size=1.0))
    assert predict(asked, image, pixel_size=0.4).probability.shape == (120, 80)
    assert predict(asked, image, pixel_size=0.2).probability.shape == (60, 40)


def test_a_case_without_a_pixel_size_is_told_with_a_remedy(
    member: MakeMember, predict: Predict
) -> None:
    with pytest.raises(
        CohortError,
        match=r"^case 7: has no pixel size, and 1\.safetensors resamples to 0\.5 µm/px; fill in",
    ):
        predict(
            of(as_told(member(), pixel_size=0.5)), np.zeros((9, 9, 3), np.uint8), pixel_size=None
        )


def test_a_pixel_size_out_of_all_reason_is_told(member: MakeMember, predict: Predict) -> None:
    with pytest.raises(CohortError, match=r"case 7: would become 100000 pixels long .* check its"):
        predict(
            of(as_told(member(), pixel_size=0.4)), np.zeros((100, 9, 3), np.uint8), pixel_size=400
        )


def test_several_sizes_have_their_shares(member: MakeMember, predict: Predict) -> None:
    image, _ = picture(200, 200, seed=4)
    one = member()
    alone = {size: predict(of(as_told(one, size=size)), image).probability for size in (64, 128)}
    both = predict(of(as_told(one, sizes={64: 3, 128: 1})), image).probability
    small = cv2.resize(alone[64], (128, 128), interpolation=cv2.INTER_LINEAR)
    assert both.shape == (128, 128)
    assert np.abs(both - (0.75 * small + 0.25 * alone[128])).max() <= 2
    assert np.abs(small.astype(int) - alone[128]).max() > 20


def test_scales_are_averaged(member: MakeMember, predict: Predict) -> None:
    image, _ = picture(200, 200, seed=4)
    one = member(size=128)
    half = predict(of(one, tta_scales=[0.5]), image).probability
    whole = predict(of(one), image).probability
    both = predict(of(one, tta_scales=[0.5, 1]), image).probability
    large = cv2.resize(half, (128, 128), interpolation=cv2.INTER_LINEAR)
    assert half.shape == (64, 64)
    assert np.abs(both - (large / 2 + whole / 2)).max() <= 2


def test_all_views_together_are_indifferent_to_turning(
    member: MakeMember, predict: Predict
) -> None:
    image, _ = picture(64, 96, seed=5)
    one = member(size=96)

    def apart(views: tuple[View, ...]) -> int:
        plain = predict(of(one, tta=views), image).probability
        turned = predict(of(one, tta=views), np.ascontiguousarray(np.rot90(image))).probability
        return int(np.abs(plain.astype(int) - np.rot90(turned, -1)).max())

    assert apart(ALL) <= 3
    assert apart(("identity", "rot180")) > 10


def test_views_are_averaged_in_what_is_asked_for(member: MakeMember, predict: Predict) -> None:
    image, _ = picture(64, 96, seed=5)
    one = member(size=96)
    views = [predict(of(one, tta=[view]), image).probability for view in ("identity", "hflip")]
    unit = np.clip(np.array(views, float) / 255, 0.5 / 255, 1 - 0.5 / 255)
    logit = np.log(unit / (1 - unit)).mean(0)
    wanted = {"probability": unit.mean(0), "logit": 1 / (1 + np.exp(-logit))}
    assert np.abs(wanted["probability"] - wanted["logit"]).max() > 0.02
    for average, mean in wanted.items():
        both = predict(of(one, tta=["identity", "hflip"], tta_average=average), image)
        sure = (unit.min(0) > 0.05) & (unit.max(0) < 0.95)
        assert np.abs(both.probability / 255 - mean)[sure].max() < 0.012


def test_windows_see_what_the_whole_shows(member: MakeMember, predict: Predict) -> None:
    image, truth = picture(300, 400, seed=2)
    one = as_told(member(), size=256)
    whole = predict(of(one), image)
    window = as_told(one, window={"size": 128, "overlap": 0.5})
    found = predict(of(window), image)
    assert found.probability.shape == whole.probability.shape
    assert dice(to_mask(found, 0.5), truth) > 0.85


def test_glass_is_not_shown_unless_asked_for(member: MakeMember, predict: Predict) -> None:
    glass = np.full((256, 256, 3), 240, np.uint8)
    glass[:64, :64] = (200, 150, 190)

    def found(skip: bool) -> np.ndarray:
        window = {"size": 64, "overlap": 0, "skip_background": skip}
        one = as_told(member(says=0.7), size=256, window=window)
        return predict(of(one), glass).probability

    assert np.abs(found(False) - 178.5).max() <= 1.5
    seen = found(True)
    assert np.abs(seen[:64, :64] - 178.5).max() <= 1.5
    assert not seen[64:].any() and not seen[:, 64:].any()


@pytest.mark.parametrize("average", ["probability", "logit"])
def test_nothing_but_glass_is_no_unit(member: MakeMember, predict: Predict, average: str) -> None:
    one = as_told(member(says=0.7), window={"size": 32})
    glass = np.full((90, 90, 3), 240, np.uint8)
    assert not predict(of(one, tta_average=average), glass).probability.any()


def test_an_organ_has_its_own_members_and_weights(member: MakeMember, predict: Predict) -> None:
    lung = as_told(member(says=0.9), organs=["lung"])
    common = as_told(member(says=0.1), weights_by_organ={"spleen": 0, "lung": 3})
    third = as_told(member(says=0.5), organs=["spleen", "kidney"])
    ensemble, image = of([lung, common, third]), np.zeros((40, 40, 3), np.uint8)

    def says(organ: str) -> float:
        return float(predict(ensemble, image, organ=organ).probability.mean()) / 255

    assert says("lung") == pytest.approx((0.9 + 3 * 0.1) / 4, abs=0.01)
    assert says("spleen") == pytest.approx(0.5, abs=0.01)
    assert says("kidney") == pytest.approx(0.3, abs=0.01)


def test_an_organ_that_nobody_serves_is_told(member: MakeMember, predict: Predict) -> None:
    with pytest.raises(SettingsError, match=r"case 7: no member .* serves the organ lung; add"):
        predict(
            of(as_told(member(), organs=["kidney"])), np.zeros((9, 9, 3), np.uint8), organ="lung"
        )


def test_votes_are_counted_by_organ(member: MakeMember, predict: Predict) -> None:
    says = [0.2, 0.6, 0.8]
    voting = of([member(says=one) for one in says], fusion="vote", votes={"lung": 1, "kidney": 3})
    for organ, wanted in (("lung", 0.8), ("kidney", 0.2), ("spleen", 0.6)):
        found = predict(voting, np.zeros((40, 40, 3), np.uint8), organ=organ)
        assert found.probability.mean() / 255 == pytest.approx(wanted, abs=0.01)
        assert found.disagreement.mean() / 255 == pytest.approx(np.std(says), abs=0.01)


def test_a_geometric_mean(member: MakeMember, predict: Predict) -> None:
    made = of([member(says=0.2), member(says=0.8)], fusion="geometric")
    found = predict(made, np.zeros((40, 40, 3), np.uint8)).probability
    assert found.mean() / 255 == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("method", ["reinhard", "macenko", "vahadane"])
def test_an_image_in_foreign_colours_is_seen_in_the_reference_s(
    member: MakeMember, predict: Predict, tmp_path: Path, method: str
) -> None:
    known, truth = picture(256, 256, seed=6)
    known = np.where(truth[..., None] > 0, known, (205, 150, 190)).astype(np.uint8)
    rng = np.random.default_rng(0)
    known = np.clip(known + rng.normal(0, 4, known.shape), 0, 255).astype(np.uint8)
    write_rgb(tmp_path / "reference.tiff", known, 95)
    # the same picture, far too pale
    pale = np.clip(255 - (255.0 - known) * 0.55, 0, 255).astype(np.uint8)
    foreign = {"method": method, "reference": "reference.tiff"}
    one = member(size=256)
    own = predict(of(one), known).probability.astype(int)

    def apart(**said: Any) -> float:
        return float(np.abs(predict(of(one, **said), pale).probability - own).mean())

    plain = apart()
    assert plain > 10
    assert apart(tta_stains=[foreign]) < plain / 2
    both = apart(tta_stains=[{"method": "none"}, foreign])
    assert apart(tta_stains=[foreign]) < both < plain
    assert apart(tta_stains=[foreign | {"organs": ["lung"]}]) == plain


def test_a_missing_reference_is_told_at_once(member: MakeMember, tmp_path: Path) -> None:
    stains = [{"method": "macenko", "reference": "no.tiff"}]
    with pytest.raises(ImageError, match=r"no\.tiff"):
        Predictor(of(member(), tta_stains=stains), tmp_path, "cpu")


def test_a_pale_reference_is_told_at_once(member: MakeMember, tmp_path: Path) -> None:
    write_rgb(tmp_path / "pale.tiff", np.full((64, 64, 3), 240, np.uint8), 95)
    stains = [{"method": "vahadane", "reference": "pale.tiff"}]
    with pytest.raises(ImageError, match=r"pale\.tiff: shows too little tissue"):
        Predictor(of(member(), tta_stains=stains), tmp_path, "cpu")


@pytest.fixture
def run(member: MakeMember, tmp_path: Path) -> Path:
    """A run of three folds that say 0.1, 0.5 and 0.9."""
    folder = tmp_path / "runs" / "first"
    for fold, says in enumerate((0.1, 0.5, 0.9)):
        made = tmp_path / str(member(says=says).weights)
        (folder / f"fold{fold}").mkdir(parents=True)
        for suffix in (".safetensors", ".json"):
            target = folder / f"fold{fold}" / f"weights{suffix}"
            made.with_suffix(suffix).rename(target)
    return folder


@pytest.mark.parametrize(("said", "wanted"), [({"fold": 2}, 0.9), ({}, 0.5), ({"fold": 0}, 0.1)])
def test_a_run_is_all_its_folds_or_one(
    run: Path, predict: Predict, said: dict[str, int], wanted: float
) -> None:
    made = of(Member.model_validate({"run": "runs/first", **said}))
    found = predict(made, np.zeros((40, 40, 3), np.uint8))
    assert found.probability.mean() / 255 == pytest.approx(wanted, abs=0.01)
    assert bool(found.disagreement.any()) == (not said)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"run": "runs/first", "fold": 7}, r"no trained fold 7 here \(there are 0, 1, 2\); corr"),
        ({"run": "runs/second"}, r"second: there is no trained fold here; correct `run`"),
    ],
)
def test_a_fold_that_is_not_there_is_told_at_once(
    run: Path, tmp_path: Path, said: dict[str, Any], told: str
) -> None:
    with pytest.raises(WeightsError, match=told):
        Predictor(of(Member.model_validate(said)), tmp_path, "cpu")


def test_a_fingerprint_follows_every_option_that_probabilities_depend_on(
    member: MakeMember, tmp_path: Path
) -> None:
    write_rgb(tmp_path / "reference.tiff", picture(64, 64)[0], 95)
    one = member()
    reinhard = {"method": "reinhard", "reference": "reference.tiff"}
    mine: list[dict[str, Any]] = [
        {},
        {"organs": ["lung"]},
        {"weights_by_organ": {"lung": 2}},
        {"size": 96},
        {"sizes": {64: 1, 96: 1}},
        {"pixel_size": 0.4},
        {"resize": "squeeze"},
        {"window": {"size": 64}},
        {"window": {"size": 64, "overlap": 0.5}},
    ]
    its: list[dict[str, Any]] = [
        {"tta": ["rot90"]},
        {"tta_scales": [0.8]},
        {"tta_average": "logit"},
        {"tta_stains": [reinhard]},
        {"tta_stains": [{"method": "none"}, reinhard]},
        {"fusion": "geometric"},
        {"fusion": "vote"},
        {"fusion": "vote", "votes": {"lung": 1}},
    ]
    made = [of(as_told(one, **said)) for said in mine] + [of(one, **said) for said in its]
    found = [fingerprint(ensemble, tmp_path) for ensemble in made]
    assert len(set(found)) == len(mine) + len(its)
    write_rgb(tmp_path / "reference.tiff", picture(64, 64, seed=1)[0], 95)
    again = [fingerprint(ensemble, tmp_path) for ensemble in made]
    changed = [
        said for said, *pair in zip(mine + its, found, again, strict=True) if len({*pair}) > 1
    ]
    assert changed == [its[3], its[4]]
