"""Weights go to disk and come back, and nothing else is taken for weights."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from trainer.errors import WeightsError
from trainer.model.checkpoint import Checkpoint, describe, load, save, twin
from trainer.model.network import Segmenter, build
from trainer.settings import Network

NETWORK = Network(encoder="test_efficientnet", decoder_channels=(8, 8, 8, 8, 8), pretrained=False)
CHECKPOINT = Checkpoint(network=NETWORK, size=64, trained_on={"7": "ab"}, recipe="quick", fold=1)


@pytest.fixture
def module() -> Segmenter:
    torch.manual_seed(0)
    return build(NETWORK).module.eval()


@pytest.fixture
def weights(tmp_path: Path, module: Segmenter) -> Path:
    path = tmp_path / "weights.safetensors"
    save(path, module, CHECKPOINT)
    return path


def logits(module: torch.nn.Module) -> torch.Tensor:
    image = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return module(image.float())


def test_round_trip(weights: Path, module: Segmenter) -> None:
    loaded, checkpoint = load(weights)
    assert checkpoint == CHECKPOINT
    assert not loaded.training
    assert torch.equal(logits(loaded), logits(module))


@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_round_trip_of_layers_that_share_weights_and_of_all_outputs(
    tmp_path: Path, dtype: torch.dtype | None
) -> None:
    told = {"encoder": "coat_lite_tiny", "decoder": "daformer", "decoder_channels": (16,)}
    taught = {"auxiliary": ("deep1", "organ", "skeleton"), "organ_input": True, "norm": "group"}
    network = Network.model_validate({**told, **taught, "pretrained": False})
    wanted = build(network).module.eval()
    save(tmp_path / "w.safetensors", wanted, Checkpoint(network=network, size=64), dtype)
    found, checkpoint = load(tmp_path / "w.safetensors")
    assert checkpoint.network == network
    image = torch.randint(0, 256, (1, 3, 64, 96)).float()
    with torch.inference_mode():
        before, after = wanted.all_outputs(image), found.all_outputs(image)
    near = 1e-5 if dtype is None else 0.05
    assert torch.allclose(after.logits, before.logits, atol=near)
    assert before.auxiliary.keys() == after.auxiliary.keys()
    for name, output in before.auxiliary.items():
        assert torch.allclose(after.auxiliary[name], output, atol=near), name


def test_description_is_read_without_the_weights(weights: Path) -> None:
    weights.unlink()
    assert describe(weights) == CHECKPOINT


def test_half_storage_halves_kernels_and_spares_statistics(
    weights: Path, module: Segmenter, tmp_path: Path
) -> None:
    half = tmp_path / "half.safetensors"
    module.mean.fill_(123.675)
    save(half, module, CHECKPOINT, dtype=torch.float16)
    loaded, _ = load(half)
    assert half.stat().st_size < 0.65 * weights.stat().st_size
    assert torch.equal(loaded.mean, module.mean)
    assert all(
        value.dtype in (torch.float32, torch.int64) for value in loaded.state_dict().values()
    )
    assert torch.allclose(logits(loaded), logits(module), atol=0.05)


def test_saving_again_replaces_and_leaves_no_draft(weights: Path, module: Segmenter) -> None:
    save(weights, module, CHECKPOINT.model_copy(update={"fold": 2}))
    assert describe(weights).fold == 2
    assert {file.name for file in weights.parent.iterdir()} == {weights.name, twin(weights).name}


def test_channels_last_weights_can_be_saved(weights: Path, module: Segmenter) -> None:
    expected = logits(module)
    save(weights, module.to(memory_format=torch.channels_last), CHECKPOINT)
    assert torch.allclose(logits(load(weights)[0]), expected, atol=1e-4)


def test_a_folder_that_cannot_be_written(module: Segmenter, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="cannot be written"):
        save(tmp_path / "file" / "weights.safetensors", module, CHECKPOINT)


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["torch", "plain"])
def test_a_pickle_is_refused_unopened(weights: Path, tmp_path: Path, kind: str) -> None:
    trap = _Trap(tmp_path / "sprung")
    with weights.open("wb") as file:
        torch.save(trap, file) if kind == "torch" else pickle.dump(trap, file)
    with pytest.raises(WeightsError, match=r"is a pickle, which can run any program.*save_file"):
        load(weights)
    assert not trap.path.exists()


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors: there is no such file"):
        load(tmp_path / "gone.safetensors")


def test_missing_twin(weights: Path) -> None:
    twin(weights).unlink()
    with pytest.raises(WeightsError, match=r"its description weights\.json is missing"):
        load(weights)


@pytest.mark.parametrize("text", ["{", "[]", '{"size": 64}', "\xff"])
def test_a_twin_that_describes_nothing(weights: Path, text: str) -> None:
    twin(weights).write_text(text, encoding="latin-1")
    with pytest.raises(WeightsError, match=r"weights\.json"):
        load(weights)


def test_a_twin_of_another_network(weights: Path) -> None:
    other = NETWORK.model_copy(update={"decoder_channels": (8, 8, 8, 8, 4)})
    twin(weights).write_text(CHECKPOINT.model_copy(update={"network": other}).model_dump_json())
    with pytest.raises(WeightsError, match=r"does not fit the network of weights\.json: `body"):
        load(weights)


def test_a_twin_with_an_unknown_encoder(weights: Path) -> None:
    other = NETWORK.model_copy(update={"encoder": "resnet43"})
    twin(weights).write_text(CHECKPOINT.model_copy(update={"network": other}).model_dump_json())
    with pytest.raises(WeightsError, match="unknown encoder `resnet43`"):
        load(weights)


@pytest.mark.parametrize("length", [0, 5, 4000])
def test_truncated_weights(weights: Path, length: int) -> None:
    weights.write_bytes(weights.read_bytes()[:length])
    with pytest.raises(WeightsError, match="cannot be read as safetensors"):
        load(weights)


def test_a_pickle_is_refused_before_its_twin_is_missed(tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(pickle.dumps({}))
    with pytest.raises(WeightsError, match=r"model\.pth: is a pickle.*'model\.safetensors'"):
        describe(tmp_path / "model.pth")


def test_a_size_that_no_image_has(weights: Path) -> None:
    huge = CHECKPOINT.model_copy(update={"size": 10**9})
    twin(weights).write_text(huge.model_dump_json())
    with pytest.raises(WeightsError, match=r"weights\.json: .*`size`: .*; put the twin"):
        describe(weights)


def test_a_case_is_known_by_its_image_not_by_its_id() -> None:
    assert CHECKPOINT.has_seen("ab")
    assert not CHECKPOINT.has_seen("7")
    assert not CHECKPOINT.has_seen(None)
