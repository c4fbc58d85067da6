"""Each loss against the formula of its paper, plainly written, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.model import targets
from trainer.settings import Objective
from trainer.train import losses, objective
from trainer.train.batch import Batch
from trainer.train.objective import Aim

ALL = ("bce", "dice", "jaccard", "tversky", "focal", "focal_tversky", "lovasz", "boundary", "gaps")


def plain_bce(z: Tensor, t: Tensor, weight: float = 1) -> Tensor:
    p = 1 / (1 + torch.exp(-z))
    return -(weight * t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


def plain_sums(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    p = 1 / (1 + torch.exp(-z))
    return (p * t).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()


def plain_dice(z: Tensor, t: Tensor) -> Tensor:
    tp, fp, fn = plain_sums(z, t)
    return 1 - (2 * tp + 1) / (2 * tp + fp + fn + 1)


def plain_jaccard(z: Tensor, t: Tensor) -> Tensor:
    tp, fp, fn = plain_sums(z, t)
    return 1 - (tp + 1) / (tp + fp + fn + 1)


def plain_tversky(z: Tensor, t: Tensor) -> Tensor:
    tp, fp, fn = plain_sums(z, t)
    return 1 - (2 * tp + 1) / (2 * tp + 2 * 0.3 * fp + 2 * 0.7 * fn + 1)


def plain_focal(z: Tensor, t: Tensor) -> Tensor:
    p = 1 / (1 + torch.exp(-z))
    of_inside, of_outside = -((1 - p) ** 2) * torch.log(p), -(p**2) * torch.log(1 - p)
    return torch.where(t > 0.5, of_inside, of_outside).mean()


def plain_lovasz(z: Tensor, t: Tensor) -> Tensor:
    """Algorithm 1 of Berman et al., one pixel after the other."""
    images = []
    for scores, labels in zip(z.flatten(1), t.flatten(1), strict=True):
        errors = 1 - scores * (2 * labels - 1)
        order = sorted(range(len(errors)), key=lambda i: -float(errors[i].detach()))
        total = z.new_zeros(())
        before, missed, spurious = 0.0, 0, 0
        units = float(labels.sum())
        for i in order:
            missed += int(labels[i] == 1)
            spurious += int(labels[i] == 0)
            now = 1 - (units - missed) / (units + spurious)
            total = total + torch.relu(errors[i]) * (now - before)
            before = now
        images.append(total)
    return torch.stack(images).mean()


def plain_distance(labels: np.ndarray) -> np.ndarray:
    """To the nearest pixel of the other kind; 1 less inside."""
    found = np.zeros(labels.shape)
    if labels.all() or not labels.any():
        return found
    for place in np.ndindex(labels.shape):
        others = np.argwhere(labels != labels[place])
        nearest = np.sqrt(((others - place) ** 2).sum(1)).min()
        found[place] = 1 - nearest if labels[place] else nearest
    return found


def plain_boundary(z: Tensor, t: Tensor) -> Tensor:
    maps = np.stack([plain_distance(one) for one in t[:, 0].numpy() > 0.5])
    return (torch.sigmoid(z)[:, 0] * torch.from_numpy(maps)).mean()


def plain_gaps(z: Tensor, t: Tensor) -> Tensor:
    """Each pixel's cross-entropy times what the smallest of the largest values around it adds."""
    p = 1 / (1 + torch.exp(-z))
    total = z.new_zeros(())
    for image, row, column in np.ndindex(len(t), *t.shape[2:]):
        there = t[image, 0]

        def around(values: Tensor, i: int, j: int) -> Tensor:
            return values[max(0, i - 4) : i + 5, max(0, j - 4) : j + 5]

        larger = torch.stack(
            [
                torch.stack([around(there, i, j).max() for j in range(t.shape[3])])
                for i in range(t.shape[2])
            ]
        )
        weight = around(larger, row, column).min() - there[row, column]
        one, other = p[image, 0, row, column], there[row, column]
        total = total - weight * (other * torch.log(one) + (1 - other) * torch.log(1 - one))
    return total / t.numel()


PLAIN = {
    "gaps": plain_gaps,
    "bce": plain_bce,
    "dice": plain_dice,
    "jaccard": plain_jaccard,
    "tversky": plain_tversky,
    "focal": plain_focal,
    "focal_tversky": lambda z, t: plain_tversky(z, t) ** (3 / 4),
    "lovasz": plain_lovasz,
    "boundary": plain_boundary,
}


@pytest.fixture
def example() -> tuple[Tensor, Tensor]:
    """Three images: a blob, nothing, two blobs near each other that reach the edge."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 7, 6, generator=generator, dtype=torch.float64)
    target = torch.zeros_like(logits)
    target[0, 0, 1:5, 1:4] = 1
    target[2, 0, 4:, 3:] = 1
    target[2, 0, :2, :4] = 1
    return logits.requires_grad_(), target


def of(name: str, **changes: object) -> Aim:
    return Aim(Objective.model_validate({name: 1} | changes))


@pytest.mark.parametrize("name", ALL)
def test_a_loss_and_its_gradient_are_its_formula_s(name: str, example: tuple[Tensor, Tensor]):
    logits, target = example
    ours, plain = of(name).of_mask(logits, target), PLAIN[name](logits, target)

    assert float(ours.detach()) == pytest.approx(float(plain.detach()), rel=1e-6)
    got, wanted = (torch.autograd.grad(one, logits)[0] for one in (ours, plain))
    assert float(wanted.abs().max()) > 0
    # the distances are float32, all else float64
    assert torch.allclose(got, wanted, rtol=1e-5 if name == "boundary" else 1e-9, atol=1e-12)
    assert torch.autograd.gradcheck(lambda z: of(name).of_mask(z, target), (logits,))


@pytest.mark.parametrize("name", [name for name in ALL if name != "lovasz"])
def test_a_pixel_partly_inside_has_a_gradient_too(name: str, example: tuple[Tensor, Tensor]):
    logits, target = example
    partly = 0.1 + 0.7 * target
    assert torch.autograd.gradcheck(lambda z: of(name).of_mask(z, partly), (logits,))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("inside", [0.0, 1.0])
def test_an_image_without_a_boundary_gives_finite_gradients(name: str, inside: float):
    logits = torch.tensor([-80.0, -1, 1, 80]).repeat(2, 1, 4, 1).requires_grad_()
    loss = of(name).of_mask(logits, torch.full_like(logits, inside))
    loss.backward()

    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
    assert math.isfinite(float(loss.detach()))


def test_gaps_are_narrow_ground_between_units():
    target = torch.zeros(1, 1, 20, 40)
    target[..., 4:16, 4:12] = 1
    target[..., 4:16, 15:20] = 1  # a gap of 3
    target[..., 4:16, 32:36] = 1  # one of 12
    found = losses.between(target, 4)[0, 0]

    assert bool(found[4:16, 12:15].all())
    assert float(found.sum()) == 12 * 3


def test_the_lovasz_hinge_is_smp_s():
    from segmentation_models_pytorch.losses import BINARY_MODE, LovaszLoss

    logits, target = torch.randn(4, 1, 16, 16), (torch.rand(4, 1, 16, 16) > 0.6).float()
    target[3] = 0
    theirs = LovaszLoss(BINARY_MODE, per_image=True)(logits, target)
    assert float(losses.lovasz(logits, target)) == pytest.approx(float(theirs), rel=1e-5)


def test_equal_prices_make_tversky_dice_and_no_focus_makes_focal_cross_entropy(
    example: tuple[Tensor, Tensor],
):
    logits, target = example
    even = losses.tversky(logits, target, 0.5, 0.5)
    assert float((even - losses.soft_dice(logits, target)).detach()) == pytest.approx(0, abs=1e-12)
    plain = losses.focal(logits, target, focus=0) - losses.bce(logits, target)
    assert float(plain.detach()) == pytest.approx(0, abs=1e-12)
    dearer = of("tversky", false_negative=1, false_positive=0.1).of_mask(logits - 9, target)
    assert float(dearer.detach()) > float(losses.tversky(logits - 9, target).detach())


def test_a_sum_is_weighted(example: tuple[Tensor, Tensor]):
    logits, target = example
    both = Aim(Objective.model_validate({"bce": 0.25, "lovasz": 2})).of_mask(logits, target)
    wanted = 0.25 * plain_bce(logits, target) + 2 * plain_lovasz(logits, target)
    assert float(both.detach()) == pytest.approx(float(wanted.detach()))


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_a_positive_weight_counts_pixels_inside_so_many_times(
    name: str, example: tuple[Tensor, Tensor]
):
    logits, target = example
    once, thrice = of(name), of(name, positive_weight=3)
    first, second = (torch.autograd.grad(aim.of_mask(logits, target), logits)[0]
                     for aim in (once, thrice))  # fmt: skip
    assert torch.allclose(second[target == 1], 3 * first[target == 1])
    assert torch.equal(second[target == 0], first[target == 0])


def test_softened_labels_change_in_a_band_at_the_boundary_alone():
    target = torch.zeros(1, 1, 20, 20)
    target[..., 10:] = 1
    soft = losses.soften(target, 3)

    assert torch.equal(soft[..., :7], target[..., :7])
    assert torch.equal(soft[..., 13:], target[..., 13:])
    row = soft[0, 0, 5, 7:13]
    assert row.tolist() == pytest.approx([step / 7 for step in range(1, 7)])
    assert losses.soften(target, 0) is target


def batch_of(target: Tensor, **known: Tensor) -> Batch:
    pixels = torch.zeros(len(target), 3, *target.shape[2:], dtype=torch.uint8)
    return Batch(pixels, (255 * target).to(torch.uint8), torch.ones(len(target)), **known)


def test_softened_labels_are_what_is_learned():
    target = torch.zeros(1, 1, 20, 20)
    target[..., 10:] = 1
    logits = torch.randn(1, 1, 20, 20)
    soft = of("bce", soften=2).of_batch(logits, {}, batch_of(target))
    wanted = losses.bce(logits, losses.soften(target, 2))
    assert float(soft) == pytest.approx(float(wanted))
    assert float(soft) != pytest.approx(float(losses.bce(logits, target)))


def test_deep_outputs_count_as_the_recipe_says_the_last_share_serving_the_rest():
    torch.manual_seed(0)
    target = torch.zeros(2, 1, 16, 16)
    target[:, :, 4:12, 4:12] = 1
    logits, half, quarter, again = (torch.randn(2, 1, side, side) for side in (16, 8, 4, 4))
    deep = {"deep2": quarter, "deep1": half, "deep3": again}
    aim = of("bce", auxiliary={"deep": [0.5, 0.2]})

    smaller = torch.zeros(2, 1, 8, 8)
    smaller[:, :, 2:6, 2:6] = 1
    smallest = torch.zeros(2, 1, 4, 4)
    smallest[:, :, 1:3, 1:3] = 1
    wanted = losses.bce(logits, target) + 0.5 * losses.bce(half, smaller)
    wanted = wanted + 0.2 * (losses.bce(quarter, smallest) + losses.bce(again, smallest))
    assert float(aim.of_batch(logits, deep, batch_of(target))) == pytest.approx(float(wanted))


def test_organ_and_pixel_size_are_learned_where_they_are_known():
    target = torch.zeros(3, 1, 4, 4)
    organ = torch.tensor([2, -1, 0])
    size = torch.tensor([0.4, math.nan, 6.2])
    said = torch.tensor([[0.0, 1.0, 2.0], [5.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    sizes = torch.tensor([[0.1], [0.7], [1.5]])

    chances = said.softmax(1)
    wanted = -(chances[0, 2].log() + chances[2, 0].log()) / 2
    assert float(objective.organ_loss(said, organ)) == pytest.approx(float(wanted))
    wanted = (abs(0.1 - 0.04) + abs(1.5 - 0.62)) / 2  # in units of 10 µm
    assert float(objective.pixel_size_loss(sizes, size)) == pytest.approx(wanted)

    aim = of("bce", auxiliary={"organ": 0.3, "pixel_size": 0.7})
    logits = torch.randn(3, 1, 4, 4)
    total = aim.of_batch(logits, {"organ": said, "pixel_size": sizes},
                         batch_of(target, organ=organ, pixel_size=size))  # fmt: skip
    parts = 0.3 * objective.organ_loss(said, organ) + 0.7 * objective.pixel_size_loss(sizes, size)
    assert float(total) == pytest.approx(float(losses.bce(logits, target) + parts))
    unknown = {"organ": torch.full((3,), -1), "pixel_size": torch.full((3,), math.nan)}
    nothing = aim.of_batch(logits, {"organ": said, "pixel_size": sizes},
                           batch_of(target, **unknown))  # fmt: skip
    assert float(nothing) == pytest.approx(float(losses.bce(logits, target)))


@pytest.mark.parametrize("name", ["boundary", "distance", "skeleton"])
def test_a_map_is_learned_of_the_mask(name: str):
    target = torch.zeros(1, 1, 40, 40)
    target[..., 10:30, 10:30] = 1
    aim = of("bce", auxiliary={name: 0.5})
    logits = torch.randn(1, 1, 40, 40)
    alone = losses.bce(logits, target)

    def added(said: Tensor) -> float:
        return float(aim.of_batch(logits, {name: said}, batch_of(target)) - alone)

    wanted = targets.MAPS[name](target)
    right = 60 * wanted - 30 if name == "boundary" else wanted
    assert added(right) == pytest.approx(0, abs=1e-6)
    off = added(torch.zeros_like(wanted))
    assert off == pytest.approx(
        0.5 * float(math.log(2) if name == "boundary" else wanted.abs().mean())
    )


def test_a_weight_reaches_auxiliary_outputs_too():
    target = torch.zeros(2, 1, 8, 8)
    deep = torch.randn(2, 1, 4, 4, requires_grad=True)
    batch = batch_of(target)._replace(worth=torch.tensor([0.0, 1.0]))
    of("bce").of_batch(torch.randn(2, 1, 8, 8), {"deep1": deep}, batch).backward()

    assert deep.grad is not None
    assert not deep.grad[0].any()
    assert deep.grad[1].any()
