"""Steps of recipe `quick`'s network, alone in a process: `python steps.py STEPS`.

Says `ready` once layers are prepared, begins when a line comes, and says `done`.
"""

from __future__ import annotations

import sys

import torch

from trainer import named
from trainer.model.network import build


def main(steps: int) -> None:
    recipe = named.recipe("quick")
    network = build(recipe.network).module.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    crops = torch.rand(recipe.batch_size, 3, recipe.largest_crop, recipe.largest_crop)
    crops = crops.contiguous(memory_format=torch.channels_last)
    for step in range(-2, steps):
        if not step:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.readline()
        optimizer.zero_grad()
        network(crops).mean().backward()
        optimizer.step()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
