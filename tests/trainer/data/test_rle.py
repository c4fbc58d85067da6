from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer.data import rle
from trainer.errors import MaskError

masks = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)
)


def reference_encode(mask: np.ndarray) -> str:
    """Pixel by pixel, as the competition describes it."""
    words: list[str] = []
    length = 0
    for place, pixel in enumerate([*mask.flatten(order="F"), 0], start=1):
        if pixel:
            length += 1
        elif length:
            words += [str(place - length), str(length)]
            length = 0
    return " ".join(words)


def reference_decode(text: str, shape: tuple[int, int]) -> np.ndarray:
    flat = np.zeros(shape[0] * shape[1], np.uint8)
    numbers = [int(word) for word in text.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for place in range(start, start + length):
            flat[place - 1] = 1
    return flat.reshape(shape, order="F")


@given(masks)
def test_encode_is_the_reference_s(mask: np.ndarray):
    assert rle.encode(mask) == reference_encode(mask)


@given(masks)
def test_decode_is_the_reference_s(mask: np.ndarray):
    text = reference_encode(mask)
    decoded = rle.decode(text, mask.shape)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert np.array_equal(decoded, reference_decode(text, mask.shape))


@given(masks, st.randoms(use_true_random=False))
def test_pairs_may_come_in_any_order(mask: np.ndarray, random):
    words = rle.encode(mask).split()
    pairs = [f"{a} {b}" for a, b in zip(words[::2], words[1::2], strict=True)]
    random.shuffle(pairs)
    assert np.array_equal(rle.decode(" ".join(pairs), mask.shape), mask)


@given(masks, st.sampled_from([bool, np.int32, np.float32]), st.integers(1, 255))
def test_whatever_is_not_0_is_inside(mask: np.ndarray, dtype: type, value: int):
    assert rle.encode((mask * value).astype(dtype)) == rle.encode(mask)


def test_columns_come_first_and_numbers_start_at_1():
    mask = np.zeros((3, 4), np.uint8)
    mask[1:, 0] = 1
    mask[0, 1] = 1
    mask[2, 3] = 1
    assert rle.encode(mask) == "2 3 12 1"


@pytest.mark.parametrize("layout", ["transposed", "strided", "fortran"])
def test_the_layout_in_memory_does_not_matter(layout: str):
    mask = (np.arange(12).reshape(3, 4) % 5 < 2).astype(np.uint8)
    laid = {
        "transposed": np.ascontiguousarray(mask.T).T,
        "strided": np.repeat(mask, 2, axis=1)[:, ::2],
        "fortran": np.asfortranarray(mask),
    }[layout]
    assert rle.encode(laid) == reference_encode(mask)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (4, 6)])
def test_an_empty_mask_is_an_empty_text(shape: tuple[int, int]):
    assert rle.encode(np.zeros(shape, np.uint8)) == ""
    assert rle.decode("", shape).shape == shape
    assert not rle.decode(" \n", shape).any()


def test_adjacent_pairs_are_no_overlap():
    assert rle.decode("1 2 3 2", (2, 3)).sum() == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 2 5", r"3 numbers, an odd count: pair 2 has the start 5 but no length"),
        ("1 2 x 3", r"pair 2 holds 'x', wanted positive whole numbers"),
        ("1 2 3 1.5", r"pair 2 holds '1.5'"),
        ("1 -2", r"pair 1 holds '-2'"),
        ("1 2,4 3", r"pair 1 holds '2,4'"),
        ("1 2 ４ 1", r"pair 2 holds '４'"),
        ("0 2", r"pair 1 \(0 2\) is not positive"),
        ("1 2 9 0", r"pair 2 \(9 0\) is not positive"),
        ("1 2 24 2", r"pair 2 \(24 2\) ends past the last of 4×6 = 24 pixels"),
        ("25 1", r"pair 1 \(25 1\) ends past the last of 4×6 = 24 pixels"),
        ("1 9223372036854775807", r"pair 1 .* ends past"),
        ("99999999999999999999999 1", r"pair 1 .* ends past"),
        ("9 3 1 4 4 2", r"pair 3 \(4 2\) overlaps the run before it"),
        ("1 3 1 3", r"pair 2 \(1 3\) overlaps"),
    ],
)
def test_a_bad_text_is_refused_with_its_pair(text: str, told: str):
    with pytest.raises(MaskError, match=told):
        rle.decode(text, (4, 6))


def test_a_volume_is_refused():
    with pytest.raises(MaskError, match="2 dimensions, this has 3"):
        rle.encode(np.zeros((2, 2, 2)))
