"""Group norm in batch norm's place: what it says of an image hangs on no other image."""

from __future__ import annotations

import math

from torch import nn

_GROUPS = 32


def grouped(module: nn.Module) -> nn.Module:
    """The module, changed in place: batch norms of several channels become group norms.

    Wu, Y. and He, K., "Group Normalization", ECCV 2018, of 32 groups where channels allow; so
    had the competition's first place its heads, which were trained on batches of 1.
    """
    for name, child in module.named_children():
        # one channel alone cannot be a group: it may be a single value
        if isinstance(child, nn.BatchNorm2d) and child.num_features > 1:
            setattr(module, name, nn.GroupNorm(groups(child.num_features), child.num_features))
        else:
            grouped(child)
    return module


def groups(channels: int) -> int:
    """At most 32, each of several channels: of one pixel's one channel there is no deviation."""
    found = math.gcd(_GROUPS, channels)
    return found if channels > found else max(1, found // 4)
