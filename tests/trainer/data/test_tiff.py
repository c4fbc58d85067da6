from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from trainer.data import tiff
from trainer.errors import ExportError, ImageError

ROWS, COLUMNS = np.indices((70, 90))
PIXELS = np.stack([ROWS * 3, COLUMNS * 2, ROWS + COLUMNS], axis=-1).astype(np.uint8)
PLANES = np.moveaxis(PIXELS, -1, 0)
ALPHA = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 128, np.uint8)])


def write(folder: Path, pixels: np.ndarray, **options: Any) -> Path:
    path = folder / "17.tiff"
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.mark.parametrize(
    ("pixels", "options"),
    [
        (PIXELS, {"photometric": "rgb"}),
        (PIXELS, {"photometric": "rgb", "compression": "lzw", "predictor": True}),
        (PIXELS, {"photometric": "rgb", "compression": "zlib", "tile": (32, 32)}),
        (PIXELS, {"photometric": "rgb", "bigtiff": True, "byteorder": ">"}),
        (PIXELS, {"photometric": "rgb", "rowsperstrip": 7}),
        (PLANES, {"photometric": "rgb", "planarconfig": "separate"}),
        (PLANES[None, None], {"photometric": "rgb", "planarconfig": "separate"}),
        (PIXELS[None], {"photometric": "rgb"}),
        (ALPHA, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        (
            np.moveaxis(ALPHA, -1, 0),
            {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["unassalpha"]},
        ),
        (PLANES, {"photometric": "minisblack", "imagej": True, "metadata": {"axes": "CYX"}}),
        (PLANES, {"photometric": "minisblack", "ome": True, "metadata": {"axes": "CYX"}}),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else "-".join(map(str, value.values())),
)
def test_every_kind_reads_as_the_same_rgb(tmp_path: Path, pixels: np.ndarray, options: dict):
    path = write(tmp_path, pixels, **options)
    image = tiff.read_rgb(path)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert np.array_equal(image, PIXELS)
    assert tiff.image_shape(path) == (70, 90)


def test_jpeg_reads_as_rgb_nearly(tmp_path: Path):
    path = tmp_path / "17.tiff"
    smooth = np.dstack([np.full((64, 64), level, np.uint8) for level in (200, 60, 120)])
    tiff.write_rgb(path, smooth, quality=95)
    assert np.abs(tiff.read_rgb(path).astype(int) - smooth).max() <= 3


def test_an_image_one_pixel_high_keeps_its_shape(tmp_path: Path):
    path = write(tmp_path, PIXELS[:1], photometric="rgb")
    assert tiff.read_rgb(path).shape == (1, 90, 3)
    assert tiff.image_shape(path) == (1, 90)


def test_8_bit_grey_is_repeated(tmp_path: Path):
    image = tiff.read_rgb(write(tmp_path, PIXELS[..., 0]))
    assert np.array_equal(image, np.repeat(PIXELS[..., :1], 3, axis=2))


def test_16_bit_grey_is_stretched_from_its_own_range(tmp_path: Path):
    grey = np.array([[1000, 1500], [2000, 3000]], np.uint16)
    image = tiff.read_rgb(write(tmp_path, grey))
    assert image[..., 0].tolist() == [[0, 64], [128, 255]]
    assert (image == image[..., :1]).all()


def test_flat_16_bit_grey_is_black(tmp_path: Path):
    assert not tiff.read_rgb(write(tmp_path, np.full((4, 4), 7000, np.uint16))).any()


def test_the_first_of_pages_of_different_sizes_is_the_image(tmp_path: Path):
    path = tmp_path / "17.tiff"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PIXELS, photometric="rgb")
        writer.write(PIXELS[::2, ::2], photometric="rgb", subfiletype=1)
    assert np.array_equal(tiff.read_rgb(path), PIXELS)


@pytest.mark.parametrize(
    ("pixels", "options", "told"),
    [
        (PIXELS.astype(np.float32), {"photometric": "rgb"}, "rgb of float32"),
        (PIXELS.astype(np.uint16), {"photometric": "rgb"}, "rgb of uint16"),
        (np.stack([PIXELS] * 5), {"photometric": "rgb"}, r"shaped \(5, 70, 90, 3\)"),
        (PLANES, {"photometric": "minisblack"}, r"shaped \(3, 70, 90\)"),
        (PIXELS[..., 0], {"photometric": "miniswhite"}, "miniswhite"),
        (PIXELS[..., :2], {"photometric": "minisblack", "planarconfig": "contig"}, "shaped"),
        (ALPHA, {"photometric": "separated"}, "separated"),
        (PIXELS[..., 0] > 9, {}, "of bool"),
        (
            PIXELS[..., 0],
            {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
            "palette",
        ),
    ],
    ids=[
        "float", "16-bit", "pages", "grey pages", "white is 0", "2 channels", "cmyk", "1 bit",
        "palette",
    ],
)  # fmt: skip
def test_other_kinds_are_refused(tmp_path: Path, pixels: np.ndarray, options: dict, told: str):
    path = write(tmp_path, pixels, **options)
    for read in (tiff.read_rgb, tiff.image_shape):
        with pytest.raises(ImageError, match=told) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: holds ")
        assert "wanted 8-bit RGB" in str(caught.value)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "jpeg"])
@pytest.mark.parametrize("kept", [0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, compression: str | None, kept: float):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    whole = write(tmp_path, noise, photometric="rgb", compression=compression, rowsperstrip=16)
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageError, match=r"17\.tiff: is (cut off|damaged or no tiff)"):
        tiff.read_rgb(whole)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_read_or_refused_but_never_worse(tmp_path: Path, seed: int):
    random = np.random.default_rng(seed)
    path = write(tmp_path, PIXELS, photometric="rgb", compression="lzw", rowsperstrip=16)
    data = np.fromfile(path, np.uint8)
    damaged = random.choice(min(data.size, 400) if seed % 2 else data.size, 4)
    data[damaged] = random.integers(0, 256, 4)
    data.tofile(path)
    try:
        assert tiff.read_rgb(path).dtype == np.uint8
    except ImageError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    "data", [b"", b"II", b"II*\0", b"II*\0\xff\xff\0\0", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, b"text"]
)
def test_no_tiff_is_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "17.tiff"
    path.write_bytes(data)
    for read in (tiff.read_rgb, tiff.image_shape, tiff.read_mask):
        with pytest.raises(ImageError, match=r"17\.tiff: is damaged or no tiff"):
            read(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ImageError, match=r"none\.tiff: there is no such file"):
        tiff.read_rgb(tmp_path / "none.tiff")


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="cannot be read"):
        tiff.read_rgb(tmp_path)


def test_an_image_that_is_too_large_is_refused_unread(tmp_path: Path):
    path = write(tmp_path, np.zeros((2, 30_001, 3), np.uint8), photometric="rgb", compression="lzw")
    with pytest.raises(ImageError, match=r"2×30001 px is too large, at most 30000"):
        tiff.read_rgb(path)


class TestPyramid:
    def test_levels_halve_by_area_average(self):
        image = PIXELS[:64, :64]
        levels = tiff.pyramid(image, smallest=16)
        assert levels[0] is image
        assert [level.shape for level in levels] == [(64, 64, 3), (32, 32, 3), (16, 16, 3)]
        means = image.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        assert np.abs(levels[1] - means).max() <= 0.5

    def test_odd_sizes_and_masks(self):
        levels = tiff.pyramid(np.ones((75, 41), np.uint8), smallest=20)
        assert [level.shape for level in levels] == [(75, 41), (38, 21), (19, 11)]
        assert all((level == 1).all() for level in levels)

    def test_a_small_image_is_its_own_pyramid(self):
        assert len(tiff.pyramid(PIXELS)) == 1


class TestMasks:
    def test_a_mask_comes_back(self, tmp_path: Path):
        mask = (PIXELS[..., 0] > 99).astype(np.uint8)
        tiff.write_mask(tmp_path / "m.tiff", mask)
        assert np.array_equal(tiff.read_mask(tmp_path / "m.tiff"), mask)
        assert np.array_equal(tifffile.imread(tmp_path / "m.tiff"), mask)

    @pytest.mark.parametrize("value", [1, 255])
    def test_other_programs_masks_are_read(self, tmp_path: Path, value: int):
        mask = (PIXELS[..., 0] > 99).astype(np.uint8)
        assert np.array_equal(tiff.read_mask(write(tmp_path, mask * value)), mask)
        assert np.array_equal(tiff.read_mask(write(tmp_path, mask > 0)), mask)

    def test_an_rgb_image_is_no_mask(self, tmp_path: Path):
        with pytest.raises(ImageError, match="one channel"):
            tiff.read_mask(write(tmp_path, PIXELS, photometric="rgb"))

    def test_ome_tells_the_pixel_size(self, tmp_path: Path):
        path = tmp_path / "m.ome.tiff"
        tiff.write_ome_mask(path, PIXELS[..., 0] & 1, 0.4945)
        with tifffile.TiffFile(path) as file:
            assert 'PhysicalSizeX="0.4945"' in (file.ome_metadata or "")
            assert 'PhysicalSizeYUnit="µm"' in (file.ome_metadata or "")
        assert np.array_equal(tiff.read_mask(path), PIXELS[..., 0] & 1)

    def test_a_forbidden_folder_is_told(self, forbidden_folder: Path):
        with pytest.raises(ExportError, match=r"permission denied.*; choose a folder that you may"):
            tiff.write_mask(forbidden_folder / "m.tiff", PIXELS[..., 0])
        assert not list(forbidden_folder.iterdir())
