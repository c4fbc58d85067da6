"""Weights over the internet, and no long wait for them where there is none."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator

_SECONDS = 5.0
"""To wait for the hub's first answer."""


@contextlib.contextmanager
def asked_once() -> Iterator[None]:
    """If the hub does not answer, look only at what was downloaded before while this holds.

    The hub's client would ask a dozen times, which takes most of a minute.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    # its maintainers' way to go offline after the import: the variable is read only then
    constants.HF_HUB_OFFLINE = before or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(address: str) -> bool:
    """Whether anything but silence comes back, through a proxy where one is set."""
    question = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(question, timeout=_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
