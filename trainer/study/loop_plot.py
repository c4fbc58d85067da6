"""What curating gives against what it costs, as one picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.data.atomic import replacing
from trainer.study.loop import CLEAN, ORDERS, Point

_STYLES = (("#0072B2", "o-"), ("#808080", "s--"), ("#D55E00", "^:"))
"""Colours of Okabe and Ito, and dashes: an order is told without colour too."""


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw Dice against actions, an order a line: means, and least and largest over seeds.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    base = [one for one in points if not one.order]
    for order, (colour, style) in zip(ORDERS, _STYLES, strict=True):
        shares = sorted({one.share for one in points if one.order == order})
        groups = [base, *([one for one in points if (one.order, one.share) == (order, share)]
                          for share in shares)]  # fmt: skip
        _line(axes, groups, order, colour, style)
    if clean := [one.dice for one in points if one.order == CLEAN]:
        label = f"all labels sound ({statistics.mean(clean):.3f})"
        axes.axhline(statistics.mean(clean), color="#009E73", label=label)
        axes.axhspan(min(clean), max(clean), color="#009E73", alpha=0.12)
    seeds = len({one.seed for one in points})
    axes.set(
        xlabel="reviewer's actions",
        ylabel="Dice against sound truths, out of fold",
        title=f"{seeds} seeds: mean, least and largest",
    )
    axes.legend(frameon=False, fontsize=9)
    axes.grid(alpha=0.3)
    with replacing(path) as draft, draft.open("wb") as handle:
        figure.savefig(handle, format="png", dpi=150)


def _line(
    axes: Axes, groups: Sequence[Sequence[Point]], name: str, colour: str, style: str
) -> None:
    there = [group for group in groups if group]
    actions = [statistics.mean(one.actions for one in group) for group in there]
    means = [statistics.mean(one.dice for one in group) for group in there]
    least = [min(one.dice for one in group) for group in there]
    largest = [max(one.dice for one in group) for group in there]
    axes.plot(actions, means, style, color=colour, label=name)
    axes.fill_between(actions, least, largest, color=colour, alpha=0.12)
