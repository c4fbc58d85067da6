"""Predicting an image as this engine does, or as a competition's notebooks do; one a process.

`python notebook.py ours|ours-float32|notebook FOLDER IMAGE MASK` prints seconds of the clock
and of the processor, and the peak memory in MB beyond what the process holds with its networks
loaded (Linux).
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from trainer.data.tiff import read_rgb
from trainer.model.checkpoint import load
from trainer.predict import networks
from trainer.predict.ensemble import Predictor
from trainer.predict.postprocess import to_mask
from trainer.settings import read_ensemble

FLIPS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))


def notebook(folder: Path, image: Path) -> np.ndarray:
    """Member by member, view by view, each at the image's own size in float32."""
    ensemble = read_ensemble(folder)
    members = [load(folder / cast("str", member.weights)) for member in ensemble.members]
    begin()
    pixels = read_rgb(image)
    height, width = pixels.shape[:2]
    size = members[0][1].size
    small = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
    batch = torch.from_numpy(small).permute(2, 0, 1)[None].float()
    total = np.zeros((height, width), np.float32)
    with torch.inference_mode():
        for network, _ in members:
            for flip in FLIPS:
                found = torch.flip(network(torch.flip(batch, flip)).sigmoid(), flip)
                large = F.interpolate(found, (height, width), mode="bilinear", align_corners=False)
                total += large[0, 0].numpy()
    return (total / (len(members) * len(FLIPS)) >= ensemble.threshold).astype(np.uint8)


def ours(folder: Path, image: Path) -> np.ndarray:
    """The engine, as it stands."""
    with Predictor(read_ensemble(folder), folder, "cpu") as predictor:
        predictor.predict(np.zeros((32, 32, 3), np.uint8), "warm")
        begin()
        prediction = predictor.predict(read_rgb(image), "x")
        return to_mask(prediction, predictor.ensemble.threshold)


def ours_in_float32(folder: Path, image: Path) -> np.ndarray:
    """The same without mixed precision."""
    networks.autocast_for = lambda _: contextlib.nullcontext()
    return ours(folder, image)


def begin() -> None:
    """Networks are there: from here on it counts."""
    global _before
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    _before = (time.perf_counter(), time.process_time(), megabytes("VmRSS"))


def megabytes(name: str) -> float:
    """What the system says of this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


_before = (0.0, 0.0, 0.0)

if __name__ == "__main__":
    _, who, folder, image, out = sys.argv
    ways = {"ours": ours, "ours-float32": ours_in_float32, "notebook": notebook}
    mask = ways[who](Path(folder), Path(image))
    now = (time.perf_counter(), time.process_time(), megabytes("VmHWM"))
    np.save(out, mask)
    names = ("seconds", "processor", "megabytes")
    told = dict(zip(names, np.subtract(now, _before).tolist(), strict=True))
    sys.stdout.write(json.dumps(told) + "\n")
