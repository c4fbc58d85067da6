from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorts import Drawn, write_cohort
from trainer.data.case import Image
from trainer.data.cohort import Cohort
from trainer.data.tiff import write_rgb
from trainer.errors import Cancelled, CohortError
from trainer.review import groups as kept
from trainer.review import perceptual
from trainer.review.duplicates import NEAR, Pair, groups, hashes, pairs

CHANCE = np.random.default_rng(0)


def cropped(image: Image, share: float = 0.9) -> Image:
    height, width = (round(side * share) for side in image.shape[:2])
    row, column = (image.shape[0] - height) // 3, (image.shape[1] - width) // 3
    return image[row : row + height, column : column + width]


def stained(image: Image) -> Image:
    density = -np.log((image.astype(np.float32) + 1) / 256) * (1.25, 0.85, 1.1) + 0.03
    return np.clip(np.exp(-density) * 256 - 1, 0, 255).astype(np.uint8)


def poor_jpeg(image: Image) -> Image:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], 1)


COPIES: dict[str, Callable[[Image], Image]] = {
    "turned": lambda image: np.rot90(image).copy(),
    "mirrored": lambda image: image[:, ::-1].copy(),
    "over the diagonal": lambda image: image.transpose(1, 0, 2).copy(),
    "darker": lambda image: cv2.convertScaleAbs(image, alpha=0.7),
    "brighter": lambda image: cv2.convertScaleAbs(image, beta=30),
    "stained otherwise": stained,
    "a poor jpeg": poor_jpeg,
    "half as large": lambda image: cv2.resize(
        image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
    ),
    "cropped": cropped,
    "all at once": lambda image: poor_jpeg(stained(np.rot90(cropped(image))[:, ::-1].copy())),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    return tmp_path / "cache"


def tissue(seed: int) -> Image:
    """Blobs of many sizes in pink and purple."""
    chance = np.random.default_rng(seed)
    field = sum(
        cv2.GaussianBlur(chance.standard_normal((300, 400)).astype(np.float32), (0, 0), scale)
        * scale
        for scale in (4, 9, 20, 40)
    )
    share = ((field - field.min()) / np.ptp(field))[..., None]
    return np.asarray(share * (230, 180, 210) + (1 - share) * (90, 40, 130), np.uint8)


def core_on_glass(seed: int) -> Image:
    """A round core of tissue on white, as a tissue microarray's images are."""
    rows, columns = np.ogrid[:400, :400]
    inside = (rows - 200) ** 2 + (columns - 200) ** 2 < 170**2
    image = np.full((400, 400, 3), 244, np.uint8)
    image[inside] = cv2.resize(tissue(seed), (400, 400))[inside]
    return image


def apart(first: Image, second: Image) -> float:
    both = np.stack([perceptual.of(first), perceptual.of(second)])
    distances = perceptual.distances(both, both)
    return float(min(distances[0, 1], distances[1, 0]))


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_a_copy_looks_like_its_original(copy: Callable[[Image], Image]):
    assert apart(tissue(0), copy(tissue(0))) <= NEAR


@pytest.mark.parametrize("draw", [tissue, core_on_glass])
def test_other_images_do_not_look_alike(draw: Callable[[int], Image]):
    some = np.stack([perceptual.of(draw(seed)) for seed in range(12)])
    distances = perceptual.distances(some, some)

    assert distances[~np.eye(12, dtype=bool)].min() > NEAR
    assert distances.diagonal().max() == pytest.approx(0, abs=0.01)


def test_blank_images_look_like_nothing():
    white, grey = (np.full((50, 60, 3), level, np.uint8) for level in (255, 128))

    assert apart(white, grey) > NEAR
    assert apart(white, white) > NEAR


@given(st.integers(0, 7), st.integers(0, 50))
def test_all_eight_symmetries_of_a_square_are_one_image(turn: int, seed: int):
    image = np.random.default_rng(seed).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    other = np.rot90(image, turn % 4)
    other = other[:, ::-1] if turn > 3 else other

    assert apart(image, other.copy()) < 0.03


def test_groups_are_held_together_by_way_of_others():
    near = [Pair("a", "b", 0.1), Pair("d", "e", 0.1), Pair("c", "b", 0.2)]

    assert groups(near) == [("a", "b", "c"), ("d", "e")]
    assert groups([]) == []


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """1, 2 and 5 are of one tissue, 5 another's turned crop; 3 and 4 are others."""
    write_cohort(tmp_path / "c", [Drawn(str(n), "lung", (300, 400)) for n in range(1, 6)])
    images = [tissue(1), stained(tissue(1)), tissue(2), tissue(3), cropped(tissue(1))[::-1].copy()]
    for number, image in enumerate(images, start=1):
        write_rgb(tmp_path / "c" / "train_images" / f"{number}.tiff", image, 90)
    return Cohort.open(tmp_path / "c")


def search(cohort: Cohort) -> list[Pair]:
    steps = list(hashes(cohort, cohort.cases))
    assert [step.done for step in steps] == list(range(1, len(cohort.cases) + 1))
    return pairs({step.case_id: step.hash for step in steps if step.hash is not None})


def test_a_cohorts_copies_are_found_and_nothing_else(cohort: Cohort):
    near = search(cohort)

    assert {(pair.first, pair.second) for pair in near} == {("1", "2"), ("1", "5"), ("2", "5")}
    assert [pair.distance for pair in near] == sorted(pair.distance for pair in near)
    assert groups(near) == [("1", "2", "5")]


def test_a_hash_is_kept_until_the_file_changes(cohort: Cohort, own_cache: Path):
    first = search(cohort)
    image = cohort.cases["1"].image_path
    before = image.stat()
    image.write_bytes(b"x" * before.st_size)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    # its bytes are gone, but size and time say that nothing happened: it is not read again
    assert search(cohort) == first

    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    told = [step for step in hashes(cohort, cohort.cases) if step.error is not None]
    assert [step.case_id for step in told] == ["1"]
    assert "1.tiff" in str(told[0].error)
    assert not [path for path in cohort.folder.rglob("*") if path.suffix == ".npz"]


@pytest.mark.parametrize("content", [b"", b"PK nonsense", b"\x93NUMPY"])
def test_a_damaged_cache_costs_time_only(cohort: Cohort, own_cache: Path, content: bytes):
    first = search(cohort)
    (file,) = own_cache.rglob("*.npz")
    file.write_bytes(content)

    assert search(cohort) == first


def test_a_cache_that_cannot_be_written_costs_time_only(cohort: Cohort, own_cache: Path):
    own_cache.write_text("a file where the folder should be")

    assert len(search(cohort)) == 3


def test_what_was_hashed_before_a_wish_to_stop_is_kept(cohort: Cohort, own_cache: Path):
    steps = hashes(cohort, cohort.cases, iter([False, True]).__next__)
    next(steps)
    with pytest.raises(Cancelled):
        next(steps)
    image = cohort.cases["1"].image_path
    before = image.stat()
    image.write_bytes(b"x" * before.st_size)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert next(hashes(cohort, ["1"])).error is None


def test_groups_are_read_as_they_were_written(tmp_path: Path):
    kept.write(tmp_path, [("7", "9"), ("a,b", "8")])

    assert kept.read(tmp_path) == {"7": "1", "9": "1", "a,b": "2", "8": "2"}
    assert kept.read(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "row 1: the column group and id is missing"),
        ("id,organ\n1,lung\n", "the column group is missing"),
        ("id,group\n1,1\n1,2\n", "row 3: the id 1 is there twice; take one away"),
        ("id,group\n1,\n", "row 2: has no id or no group; fill the cell"),
        ("id,group\n1\n", "row 2: has no id or no group"),
        ("id,group\n\xff,1\n", "is not UTF-8"),
    ],
)
def test_a_bad_csv_is_told_in_one_sentence(tmp_path: Path, text: str, told: str):
    (tmp_path / kept.FILE).write_bytes(text.encode("latin-1"))

    with pytest.raises(CohortError) as error:
        kept.read(tmp_path)
    assert kept.FILE in str(error.value) and told in str(error.value)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["hubmap_2022_small", "kidney_glomeruli", "colon_glands"])
def test_real_images_are_found_again_and_not_mistaken(real_data: Path, name: str):
    cohort = Cohort.open(real_data / name)
    images = [cohort.image(case_id) for case_id in [*cohort.cases][:12]]
    copies = [COPIES["all at once"](image) for image in images]
    hashed = np.stack([perceptual.of(image) for image in (*images, *copies)])
    distances = perceptual.distances(hashed, hashed)
    distances = np.minimum(distances, distances.T)
    same = np.tile(np.eye(len(images), dtype=bool), (2, 2))

    assert (distances[same] <= NEAR).mean() > 0.95
    assert not (distances[~same] <= NEAR).any()
