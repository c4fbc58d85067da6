"""Masks as compressed run lengths."""

from __future__ import annotations

import zlib
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from trainer.data import rle
from trainer.data.case import Mask


def pack(mask: Mask) -> tuple[str, bytes]:
    """Digest and compressed runs of a mask.

    The runs are kept as pairs of gap and length in column-major order, each four bytes, low
    byte first, compressed by zlib. The digest is BLAKE2b of the size and the pairs.
    """
    pairs = _pairs(mask)
    return _digest(pairs, (mask.shape[0], mask.shape[1])), zlib.compress(pairs, 3)


def digest(mask: Mask) -> str:
    """The digest by which a mask is known: the same for the same mask."""
    return _digest(_pairs(mask), (mask.shape[0], mask.shape[1]))


def unpack(digest: str, packed: bytes, shape: tuple[int, int]) -> Mask | None:
    """Mask, uint8 (H, W), of what `pack` has made; None where it is damaged."""
    edges = _edges(digest, packed, shape)
    if edges is None:
        return None
    starts, ends = edges[::2], edges[1::2]
    return rle.from_runs(starts, ends - starts, shape)


def inside(digest: str, packed: bytes, shape: tuple[int, int]) -> int:
    """How many pixels are inside a packed mask; none of a damaged one."""
    edges = _edges(digest, packed, shape)
    return 0 if edges is None else int((edges[1::2] - edges[::2]).sum())


def differing(
    digests: tuple[str, str], packed: tuple[bytes, bytes], shape: tuple[int, int]
) -> int | None:
    """How many pixels differ between two packed masks of one size; None if one is damaged.

    Each run's start and end flips what lies after it, so that the sorted starts and ends of
    both masks are the starts and ends of where they differ.
    """
    edges = [_edges(*pair, shape) for pair in zip(digests, packed, strict=True)]
    if edges[0] is None or edges[1] is None:
        return None
    flips = np.sort(np.concatenate((edges[0], edges[1])))
    return int((flips[1::2] - flips[::2]).sum())


def _edges(digest: str, packed: bytes, shape: tuple[int, int]) -> NDArray[np.int64] | None:
    """Starts and ends of the runs in turn, ascending; None where they are damaged."""
    try:
        flat = zlib.decompress(packed)
    except zlib.error:
        return None
    if _digest(flat, shape) != digest:
        return None
    return np.cumsum(np.frombuffer(flat, "<u4").astype(np.int64))


def _pairs(mask: Mask) -> bytes:
    starts, lengths = rle.runs(mask)
    gaps = np.diff(starts, prepend=0)
    gaps[1:] -= lengths[:-1]
    return np.column_stack((gaps, lengths)).astype("<u4").tobytes()


def _digest(pairs: bytes, shape: tuple[int, int]) -> str:
    size = f"{shape[0]}x{shape[1]}".encode()
    return blake2b(pairs, digest_size=16, person=size).hexdigest()
