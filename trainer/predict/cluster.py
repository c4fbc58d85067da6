"""Cases handed to a Dask cluster: an existing one, or one that is started here.

The cohort, the ensemble and the predictions have to lie where every machine finds them by the
same paths.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from importlib import import_module
from typing import Any

from trainer.errors import DeviceError

_SECONDS = "5s"
"""To wait for a scheduler."""

_DEATHS = 3
"""Workers that may end over one case before it is given up."""


@contextlib.contextmanager
def workers(count: int) -> Iterator[Executor]:
    """So many processes on this machine.

    Raises
    ------
    DeviceError
        If dask.distributed is not installed.
    """
    distributed = _distributed()
    with (
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
        _executor(client) as executor,
    ):
        yield executor


@contextlib.contextmanager
def scheduler(address: str) -> Iterator[Executor]:
    """The workers of a scheduler, such as ``tcp://head:8786``.

    Raises
    ------
    DeviceError
        If dask.distributed is not installed, or nobody answers there.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=_SECONDS)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"no Dask scheduler answers at {address} ({str(error).partition(chr(10))[0]})",
            remedy="start one with `dask scheduler`, and name the address that it says",
        ) from error
    with client, _executor(client) as executor:
        yield executor


@contextlib.contextmanager
def _executor(client: Any) -> Iterator[Executor]:
    executor = client.get_executor(pure=False, retries=0)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False)


def _distributed() -> Any:
    try:
        dask, distributed = import_module("dask"), import_module("distributed")
    except ImportError:
        raise DeviceError(
            "dask.distributed is not installed", remedy="pip install 'hubmap-viewer[cluster]'"
        ) from None
    dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS})
    return distributed
