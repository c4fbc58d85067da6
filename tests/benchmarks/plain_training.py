"""What a plain script learns in a recipe's minutes: the peer of `quick`, on a run's own folds.

`python plain_training.py COHORT RUN MINUTES` prints Dice, detection F1, object Dice and object
Hausdorff of its out-of-fold masks, and those of RUN. The script is what competition notebooks
have in common: smp's U-Net with the same encoder and weights, whole images made square, flips,
binary cross-entropy and Dice, Adam with a cosine, threshold 0.5.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import segmentation_models_pytorch as smp
import torch
from object_measures import FARTHEST
from segmentation_models_pytorch.losses import DiceLoss
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.metrics import dice
from trainer.model import imagenet
from trainer.object_metrics import object_scores
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review.gathering import folds_of
from trainer.settings import read_ensemble

SIDE = 384
BATCH = 4
RATE = 1e-3
Pair = tuple[np.ndarray, np.ndarray]


def shrunk(cohort: Cohort, case_id: str) -> Pair:
    """Image and mask as the network sees them."""
    truth = cohort.truth(case_id)
    assert truth is not None
    image = cv2.resize(cohort.image(case_id), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(truth, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    return image, mask.astype(np.float32)


def tensor(image: np.ndarray) -> Tensor:
    values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()
    return (values - imagenet.MEAN) / imagenet.DEVIATION


def batch(pairs: Sequence[Pair], chance: np.random.Generator) -> tuple[Tensor, Tensor]:
    images, masks = [], []
    for index in chance.choice(len(pairs), BATCH, replace=False):
        image, mask = pairs[index]
        for axis in (0, 1):
            if chance.random() < 0.5:
                image, mask = np.flip(image, axis), np.flip(mask, axis)
        images.append(tensor(image))
        masks.append(torch.from_numpy(mask.copy())[None])
    return torch.stack(images), torch.stack(masks)


def trained(pairs: Sequence[Pair], seconds: float, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    network = smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None)
    imagenet.load_into(network.get_submodule("encoder.model"))
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    overlap = DiceLoss("binary")
    started, steps = time.monotonic(), 0
    while (share := (time.monotonic() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + math.cos(math.pi * share)) / 2
        images, masks = batch(pairs, chance)
        logits = network(images)
        loss = binary_cross_entropy_with_logits(logits, masks) + overlap(logits, masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    sys.stderr.write(f"{steps} steps in {time.monotonic() - started:.0f} s\n")
    return network.eval()


def found(network: torch.nn.Module, image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    with torch.inference_mode():
        probability = network(tensor(image)[None]).sigmoid()[0, 0].numpy()
    return (cv2.resize(probability, shape[::-1]) >= 0.5).astype(np.uint8)


def measured(mask: np.ndarray, truth: np.ndarray) -> tuple[float, ...]:
    scores = object_scores(mask, truth)
    return dice(mask, truth), scores.f1, scores.dice, min(scores.hausdorff, FARTHEST)


def tell(name: str, values: list[tuple[float, ...]]) -> None:
    pixels, f1, objects, distance = np.mean(values, axis=0)
    median = np.median([value[0] for value in values])
    sys.stdout.write(
        f"{name}: Dice {pixels:.3f} (median {median:.3f}), F1 {f1:.3f}, "
        f"object Dice {objects:.3f}, Hausdorff {distance:.1f}\n"
    )


def main(folder: Path, run: Path, minutes: float) -> None:
    cohort, ensemble = Cohort.open(folder), read_ensemble(run)
    predictions = Predictions.open(run / OUT_OF_FOLD)
    fold_of = folds_of(predictions)
    pairs = {case_id: shrunk(cohort, case_id) for case_id in fold_of}
    folds = sorted(set(fold_of.values()))
    script, theirs = [], []
    for seed, fold in enumerate(folds):
        learned = [pairs[one] for one in fold_of if fold_of[one] != fold]
        network = trained(learned, 60 * minutes / len(folds), seed)
        for one in (one for one in fold_of if fold_of[one] == fold):
            truth = cohort.truth(one)
            assert truth is not None
            script.append(measured(found(network, pairs[one][0], truth.shape), truth))
            prediction = predictions.read(one)
            assert prediction is not None
            point = OperatingPoint.of(ensemble.masking, cohort.cases[one])
            theirs.append(measured(to_mask(prediction, point), truth))
    tell("plain script", script)
    tell("run", theirs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
