"""TensorFlow's padding moved into the kernels: the same network without a copy of its maps."""

from __future__ import annotations

from torch import nn
from torch.nn import functional as F


def pad_in_kernels(network: nn.Module) -> nn.Module:
    """The network, changed in place: convolutions that had their input padded pad it themselves.

    TensorFlow's ``SAME`` puts a stride of two's odd pixel of padding behind the map, which no
    convolution of torch can, so timm copies the map into a larger one. A kernel with a first
    row and column of zeros, padded by as much on both sides, gives the same.

    Parameters
    ----------
    network
        Not trained any more, and only shown what its strides divide, as multiples of
        `trainer.model.network.STRIDE` are.
    """
    from timm.layers.conv2d_same import Conv2dSame

    for name, child in network.named_children():
        if isinstance(child, Conv2dSame) and child.dilation == (1, 1):
            assert isinstance(child, nn.Conv2d)
            setattr(network, name, _padding(child))
        else:
            pad_in_kernels(child)
    return network


def _padding(convolution: nn.Conv2d) -> nn.Conv2d:
    size_y, size_x = convolution.weight.shape[2:]
    step_y, step_x = (int(step) for step in convolution.stride)
    before_y, after_y = _around(size_y, step_y)
    before_x, after_x = _around(size_x, step_x)
    weight = F.pad(convolution.weight, (after_x - before_x, 0, after_y - before_y, 0))
    made = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        (weight.shape[2], weight.shape[3]),
        (step_y, step_x),
        (after_y, after_x),
        groups=convolution.groups,
        device="meta",
    )
    made.weight = nn.Parameter(weight.detach(), requires_grad=False)
    made.bias = convolution.bias
    return made.train(convolution.training)


def _around(size: int, step: int) -> tuple[int, int]:
    """Pixels of padding before and behind a map that the step divides."""
    both = max(size - step, 0)
    return both // 2, both - both // 2
