"""What curating gives against what it costs, as one picture."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.data.atomic import replacing
from trainer.study.loop import CLEAN, ORDERS, Point

_STYLES = (("#0072B2", "o-"), ("#808080", "s--"), ("#D55E00", "^:"))
"""Colours of Okabe and Ito, and dashes: an order is told without colour too."""


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw Dice against actions, an order a line: means, and least and largest over seeds.

    On the left of the labels that were learned, on the right of what the networks made of them.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    learned, predicted = figure.subplots(1, 2)
    _panel(learned, points, lambda one: one.labels, "labels")
    _panel(predicted, points, lambda one: one.dice, "predictions, out of fold")
    seeds = len({one.seed for one in points})
    spread = "1 seed" if seeds == 1 else f"{seeds} seeds: mean, least and largest"
    figure.suptitle(f"What curating gives ({spread})")
    lines, names = predicted.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=4, frameon=False)
    with replacing(path) as draft, draft.open("wb") as handle:
        figure.savefig(handle, format="png", dpi=150)


def _panel(
    axes: Axes, points: Sequence[Point], value: Callable[[Point], float], title: str
) -> None:
    base = [one for one in points if not one.order]
    for order, (colour, style) in zip(ORDERS, _STYLES, strict=True):
        shares = sorted({one.share for one in points if one.order == order})
        groups = [base, *([one for one in points if (one.order, one.share) == (order, share)]
                          for share in shares)]  # fmt: skip
        _line(axes, groups, value, order, colour, style)
    if clean := [value(one) for one in points if one.order == CLEAN]:
        axes.axhline(statistics.mean(clean), color="#009E73", label="all labels sound")
        axes.axhspan(min(clean), max(clean), color="#009E73", alpha=0.12)
    axes.set(title=title, xlabel="reviewer's actions", ylabel="Dice against sound truths")
    axes.grid(alpha=0.3)


def _line(
    axes: Axes,
    groups: Sequence[Sequence[Point]],
    value: Callable[[Point], float],
    name: str,
    colour: str,
    style: str,
) -> None:
    there = [group for group in groups if group]
    actions = [statistics.mean(one.actions for one in group) for group in there]
    values = [[value(one) for one in group] for group in there]
    axes.plot(actions, [statistics.mean(one) for one in values], style, color=colour, label=name)
    axes.fill_between(
        actions, [min(one) for one in values], [max(one) for one in values],
        color=colour, alpha=0.12,
    )  # fmt: skip
