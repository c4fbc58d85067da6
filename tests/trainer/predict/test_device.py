"""Which devices there are, and manners towards a window."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import pytest
import torch

from trainer.errors import DeviceError
from trainer.predict.device import autocast_for, available, choose, courteous, describe, several


def in_a_thread(call: Callable[[], object]) -> object:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def test_cpu_is_always_there_and_last() -> None:
    assert available()[-1] == "cpu"
    assert choose("cpu") == torch.device("cpu")
    assert str(choose()) == available()[0]


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "", "cpu:7"])
def test_a_device_that_is_not_there(name: str) -> None:
    with pytest.raises(DeviceError, match=rf"no device `{name}`; choose .*cpu"):
        choose(name)


def test_several_devices_are_named_with_commas() -> None:
    assert several("cpu, cpu") == ["cpu", "cpu"]
    assert set(several()) <= set(available())
    with pytest.raises(DeviceError, match="no device `gpu`"):
        several("cpu,gpu")


def test_each_device_has_a_name_a_person_knows() -> None:
    assert describe("cpu").startswith("CPU (")
    assert all(describe(name) for name in available())


def test_mixed_precision_stays_close_to_full() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.Conv2d(3, 4, 3)
    image = torch.rand(1, 3, 32, 32, generator=generator)
    with torch.inference_mode():
        full = layer(image)
        with autocast_for(torch.device("cpu")):
            mixed = layer(image).float()
    assert torch.allclose(full, mixed, atol=0.05)


def test_courtesy_leaves_a_core_and_gives_it_back() -> None:
    def threads() -> tuple[int, int]:
        torch.set_num_threads(3)
        with courteous():
            within = torch.get_num_threads()
        return within, torch.get_num_threads()

    before = torch.get_num_threads()
    within, after = in_a_thread(threads)  # type: ignore[misc]
    torch.set_num_threads(before)
    assert within == max(1, min(3, (os.cpu_count() or 1) - 1))
    assert after == 3


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_courtesy_lowers_the_calling_thread_only() -> None:
    def priority() -> int:
        with courteous():
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    main = os.getpriority(os.PRIO_PROCESS, 0)
    assert in_a_thread(priority) == min(19, main + 10)
    assert priority() == main
