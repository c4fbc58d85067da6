from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from huggingface_hub import constants

from trainer.model import hub


@pytest.fixture
def server() -> Iterator[str]:
    """Answers every question with 404 or 501, which is an answer."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_a_hub_that_answers_is_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", server)
    with hub.asked_once():
        assert not constants.is_offline_mode()


def test_a_silent_hub_is_not_asked_again_until_the_next_time(
    closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", closed_port)
    with hub.asked_once():
        assert constants.is_offline_mode()
    assert not constants.is_offline_mode()
