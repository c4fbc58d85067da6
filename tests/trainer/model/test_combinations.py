"""Every named pair of encoder and decoder learns from oblong images, and gives a logit a pixel."""

from __future__ import annotations

from typing import get_args

import pytest
import timm
import torch
from torch import Tensor, nn

from trainer.errors import SettingsError
from trainer.model.encoders import CoatStages
from trainer.model.heads import Auxiliary
from trainer.model.network import Segmenter, build, check
from trainer.settings import Network
from trainer.settings.network import Decoder
from trainer.train.checkpointing import checkpointed

NAMED = (
    ("resnet50", "unet"),
    ("resnet101", "unet"),
    ("tf_efficientnet_b0", "unet"),
    ("tf_efficientnet_b7", "unet"),
    ("tf_efficientnet_b0", "fpn-aspp-unet"),
    ("swin_tiny_patch4_window7_224", "upernet"),
    ("swin_tiny_patch4_window7_224", "segformer"),
    ("mit_b2", "segformer"),
    ("coat_lite_small", "daformer"),
    ("coat_lite_medium", "daformer-conv3x3"),
    ("coat_lite_small", "unet"),
    ("coat_lite_medium", "unet"),
    ("convnext_tiny", "upernet"),
    ("resnet50", "unet++"),
    ("resnet50", "deeplabv3+"),
)
BUILT_ONLY = (
    *((f"tf_efficientnet_b{size}", "unet") for size in range(1, 7)),
    ("tf_efficientnet_b7", "fpn-aspp-unet"),
    ("mit_b3", "segformer"),
    ("mit_b4", "segformer"),
    ("mit_b5", "segformer"),
    ("coat_lite_small", "daformer-conv3x3"),
    ("coat_lite_medium", "daformer"),
    ("convnext_large_mlp", "upernet"),
    ("swin_large_patch4_window12_384", "upernet"),
    ("coat_small", "pspnet"),
)
NARROW = {"fpn": (32, 32), "linknet": (), "unet": (), "unet++": (), "manet": ()}


def settings(encoder: str, decoder: str, **more: object) -> Network:
    channels = NARROW.get(decoder, (64, 32, 16, 16, 8))
    told = {"encoder": encoder, "decoder": decoder, "decoder_channels": channels, **more}
    return Network.model_validate({"pretrained": False, **told})


def learn(module: Segmenter, images: Tensor) -> Tensor:
    """A step backward from all outputs; the logits."""
    outputs = module.train().all_outputs(images)
    every = (outputs.logits, *outputs.auxiliary.values())
    torch.stack([one.square().mean() for one in every]).sum().backward()
    return outputs.logits


def least(decoder: str) -> tuple[int, int]:
    """(h, w) of an oblong image that the decoder can work with: PAN pools it by a further 8."""
    return (256, 288) if decoder == "pan" else (64, 96)


def unmoved(module: nn.Module) -> list[str]:
    """Parameters that no gradient has reached."""
    return [name for name, one in module.named_parameters() if one.grad is None]


@pytest.mark.parametrize(("encoder", "decoder"), NAMED)
def test_it_learns_from_oblong_images(encoder: str, decoder: str):
    torch.manual_seed(0)
    module = build(settings(encoder, decoder)).module
    logits = learn(module, 255 * torch.rand(2, 3, 64, 96))
    assert logits.shape == (2, 1, 64, 96)
    assert torch.isfinite(logits).all()
    # smp leaves the finest skip's branch of a decoder that does not use it; encoders' heads too
    assert not [name for name in unmoved(module) if name.startswith(("body.decoder", "body.seg"))]


@pytest.mark.parametrize(("encoder", "decoder"), BUILT_ONLY)
def test_it_goes_together(encoder: str, decoder: str):
    check(settings(encoder, decoder))


@pytest.mark.parametrize("decoder", get_args(Decoder))
def test_every_decoder_learns_from_one_image_with_group_norm(decoder: str):
    torch.manual_seed(0)
    module = build(settings("resnet18", decoder, norm="group", dropout=0.1)).module
    layers = module.body.get_submodule("decoder").modules()
    assert not [one for one in layers if isinstance(one, nn.BatchNorm2d) and one.num_features > 1]
    logits = learn(module, 255 * torch.rand(1, 3, *least(decoder)))
    assert logits.shape == (1, 1, *least(decoder))
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("decoder", get_args(Decoder))
def test_every_decoder_has_its_own_channels(decoder: str):
    check(Network.model_validate({"encoder": "resnet18", "decoder": decoder}))


@pytest.mark.parametrize("encoder", ["maxvit_tiny_tf_224", "swinv2_cr_tiny_224"])
def test_an_encoder_of_one_size_is_refused_before_it_is_trained(encoder: str):
    with pytest.raises(SettingsError, match=f"`{encoder}` does not go with .*any size"):
        check(settings(encoder, "unet"))


def test_an_encoder_without_stages_is_refused():
    with pytest.raises(SettingsError, match="`vit_tiny_patch16_224` does not go with"):
        build(settings("vit_tiny_patch16_224", "unet"))


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("mit_b0", "unet++"),
        ("mit_b0", "linknet"),
        ("coat_lite_tiny", "deeplabv3"),
        ("coat_lite_tiny", "deeplabv3+"),
        ("coat_lite_tiny", "pan"),
    ],
)
def test_what_smp_does_not_join_learns_too(encoder: str, decoder: str):
    torch.manual_seed(0)
    module = build(settings(encoder, decoder)).module
    image = (255 * torch.rand(2, 3, *least(decoder))).requires_grad_()
    logits = learn(module, image)
    assert logits.shape == (2, 1, *least(decoder))
    assert image.grad is not None and bool((image.grad != 0).any())
    assert not [name for name in unmoved(module) if name.startswith(("body.decoder", "body.seg"))]


def test_drop_path_is_the_encoder_s():
    module = build(settings("convnext_tiny", "unet", drop_path=0.3)).module
    rates = [one.drop_prob for one in module.modules() if type(one).__name__ == "DropPath"]
    assert max(rates) == pytest.approx(0.3)
    with pytest.raises(SettingsError, match="`drop_path` is of timm's encoders"):
        check(settings("mit_b0", "segformer", drop_path=0.3))
    with pytest.raises(SettingsError, match="does not go with"):
        check(settings("vgg11", "unet", drop_path=0.3))


@pytest.mark.parametrize("encoder", ["coat_lite_tiny", "coat_tiny"])
def test_coat_of_any_size_is_timm_s_at_timm_s_size(encoder: str):
    torch.manual_seed(0)
    theirs = timm.create_model(encoder, features_only=True).eval()
    ours = CoatStages(theirs.get_submodule("model"), 4).eval()
    image = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        wanted, found = theirs(image), ours(image)
        oblong = ours(torch.randn(1, 3, 64, 96))
    assert all(
        torch.allclose(one, other, atol=1e-5) for one, other in zip(wanted, found, strict=True)
    )
    assert [tuple(one.shape[2:]) for one in oblong] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_swin_of_any_size_is_timm_s_at_timm_s_size_but_for_the_last_stage():
    torch.manual_seed(0)
    module = build(settings("swin_tiny_patch4_window7_224", "unet")).module
    ours = module.body.get_submodule("encoder.model").eval()
    theirs = timm.create_model("swin_tiny_patch4_window7_224", features_only=True).eval()
    theirs.load_state_dict(ours.state_dict(), strict=False)
    image = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        pairs = list(zip(theirs(image), ours(image), strict=True))
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in pairs[:3])


@pytest.mark.parametrize(
    "encoder", ["resnet18", "tf_efficientnet_b0", "convnext_atto", "mit_b0", "coat_lite_tiny"]
)
def test_checkpointing_keeps_less_and_changes_nothing(encoder: str):
    module = build(settings(encoder, "unet", drop_path=None)).module
    image = 255 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    names = set(module.state_dict())

    def step() -> tuple[int, dict[str, Tensor]]:
        kept = 0

        def keep(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += tensor.numel()
            return tensor

        torch.manual_seed(0)
        module.zero_grad()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            module.train()(image).square().mean().backward()
        given = {name: one.grad for name, one in module.named_parameters() if one.grad is not None}
        return kept, {name: one.clone() for name, one in given.items()}

    much, wanted = step()
    with checkpointed(module):
        less, found = step()
    again, _ = step()
    assert set(module.state_dict()) == names
    assert less < 0.8 * much == 0.8 * again
    assert wanted.keys() == found.keys()
    for name, gradient in wanted.items():
        assert torch.allclose(gradient, found[name], rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize("decoder", get_args(Decoder))
def test_every_decoder_learns_in_mixed_precision(decoder: str):
    named = ("deep1", "organ", "pixel_size", "boundary", "skeleton")
    asked = {"norm": "group", "auxiliary": named, "organ_input": True}
    module = build(settings("coat_lite_tiny", decoder, **asked)).module
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = learn(module, 255 * torch.rand(2, 3, *least(decoder)))
    assert logits.shape == (2, 1, *least(decoder))
    assert torch.isfinite(logits).all()


ALL = ("deep1", "deep3", "organ", "pixel_size", "boundary", "distance", "skeleton")


@pytest.mark.parametrize("decoder", get_args(Decoder))
def test_every_decoder_has_stages_to_be_taught(decoder: str):
    named = ("deep1", "deep2", "boundary")
    module = build(settings("resnet18", decoder, auxiliary=named)).module
    with torch.no_grad():
        outputs = module.eval().all_outputs(torch.zeros(2, 3, 128, 160))
    shapes = {name: tuple(one.shape) for name, one in outputs.auxiliary.items()}
    assert shapes == dict.fromkeys(named, (2, 1, 128, 160))


def test_auxiliary_outputs_by_name():
    torch.manual_seed(0)
    module = build(settings("resnet18", "unet", auxiliary=ALL)).module
    image = 255 * torch.rand(2, 3, 64, 96)
    learn(module, image)
    assert not [name for name in unmoved(module) if name.startswith("auxiliary")]
    with torch.inference_mode():
        outputs = module.eval().all_outputs(image)
        assert torch.equal(outputs.logits, module(image))
    shapes = {name: tuple(one.shape) for name, one in outputs.auxiliary.items()}
    maps = dict.fromkeys(("deep1", "deep3", "boundary", "distance", "skeleton"), (2, 1, 64, 96))
    assert shapes == {**maps, "organ": (2, 5), "pixel_size": (2, 1)}


def test_without_auxiliary_there_is_none():
    module = build(settings("resnet18", "unet")).module
    outputs = module.eval().all_outputs(torch.zeros(1, 3, 32, 32))
    assert outputs.auxiliary == {}
    assert not [
        name for name in module.state_dict() if not name.startswith(("body", "mean", "dev"))
    ]


def test_auxiliary_heads_leave_the_start_as_it_is():
    def start(**more: object) -> dict[str, Tensor]:
        torch.manual_seed(3)
        return build(settings("resnet18", "unet", **more)).module.body.state_dict()

    plain, taught = start(), start(auxiliary=ALL)
    assert plain.keys() == taught.keys()
    assert all(torch.equal(one, taught[name]) for name, one in plain.items())


def test_a_stage_that_the_decoder_lacks():
    with pytest.raises(SettingsError, match="no `deep5`, the decoder `fpn` has 4 stages"):
        check(settings("resnet18", "fpn", auxiliary=("deep5",)))


def test_a_deeper_stage_sees_less():
    """`deep1` is the deepest: only it is the same where images differ within a few pixels."""
    module = build(settings("resnet18", "unet", auxiliary=("deep1", "deep5"))).module.eval()
    assert isinstance(module.auxiliary, Auxiliary)
    first, last = module.auxiliary.maps["deep1"], module.auxiliary.maps["deep5"]
    assert isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d)
    assert first.in_channels > last.in_channels
