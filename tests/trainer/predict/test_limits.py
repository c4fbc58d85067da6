"""What memory allows to be shown at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from pictures import ensemble, picture
from trainer.data.case import Mask
from trainer.errors import DeviceError
from trainer.metrics import dice
from trainer.model.checkpoint import Checkpoint, save
from trainer.model.network import Segmenter, build
from trainer.predict.ensemble import Predictor
from trainer.predict.limits import Limit, planned
from trainer.predict.memory import Memory, bytes_per_pixel, weight_of
from trainer.predict.networks import Networks, Question, never
from trainer.predict.postprocess import to_mask
from trainer.settings import Member, Network, View

MakeMember = Callable[..., Member]


@pytest.mark.parametrize(
    ("room", "wanted"),
    [
        (16 * 2**20, Limit(16)),
        (5.9 * 2**20, Limit(5)),
        (1.0 * 2**20, Limit(1)),
        (0.7 * 2**20, Limit(1, 832)),
        (2**16, Limit(1, 256)),
        (2**15, None),
        (-1.0, None),
        (None, Limit(16)),
    ],
)
def test_as_many_views_as_fit_else_as_large_a_window(
    room: float | None, wanted: Limit | None
) -> None:
    assert planned((1024, 1024), 1.0, room, on_cpu=False) == wanted


def test_a_cpu_is_shown_one_view_at_a_time() -> None:
    assert planned((64, 64), 1.0, 1e12, on_cpu=True) == Limit(1)
    assert planned((64, 64), None, None, on_cpu=True) == Limit(1)


def test_what_ran_out_is_halved_down_to_the_smallest_window() -> None:
    steps = []
    limit: Limit | None = Limit(4)
    while limit is not None:
        steps.append((limit.batch, limit.side))
        limit = limit.halved(1500)
    assert steps == [(4, None), (2, None), (1, None), (1, 736), (1, 352)]


def test_a_network_s_peak_is_at_least_its_largest_layer_and_grows_with_width() -> None:
    def cost(network: torch.nn.Module) -> float:
        return bytes_per_pixel(network.eval().requires_grad_(False), torch.device("cpu"))

    def chain(width: int) -> torch.nn.Module:
        layers = [torch.nn.Conv2d(3, width, 3, padding=1), torch.nn.Conv2d(width, 3, 3, padding=1)]
        return torch.nn.Sequential(*layers)

    narrow, wide = cost(chain(8)), cost(chain(64))
    assert narrow >= 8 * 2
    assert wide >= 64 * 2
    assert 3 < wide / narrow < 9


def test_what_is_no_longer_needed_is_not_counted() -> None:
    class Deep(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            for _ in range(20):
                image = image + 1
            return image

    # an image, its successor and a third in the making, of 3 floats a pixel
    assert bytes_per_pixel(Deep(), torch.device("cpu")) <= 1.2 * 4 * 3 * 4


def test_the_measure_is_that_of_the_process(trained: Segmenter) -> None:
    cost = bytes_per_pixel(trained.requires_grad_(False), torch.device("cpu"))
    assert 50 < cost < 1000


def test_the_user_s_limit_is_what_is_left_beside_what_is_used() -> None:
    here = Memory(torch.device("cpu"), 100 * 2.0**30).room()
    assert here is not None
    assert 90 * 2**30 < here < 100 * 2**30 - 50 * 2**20
    assert Memory(torch.device("cpu")).room() is None


def spare(gib: float) -> float:
    """A limit that leaves so much."""
    room = Memory(torch.device("cpu"), 0.0).room()
    assert room is not None
    return gib - room / 2**30


def test_a_plan_with_windows_is_told_and_draws_the_same(member: MakeMember, tmp_path: Path) -> None:
    image, truth = picture(1024, 900, seed=3)
    made = ensemble(member(size=1024))

    def drawn(predictor: Predictor) -> Mask:
        return to_mask(predictor.predict(image, "x"), 0.5)

    with Predictor(made, tmp_path, "cpu") as free:
        whole = drawn(free)
    assert not free.notices
    with Predictor(made, tmp_path, "cpu", memory=spare(0.06)) as tight:
        cut = drawn(tight)
    (told,) = tight.notices
    assert told.startswith("Memory does not hold 1.safetensors at 1024 pixels: it is shown windo")
    assert dice(whole, cut) > 0.95
    assert dice(cut, truth) > 0.8


def test_a_limit_that_holds_nothing_is_told(member: MakeMember, tmp_path: Path) -> None:
    with (
        Predictor(ensemble(member(size=1024)), tmp_path, "cpu", memory=0.01) as predictor,
        pytest.raises(
            DeviceError,
            match=r"too little memory for 1\.safetensors at 1024 pixels; allow more than 0\.01 GiB,"
            r" of which \d\.\d\d are taken already or use",
        ),
    ):
        predictor.predict(np.zeros((64, 64, 3), np.uint8), "x")


def test_members_take_turns_where_their_weights_would_fill_memory(tmp_path: Path) -> None:
    settings = Network(decoder_channels=(64, 32, 16, 16, 8), pretrained=False)
    network = build(settings).module
    members = [Member(weights=f"{index}.safetensors") for index in range(3)]
    for one in members:
        save(tmp_path / str(one.weights), network, Checkpoint(network=settings, size=64))
    image, _ = picture(64, 64)

    def loaded(memory: float | None) -> tuple[int, bytes]:
        with Predictor(ensemble(*members), tmp_path, "cpu", memory=memory) as predictor:
            found = predictor.predict(image, "x").probability.tobytes()
            return len(predictor._networks._loaded), found

    weights = weight_of(network) / 2**30
    free = loaded(None)
    assert free[0] == 3
    assert loaded(spare(20 * weights)) == free
    few, found = loaded(spare(7 * weights))
    assert few < 3 and found == free[1]


class Shown:
    """A member's look at a picture in all eight views, so many at a time at the most.

    Attributes
    ----------
    batches
        How many views it was shown at a time; more than `fit` run out of memory.
    """

    def __init__(self, folder: Path, one: Member, batch: int, fit: int = 8) -> None:
        self.batches: list[int] = []
        self.told: list[str] = []
        file = folder / str(one.weights)
        networks = Networks([file], Memory(torch.device("cpu")), False, self.told.append)
        networks._limits[0, (64, 96)] = Limit(batch)  # as planned where a GPU has the room

        def show(_: object, given: tuple[torch.Tensor]) -> None:
            self.batches.append(len(given[0]))
            if len(given[0]) > fit:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to …")

        networks._network(0).register_forward_pre_hook(show)
        image, _ = picture(64, 96, seed=3)
        work = networks.look(0, image, Question(get_args(View)), never)
        while True:
            try:
                next(work)
            except StopIteration as stop:
                self.levels = stop.value
                return


def test_views_are_shown_in_batches_of_one_shape_and_say_the_same(
    member: MakeMember, tmp_path: Path
) -> None:
    one = member()
    single, batched = Shown(tmp_path, one, 1), Shown(tmp_path, one, 3)
    assert single.batches == [1] * 8
    # four lie as the picture does and four across
    assert batched.batches == [3, 1, 3, 1]
    assert np.abs(single.levels - batched.levels).max() < 0.02


def test_memory_that_runs_out_halves_the_batch_and_it_is_said(
    member: MakeMember, tmp_path: Path
) -> None:
    one = member()
    free, starved = Shown(tmp_path, one, 4), Shown(tmp_path, one, 4, fit=1)
    assert starved.batches == [4, 2] + [1] * 8
    assert starved.told == [
        f"Memory ran out for {one.weights}: it is shown 2 at a time.",
        f"Memory ran out for {one.weights}: it is shown 1 at a time.",
    ]
    assert free.told == []
    assert np.abs(free.levels - starved.levels).max() < 0.02


@pytest.mark.slow
def test_a_network_that_cannot_be_compiled_is_told(member: MakeMember, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(tmp_path), str(member().weights)],
        env={
            **os.environ,
            "CXX": "no-such-compiler",
            "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "torch cannot compile 1.safetensors here" in done.stdout, done.stderr
    assert "run without --compile" in done.stdout


_COMPILE = """
import sys
from pathlib import Path
import numpy as np
from trainer.errors import DeviceError
from trainer.predict.ensemble import Predictor
from trainer.settings import Ensemble, Member

folder, weights = sys.argv[1:]
ensemble = Ensemble(name="test", members=(Member(weights=weights),))
try:
    predictor = Predictor(ensemble, Path(folder), "cpu", compiled=True)
    predictor.predict(np.zeros((64, 64, 3), np.uint8), "x")
except DeviceError as error:
    print(error)
"""
