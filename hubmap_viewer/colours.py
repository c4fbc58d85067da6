"""One colour for one meaning, everywhere: Okabe and Ito's palette for the colour-blind."""

from __future__ import annotations

TRUTH = "#009E73"
PREDICTION = "#E69F00"
CURATED = "#56B4E9"
SECOND = "#CC79A7"

STATUS = {
    "unreviewed": "#8a8a8a",
    "accepted": "#009E73",
    "needs work": "#E69F00",
    "rejected": "#D55E00",
}
"""Of the badge beside a case; a shape and a word say the same."""

STATUS_SHAPE = {"unreviewed": "○", "accepted": "●", "needs work": "◐", "rejected": "✕"}
