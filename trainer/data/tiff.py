"""Tiff files: bounded reading as RGB, pyramids, masks; the only importer of tifffile."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from trainer.data.atomic import replacing
from trainer.data.case import Image, Mask
from trainer.errors import ImageError

LARGEST = 30_000
"""Longest side that is read, in pixels."""

# of a stack of three planes tifffile says "minisblack" where the writer said nothing
_COLOURS = ("RGB", "YCBCR", "MINISBLACK")

_Pixels = TypeVar("_Pixels", bound=np.generic)

# what tifffile and its codecs raise on bytes that are not what the header says
_DAMAGE = (
    tifffile.TiffFileError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
)


def read_rgb(path: Path) -> Image:
    """First image of a tiff as RGB.

    An alpha channel is dropped, grey is repeated in all three channels, and 16-bit grey is
    stretched from its own range to 8 bits.

    Returns
    -------
    uint8 (H, W, 3)

    Raises
    ------
    ImageError
        If the file is missing, cut off, no tiff, longer than `LARGEST` on a side, or holds
        anything but 8-bit RGB(A) or 8- or 16-bit grey.
    """
    with _opened(path) as series:
        _check_kind(path, series)
        pixels = _channels_last(series.asarray(), series.axes)
    if pixels.ndim == 3:
        return np.ascontiguousarray(pixels[..., :3])
    return cv2.cvtColor(_as_bytes(pixels), cv2.COLOR_GRAY2RGB)  # pyright: ignore[reportReturnType]


def image_shape(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the header alone.

    Raises
    ------
    ImageError
        Where `read_rgb` would, as far as the header tells.
    """
    with _opened(path) as series:
        _check_kind(path, series)
        return _size(series)


def pyramid(image: NDArray[_Pixels], smallest: int = 512) -> list[NDArray[_Pixels]]:
    """The image and its halves by area average, the last at most `smallest` px a side.

    Parameters
    ----------
    image
        (H, W) or (H, W, C); it becomes level 0 as it is.
    smallest
        Longer side from which no further level is made, in pixels.
    """
    levels: list[Any] = [image]
    while max(levels[-1].shape[:2]) > smallest:
        height, width = levels[-1].shape[:2]
        half = ((width + 1) // 2, (height + 1) // 2)
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return levels


def write_rgb(path: Path, image: Image, quality: int) -> None:
    """Write an RGB image as a JPEG tiff.

    Parameters
    ----------
    path
        The file to write.
    image
        uint8 (H, W, 3).
    quality
        Of the JPEG, 1 to 100.

    Raises
    ------
    ExportError
        If it cannot be written; then nothing is.
    """
    with replacing(path) as draft:
        tifffile.imwrite(
            draft,
            image,
            photometric="rgb",
            compression="jpeg",
            compressionargs={"level": quality},
            rowsperstrip=512,  # tiles would be filled up with black, which bleeds into the edge
            metadata=None,
        )


def write_mask(path: Path, mask: Mask) -> None:
    """Write a mask as a deflate tiff of 0 and 1.

    Raises
    ------
    ExportError
        If it cannot be written; then nothing is.
    """
    with replacing(path) as draft:
        tifffile.imwrite(draft, mask, compression="zlib", photometric="minisblack")


def write_ome_mask(path: Path, mask: Mask, pixel_size: float | None) -> None:
    """Write a mask as an OME-TIFF of 0 and 1.

    Parameters
    ----------
    path
        The file to write.
    mask
        uint8 (H, W).
    pixel_size
        Side of a pixel in µm; None where unknown.

    Raises
    ------
    ExportError
        If it cannot be written; then nothing is.
    """
    metadata: dict[str, Any] = {"axes": "YX"}
    if pixel_size is not None:
        for axis in "XY":
            metadata[f"PhysicalSize{axis}"] = pixel_size
            metadata[f"PhysicalSize{axis}Unit"] = "µm"
    with replacing(path) as draft:
        tifffile.imwrite(
            draft, mask, compression="zlib", photometric="minisblack", ome=True, metadata=metadata
        )


def read_mask(path: Path) -> Mask:
    """Mask of a one-channel tiff; whatever is not 0 is inside.

    Raises
    ------
    ImageError
        If the file cannot be read or has more than one channel.
    """
    with _opened(path) as series:
        pixels = series.asarray().squeeze()
    if pixels.ndim != 2:
        raise ImageError(f"a mask has one channel, this is shaped {pixels.shape}", file=path)
    return (pixels != 0).view(np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffPageSeries]:
    """The file's first image, its size and its bytes' places checked."""
    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            _check_size(path, series)
            _check_whole(path, series)
            yield series
    except FileNotFoundError:
        raise ImageError("there is no such file", file=path, remedy="put it there") from None
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror or error})", file=path) from error
    except _DAMAGE as error:
        # of the others the words are about code, not about the file
        spoken = isinstance(error, tifffile.TiffFileError | RuntimeError) and str(error).strip()
        reason = f" ({str(error).strip().splitlines()[0]})" if spoken else ""
        raise ImageError(
            f"is damaged or no tiff{reason}", file=path, remedy="get the file anew"
        ) from error


def _size(series: tifffile.TiffPageSeries) -> tuple[int, int]:
    lengths = dict(zip(series.axes, series.shape, strict=True))
    return lengths["Y"], lengths["X"]


def _check_size(path: Path, series: tifffile.TiffPageSeries) -> None:
    height, width = _size(series)
    if max(height, width) > LARGEST:
        raise ImageError(
            f"{height}×{width} px is too large, at most {LARGEST} a side are read",
            file=path,
            remedy="cut it into smaller images",
        )


def _check_whole(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Refuse a file that ends before its pixels do: decoders fill the rest with grey."""
    there = path.stat().st_size
    wanted = 0
    for page in series.pages:
        if page is not None:
            ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
            wanted = max(wanted, *ends)
    if wanted > there:
        raise ImageError(
            f"is cut off: {there} bytes of at least {wanted}", file=path, remedy="get the file anew"
        )


def _check_kind(path: Path, series: tifffile.TiffPageSeries) -> None:
    photometric = tifffile.PHOTOMETRIC(series.keyframe.photometric).name
    lengths = {a: n for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "XY"}
    channels = [lengths.pop(axis) for axis in "SC" if axis in lengths]
    if set(lengths) == set("XY"):
        if channels in ([3], [4]) and series.dtype == np.uint8 and photometric in _COLOURS:
            return
        if not channels and series.dtype in (np.uint8, np.uint16) and photometric == "MINISBLACK":
            return
    raise ImageError(
        f"holds {photometric.lower()} of {series.dtype} shaped {series.shape}, "
        "wanted 8-bit RGB or 8- or 16-bit grey",
        file=path,
        remedy="save it as 8-bit RGB",
    )


def _channels_last(pixels: NDArray[Any], axes: str) -> NDArray[Any]:
    """(H, W) or (H, W, C), other axes of length 1 taken away."""
    single = tuple(at for at, axis in enumerate(axes) if axis not in "XY" and pixels.shape[at] == 1)
    kept = [axis for at, axis in enumerate(axes) if at not in single]
    pixels = pixels.squeeze(single)
    return np.moveaxis(pixels, 0, -1) if kept[0] in "SC" else pixels


def _as_bytes(grey: NDArray[Any]) -> NDArray[np.uint8]:
    if grey.dtype == np.uint8:
        return grey
    low, high = int(grey.min()), int(grey.max())
    scale = 255.0 / max(high - low, 1)
    return np.rint((grey - np.float32(low)) * np.float32(scale)).astype(np.uint8)
