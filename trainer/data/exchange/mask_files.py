"""A folder of one image file a mask: tiff, png or OME-TIFF."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import cv2

from trainer.data import tiff
from trainer.data.atomic import replacing_files
from trainer.data.case import Case, Mask
from trainer.errors import ExportError

Format = Literal["tiff", "png", "ome-tiff"]

ENDINGS: dict[Format, str] = {"tiff": ".tiff", "png": ".png", "ome-tiff": ".ome.tiff"}


def write(folder: Path, items: Iterable[tuple[Case, Mask]], kind: Format = "tiff") -> None:
    """Write ``ID.tiff`` (0 and 1), ``ID.png`` (1 bit) or ``ID.ome.tiff`` (0 and 1, with µm).

    Each mask has its image's own size. Other files of the folder stay.

    Raises
    ------
    ExportError
        If they cannot all be written; then none is.
    """
    with replacing_files(folder) as draft:
        for case, mask in items:
            _write(draft / f"{case.id}{ENDINGS[kind]}", case, mask, kind)


def _write(path: Path, case: Case, mask: Mask, kind: Format) -> None:
    if kind == "tiff":
        tiff.write_mask(path, mask)
    elif kind == "ome-tiff":
        tiff.write_ome_mask(path, mask, case.pixel_size)
    else:
        sound, data = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])
        if not sound:
            raise ExportError(f"a mask of {mask.shape} cannot be a png", case=case.id)
        path.write_bytes(data.tobytes())
