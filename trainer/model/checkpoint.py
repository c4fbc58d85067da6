"""Weights on disk: safetensors beside a JSON twin that says what they are."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from trainer.data.atomic import replacing
from trainer.errors import SettingsError, WeightsError
from trainer.model.described import Checkpoint, describe, refuse_pickle, twin
from trainer.model.network import Segmenter, build


def save(
    path: Path, module: nn.Module, description: Checkpoint, dtype: torch.dtype | None = None
) -> None:
    """Write a module's weights and, beside them, their JSON twin.

    A reader meets whole files, the last ones or the new ones.

    Parameters
    ----------
    path
        Of the weights, ending in ``.safetensors``; the twin's ends in ``.json``.
    module
        On any device, in any mode; left as it is.
    description
        The twin.
    dtype
        Storage of kernels, such as ``torch.float16`` for small files; vectors (biases,
        batch statistics) and the normalisation stay as they are.

    Raises
    ------
    WeightsError
        If the folder cannot be written.
    """
    every = module.named_parameters(remove_duplicate=False)
    kernels = {name for name, value in every if value.ndim > 1}
    tensors = {
        name: value.detach()
        .to("cpu", dtype if name in kernels else None)
        .contiguous(memory_format=torch.contiguous_format)
        for name, value in module.state_dict().items()
    }
    with replacing(path, WeightsError) as weights, replacing(twin(path), WeightsError) as text:
        weights.write_bytes(safetensors.torch.save(_apart(tensors)))
        text.write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> tuple[Segmenter, Checkpoint]:
    """Build the network that the JSON twin describes, with the weights of `path`, on the CPU.

    Returns
    -------
    module, checkpoint
        The module is in evaluation mode, in float32.

    Raises
    ------
    WeightsError
        If a file is missing, is a pickle or broken, or the two do not fit each other.
    """
    tensors = _read_tensors(path)
    checkpoint = describe(path)
    try:
        module = build(checkpoint.network.model_copy(update={"pretrained": False})).module
    except SettingsError as error:
        raise WeightsError(error.problem, file=twin(path)) from error
    _check(module.state_dict(), tensors, path)
    module.load_state_dict(tensors)
    return module.eval(), checkpoint


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each in memory of its own: safetensors takes no two names of one, as CoaT's layers have."""
    seen: set[int] = set()
    found = {}
    for name, value in tensors.items():
        found[name] = value.clone() if value.data_ptr() in seen else value
        seen.add(value.data_ptr())
    return found


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        refuse_pickle(path)
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise WeightsError(
            "there is no such file", file=path, remedy="correct the path in the ensemble"
        ) from None
    except (OSError, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"cannot be read as safetensors ({error})", file=path, remedy="copy the file again"
        ) from error


def _check(wanted: dict[str, Tensor], found: dict[str, Tensor], path: Path) -> None:
    """The weights must be those of the described network, tensor by tensor."""
    for name in wanted.keys() | found.keys():
        shapes = [tuple(side[name].shape) if name in side else None for side in (found, wanted)]
        if shapes[0] != shapes[1]:
            raise WeightsError(
                f"does not fit the network of {twin(path).name}:"
                f" `{name}` is {_shape(shapes[0])}, wanted {_shape(shapes[1])}",
                file=path,
                remedy="put the twin that was saved with these weights beside them",
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else f"shaped {shape}"
