"""A PostgreSQL server of the tests' own, on the loopback, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """The folder of the newest server's programs; None where there is none."""
    found = [path.parent for path in DEBIAN.glob("*/bin/postgres") if path.parent.parent.name]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    there = shutil.which("postgres")
    return None if there is None else Path(there).parent


@dataclass
class Server:
    """A running server; each `new_place` is a schema of its own."""

    folder: Path
    programs: Path
    port: int = 0
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres", options: str = "", user: str = "reviews") -> str:
        query = f"?options={options}" if options else ""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{query}"

    def new_place(self) -> str:
        """URL of an empty schema."""
        name = f"place{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return self.url(options=f"-csearch_path%3D{name}")

    def execute(self, statement: str, place: str | None = None) -> list[tuple[Any, ...]]:
        """Run a statement past the store, and tell what it returns."""
        import psycopg

        with psycopg.connect(place or self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        settings = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": "127.0.0.1"}
        told = " ".join(f"-c {key}='{value}'" for key, value in settings.items())
        log = str(self.folder / "log")
        self.run("pg_ctl", "start", "-w", "-l", log, "-o", f"-p {self.port} {told}")

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-w", "-m", "immediate")

    def run(self, program: str, *words: str) -> None:
        """Run one of the server's programs, as a user that is not root: it refuses root."""
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *words]
        log = self.folder / f"{program}.out"
        with log.open("w") as out:
            done = subprocess.run(command, stdout=out, stderr=out, check=False, **_unprivileged())
        assert done.returncode == 0, log.read_text()


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A new server."""
    folder = Path(tempfile.mkdtemp(prefix="reviews-postgresql-"))
    if user := _unprivileged().get("user"):
        shutil.chown(folder, user)
    server = Server(folder, programs)
    try:
        server.run("initdb", "--username=reviews", "--auth=trust", "--no-sync", "--encoding=UTF8")
        # not before: this takes seconds, and others look for free ones too
        server.port = _free_port()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    names = {one.pw_name for one in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": "/"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
