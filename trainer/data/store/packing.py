"""Masks as compressed run lengths."""

from __future__ import annotations

import zlib
from hashlib import blake2b

import numpy as np

from trainer.data import rle
from trainer.data.case import Mask


def pack(mask: Mask) -> tuple[str, bytes]:
    """Digest and compressed runs of a mask.

    The runs are kept as pairs of gap and length in column-major order, each four bytes, low
    byte first, compressed by zlib. The digest is BLAKE2b of the size and the pairs.
    """
    starts, lengths = rle.runs(mask)
    gaps = np.diff(starts, prepend=0)
    gaps[1:] -= lengths[:-1]
    pairs = np.column_stack((gaps, lengths)).astype("<u4").tobytes()
    return _digest(pairs, (mask.shape[0], mask.shape[1])), zlib.compress(pairs, 3)


def unpack(digest: str, packed: bytes, shape: tuple[int, int]) -> Mask | None:
    """Mask, uint8 (H, W), of what `pack` has made; None where it is damaged."""
    try:
        flat = zlib.decompress(packed)
    except zlib.error:
        return None
    if _digest(flat, shape) != digest:
        return None
    pairs = np.frombuffer(flat, "<u4").reshape(-1, 2).astype(np.int64)
    ends = np.cumsum(pairs.sum(axis=1))
    return rle.from_runs(ends - pairs[:, 1], pairs[:, 1], shape)


def _digest(pairs: bytes, shape: tuple[int, int]) -> str:
    size = f"{shape[0]}x{shape[1]}".encode()
    return blake2b(pairs, digest_size=16, person=size).hexdigest()
