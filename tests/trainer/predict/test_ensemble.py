"""What an ensemble says of an image, and of a cohort."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pictures import ensemble, picture
from trainer.errors import Cancelled, DeviceError, WeightsError
from trainer.metrics import dice
from trainer.model.checkpoint import Checkpoint, save
from trainer.model.network import Segmenter, build
from trainer.predict.ensemble import Predictor
from trainer.predict.postprocess import to_mask
from trainer.settings import Member, Network, View

MakeMember = Callable[..., Member]
ALL_VIEWS: tuple[View, ...] = ("identity", "hflip", "vflip", "rot180")


def of(predictor: Predictor, probability: float) -> int:
    """What a plain grey image gets, in steps of 1/255."""
    found = predictor.predict(np.full((40, 60, 3), 128, np.uint8), "x").probability
    assert found.min() == found.max()
    return int(found[0, 0])


@pytest.mark.parametrize(
    "shape", [(160, 160), (317, 203), (203, 317), (64, 64), (700, 190), (3000, 3000), (4500, 4500)]
)
def test_mask_lies_on_the_image_whatever_its_size(
    member: MakeMember, tmp_path: Path, shape: tuple[int, int]
) -> None:
    image, truth = picture(*shape, seed=3)
    with Predictor(ensemble(member(size=128), tta=ALL_VIEWS), tmp_path, "cpu") as predictor:
        prediction = predictor.predict(image, "x")
    assert prediction.shape == shape
    assert max(prediction.probability.shape) == 128
    mask = to_mask(prediction, 0.5)
    assert mask.shape == shape
    assert dice(mask, truth) > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (5000, 3), (33, 65)])
def test_no_shape_is_too_odd(member: MakeMember, tmp_path: Path, shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    prediction = Predictor(ensemble(member()), tmp_path, "cpu").predict(image, "x")
    assert to_mask(prediction, 0.5).shape == shape


def test_a_grey_slide_without_units_stays_empty(member: MakeMember, tmp_path: Path) -> None:
    pale = np.full((300, 200, 3), 235, np.uint8)
    prediction = Predictor(ensemble(member()), tmp_path, "cpu").predict(pale, "x")
    assert not to_mask(prediction, 0.5).any()


def test_mean_and_disagreement_are_weighted(member: MakeMember, tmp_path: Path) -> None:
    made = ensemble(member(says=0.2, weight=3), member(says=0.6), member(says=0.9, weight=2))
    prediction = Predictor(made, tmp_path, "cpu").predict(np.zeros((50, 40, 3), np.uint8), "x")
    says, weights = np.array([0.2, 0.6, 0.9]), np.array([3, 1, 2])
    mean = np.average(says, weights=weights)
    spread = np.sqrt(np.average((says - mean) ** 2, weights=weights))
    assert np.abs(prediction.probability - 255 * mean).max() <= 1.5
    assert np.abs(prediction.disagreement - 255 * spread).max() <= 1.5


def test_views_of_one_member_are_no_disagreement(member: MakeMember, tmp_path: Path) -> None:
    image, _ = picture(90, 64)
    made = ensemble(member(), tta=ALL_VIEWS)
    prediction = Predictor(made, tmp_path, "cpu").predict(image, "x")
    assert prediction.probability.max() > 200
    assert not prediction.disagreement.any()


@pytest.mark.parametrize(
    ("tta", "axes"), [(("identity", "hflip"), 1), (("identity", "vflip"), 0), (ALL_VIEWS, (0, 1))]
)
def test_views_make_the_opinion_indifferent_to_mirroring(
    member: MakeMember, tmp_path: Path, tta: tuple[View, ...], axes: int | tuple[int, int]
) -> None:
    image, _ = picture(64, 96, seed=5)
    mirrored = np.ascontiguousarray(np.flip(image, axes))
    one = member(size=96)

    def apart(views: tuple[View, ...]) -> int:
        predictor = Predictor(ensemble(one, tta=views), tmp_path, "cpu")
        plain = predictor.predict(image, "x").probability.astype(int)
        return int(
            np.abs(plain - np.flip(predictor.predict(mirrored, "x").probability, axes)).max()
        )

    assert apart(tta) <= 2
    assert apart(("identity",)) > 10


def test_members_of_several_sizes_meet_at_the_largest(member: MakeMember, tmp_path: Path) -> None:
    image, truth = picture(400, 300, seed=2)
    made = ensemble(member(size=64), member(size=160), member(size=96))
    prediction = Predictor(made, tmp_path, "cpu").predict(image, "x")
    assert prediction.probability.shape == (160, 120)
    assert dice(to_mask(prediction, 0.5), truth) > 0.9


def test_members_that_have_seen_the_image_are_left_out(member: MakeMember, tmp_path: Path) -> None:
    made = ensemble(member(says=0.2, trained_on=("a", "b")), member(says=0.8, trained_on=("b",)))
    predictor = Predictor(made, tmp_path, "cpu")
    image = np.zeros((32, 32, 3), np.uint8)

    def opinion(digest: str | None) -> tuple[float, bool]:
        prediction = predictor.predict(image, "x", digest)
        return round(float(prediction.probability.mean()) / 255, 1), prediction.in_sample

    assert opinion("a") == (0.8, False)
    assert opinion("b") == (0.5, True)
    assert opinion("c") == (0.5, False)
    assert opinion(None) == (0.5, False)


def test_progress_rises_to_one_by_member_and_view(member: MakeMember, tmp_path: Path) -> None:
    told: list[float] = []
    made = ensemble(member(), member(), tta=("identity", "vflip"))
    Predictor(made, tmp_path, "cpu").predict(
        np.zeros((64, 64, 3), np.uint8), "x", None, told.append
    )
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_cancelling_answers_before_the_next_layer(tmp_path: Path) -> None:
    settings = Network(decoder_channels=(64, 32, 16, 16, 8), pretrained=False)
    save(
        tmp_path / "large.safetensors",
        build(settings).module,
        Checkpoint(network=settings, size=1024),
    )
    predictor = Predictor(ensemble(Member(weights="large.safetensors")), tmp_path, "cpu")
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 100

    with pytest.raises(Cancelled):
        predictor.predict(np.zeros((1024, 1024, 3), np.uint8), "x", cancelled=cancelled)
    assert len(asked) == 101


def test_after_cancelling_it_predicts_again(member: MakeMember, tmp_path: Path) -> None:
    predictor = Predictor(ensemble(member(says=0.4)), tmp_path, "cpu")
    image = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(Cancelled):
        predictor.predict(image, "x", cancelled=lambda: True)
    assert np.abs(predictor.predict(image, "x").probability - 102.0).max() <= 1


@pytest.mark.usefixtures("few_objects")
def test_networks_are_kept_until_closed(member: MakeMember, tmp_path: Path) -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, Segmenter) for thing in gc.get_objects())

    made = ensemble(member(says=0.3), member(says=0.7))
    before = alive()
    predictor = Predictor(made, tmp_path, "cpu")
    assert alive() == before
    image = np.zeros((32, 32, 3), np.uint8)
    first = predictor.predict(image, "x")
    predictor.predict(image, "x")
    assert alive() == before + 2
    predictor.close()
    assert alive() == before
    assert np.array_equal(predictor.predict(image, "x").probability, first.probability)


def test_fingerprint_follows_what_probabilities_depend_on(
    member: MakeMember, tmp_path: Path
) -> None:
    first, second = member(says=0.3), member(says=0.7)
    made = ensemble(first, second)
    seen = {
        Predictor(settings, tmp_path, "cpu").fingerprint
        for settings in (
            made,
            ensemble(first),
            ensemble(first, second.model_copy(update={"weight": 2.0})),
            ensemble(first, second, tta=("identity", "hflip")),
        )
    }
    assert len(seen) == 4
    other_threshold = made.model_copy(update={"threshold": 0.2, "name": "renamed"})
    assert Predictor(other_threshold, tmp_path, "cpu").fingerprint in seen


def test_a_missing_member_is_told_at_once(member: MakeMember, tmp_path: Path) -> None:
    made = ensemble(member(), Member(weights="fold9/weights.safetensors"))
    with pytest.raises(WeightsError, match=r"fold9.*there is no such file; correct the path"):
        Predictor(made, tmp_path, "cpu")


def test_a_missing_device_is_told_at_once(member: MakeMember, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no device `cuda:9`; choose .*cpu"):
        Predictor(ensemble(member()), tmp_path, "cuda:9")


def test_mixed_precision_draws_the_same_mask(
    member: MakeMember, tmp_path: Path, trained: Segmenter
) -> None:
    image, _ = picture(256, 256, seed=9)
    prediction = Predictor(ensemble(member(size=256)), tmp_path, "cpu").predict(image, "x")
    with torch.inference_mode():
        full = trained(torch.from_numpy(image).permute(2, 0, 1)[None].float()).sigmoid()[0, 0]
    apart = np.abs(prediction.probability / 255 - full.numpy())
    assert apart.mean() < 0.01
    assert dice(to_mask(prediction, 0.5), (full >= 0.5).numpy().astype(np.uint8)) > 0.98


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_where_memory_runs_out_the_image_is_shown_in_windows(
    member: MakeMember, tmp_path: Path
) -> None:
    one = member(size=4096)
    told = starved(tmp_path, one, 2**30)
    assert told[0] == f"Memory ran out for {one.weights}: it is shown windows of 2048."
    assert told[-1] == "(64, 64)"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize(
    ("sizes", "spare"),
    [({}, 2**26), ({64: 1, 4096: 1}, 9 * 2**24)],
    ids=["for numpy", "for OpenCV between two sizes"],
)
def test_too_little_memory_is_told_with_a_remedy(
    member: MakeMember, tmp_path: Path, sizes: dict[int, float], spare: int
) -> None:
    one = member(size=4096).model_copy(update={"sizes": sizes})
    assert starved(tmp_path, one, spare)[-1] == (
        f"cpu has too little memory for {one.weights} at 4096 pixels;"
        " close other programs or use members of a smaller size."
    )


def starved(folder: Path, member: Member, spare: int) -> list[str]:
    """What a prediction at 4096 pixels says with so many bytes to spare."""
    done = subprocess.run(
        [sys.executable, "-c", _STARVE, str(folder), member.model_dump_json(), str(spare)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()


_STARVE = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from trainer.errors import DeviceError
from trainer.predict.ensemble import Predictor
from trainer.settings import Ensemble, Member

torch.set_num_threads(1)
folder, member, spare = sys.argv[1:]
ensemble = Ensemble(name="test", members=(Member.model_validate_json(member),))
predictor = Predictor(ensemble, Path(folder), "cpu")
predictor.predict(np.zeros((8, 32, 3), np.uint8), "narrow")
used = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (used + int(spare), used + int(spare)))
try:
    found = predictor.predict(np.zeros((64, 64, 3), np.uint8), "x")
    print(*predictor.notices, found.shape, sep="\\n")
except DeviceError as error:
    print(error)
"""
