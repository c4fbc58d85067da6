"""A report's pictures, as data URIs: the strips of all cases, and the worst cases' overlays."""

from __future__ import annotations

import base64
import io
import statistics
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.data.case import Image, Mask
from trainer.data.contours import outline
from trainer.errors import ImageError
from trainer.review.differences import Difference
from trainer.review.histograms import Histograms
from trainer.review.temperature import Calibrated

SIDE = 640
"""Longer side of an overlay in pixels."""

_TRUTH, _PREDICTION = (0, 158, 115), (230, 159, 0)
"""Okabe and Ito's green and orange, as in the window."""

_LINES = (
    ("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"),
    ("#E69F00", (0, (5, 1))), ("#56B4E9", (0, (3, 1, 1, 1, 1, 1))),
)  # fmt: skip
"""Colours of Okabe and Ito, and dashes: an organ is told without colour too."""

_INK = "#808080"
"""Of a plot's words and lines: readable on white and on black."""


def strips(found: Sequence[Difference]) -> str:
    """One strip an organ, one dot a case at its Dice, the median marked; an SVG."""
    organs: dict[str, list[float]] = {}
    for one in found:
        if not one.in_sample:
            organs.setdefault(one.organ, []).append(one.dice)
    if not organs:
        return ""
    figure = Figure(figsize=(7.5, 0.6 + 0.45 * len(organs)), layout="constrained")
    axes = figure.subplots()
    for row, organ in enumerate(organs):
        each = sorted(organs[organ])
        spread = [row + 0.12 * ((n % 5) - 2) / 2 for n in range(len(each))]
        axes.plot(each, spread, "o", color="#E69F00", markersize=4, alpha=0.8)
        axes.plot([statistics.median(each)] * 2, [row - 0.32, row + 0.32], color=_INK, linewidth=2)
    axes.set(xlim=(0, 1.01), ylim=(len(organs) - 0.5, -0.5), xlabel="Dice")
    axes.set_yticks(range(len(organs)), list(organs))
    axes.grid(axis="x", color=_INK, alpha=0.3)
    axes.tick_params(colors=_INK)
    axes.xaxis.label.set_color(_INK)
    axes.spines[:].set_visible(False)
    return _svg(figure)


def curves(histograms: Histograms) -> str:
    """Each organ's mean Dice at every threshold, over cases not seen in training; an SVG."""
    organs = {organ: histograms.curve(organ) for organ in sorted(set(histograms.organs))}
    known = {organ: curve for organ, curve in organs.items() if np.isfinite(curve).all()}
    if not known:
        return ""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axes = figure.subplots()
    levels = np.arange(1, 256) / 255
    for number, (organ, curve) in enumerate(known.items()):
        colour, dash = _LINES[number % len(_LINES)]
        axes.plot(levels, curve[1:], color=colour, linestyle=dash, label=organ)
    axes.axvline(0.5, color=_INK, alpha=0.4)
    axes.set(xlim=(0, 1), xlabel="threshold", ylabel="mean Dice")
    axes.grid(color=_INK, alpha=0.3)
    axes.tick_params(colors=_INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(_INK)
    axes.spines[:].set_visible(False)
    axes.legend(frameon=False, labelcolor=_INK, loc="center left", bbox_to_anchor=(1, 0.5))
    return _svg(figure)


def training_curves(folds: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """Training loss and held-out Dice by epoch, a line a fold; an SVG.

    Parameters
    ----------
    folds
        Rows of ``curves.csv`` by fold.
    """
    figure = Figure(figsize=(7.5, 2.8), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column, name in zip(
        panels, ("train_loss", "val_dice"), ("training loss", "held-out Dice"), strict=True
    ):
        for number, (fold, rows) in enumerate(folds.items()):
            colour, dash = _LINES[number % len(_LINES)]
            values = [float(row[column]) for row in rows]
            axes.plot(values, color=colour, linestyle=dash, label=f"fold {fold}")
        axes.set(xlabel="epoch", ylabel=name)
        _quiet(axes)
    panels[1].legend(frameon=False, labelcolor=_INK, fontsize=8)
    return _svg(figure)


def reliability_diagram(organs: Mapping[str, Calibrated]) -> str:
    """The share of pixels inside at each probability, out of fold, a line an organ; an SVG."""
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=1)
    for number, (organ, one) in enumerate(organs.items()):
        colour, dash = _LINES[number % len(_LINES)]
        axes.plot(one.before.told, one.before.true, color=colour, linestyle=dash, label=organ)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability", ylabel="share of pixels inside")
    axes.set_aspect("equal")
    axes.legend(frameon=False, labelcolor=_INK, fontsize=8)
    _quiet(axes)
    return _svg(figure)


def _quiet(axes: Axes) -> None:
    axes.grid(color=_INK, alpha=0.3)
    axes.tick_params(colors=_INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(_INK)
    axes.spines[:].set_visible(False)


def overlay(image: Image, truth: Mask, found: Mask) -> str:
    """A case, its truth's outline solid and the prediction's dashed; a JPEG.

    Parameters
    ----------
    image
        RGB, uint8 (H, W, 3).
    truth, found
        uint8 (H, W).
    """
    height, width = truth.shape
    factor = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for mask, colour, dash in ((truth, _TRUTH, 0), (found, _PREDICTION, 9)):
        shrunk = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        small[outline(np.asarray(shrunk, np.uint8), 2, dash) > 0] = colour
    done, coded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ImageError("the overlay cannot be encoded")
    return _uri("image/jpeg", coded.tobytes())


def _svg(figure: Figure) -> str:
    text = io.BytesIO()
    figure.savefig(text, format="svg", transparent=True)
    return _uri("image/svg+xml", text.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
