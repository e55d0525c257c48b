"""Real database servers for tests: a private MariaDB or PostgreSQL on a free loopback port, in a temporary folder.

Started from Debian's packages (mariadb-server, postgresql), without its services; where the programs are missing, tests
are skipped by name.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

USER, PASSWORD = "shop", "p@ss/w:rd"  # characters that a URL has to escape
_READY_S = 60
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a new database is thousands of files' worth of writing


@dataclass
class Server:
    """A running database server. `fresh()` gives the URL of a new, empty database on it."""

    drivername: str
    port: int
    first: str  # a database that exists from the start
    process: subprocess.Popen
    folder: Path
    _numbers: count = field(default_factory=count)

    def url(self, database: str | None = None, **changes) -> str:
        parts = {"username": USER, "password": PASSWORD, "host": "127.0.0.1", "port": self.port, **changes}
        return URL.create(self.drivername, database=database or self.first, **parts).render_as_string(hide_password=False)

    def fresh(self) -> str:
        name = f"shop{next(self._numbers)}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT if "postgresql" in self.drivername else signal.SIGTERM)  # at once, whole
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def mariadb() -> Server:
    install, daemon = _program("mariadb-install-db"), _program("mariadbd", "/usr/sbin")
    pytest.importorskip("pymysql", reason="the driver pymysql is not installed (extra: scale)")
    folder = Path(tempfile.mkdtemp(prefix="mariadb-", dir=_MEMORY))
    data, port = folder / "data", free_port()
    who = ["--user=root"] if os.geteuid() == 0 else []
    made = [install, "--no-defaults", f"--datadir={data}", *who, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(made, check=True, capture_output=True)
    (folder / "users.sql").write_text(
        f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO '{USER}'@'%';\n", encoding="utf-8"
    )
    command = [
        daemon, "--no-defaults", *who, f"--datadir={data}", f"--socket={folder / 's'}", f"--port={port}",
        "--bind-address=127.0.0.1", f"--init-file={folder / 'users.sql'}", "--skip-name-resolve", "--skip-log-bin",
        "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2", f"--pid-file={folder / 'pid'}",
    ]  # fmt: skip
    return _started("mysql+pymysql", port, "mysql", command, folder)


def postgresql() -> Server:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    initdb, daemon = (_program(name, *map(str, folders)) for name in ("initdb", "postgres"))
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed (extra: scale)")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=_MEMORY))
    who = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    data, port = folder / "data", free_port()
    made = [
        initdb, "-D", str(data), "-U", USER, f"--pwfile={folder / 'password'}", "--auth=scram-sha-256", "-E", "UTF8",
        "--locale=C.UTF-8", "--no-sync",
    ]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
    command = [daemon, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
    return _started("postgresql+psycopg", port, "postgres", command, folder, **who)


SERVERS: dict[str, Callable[[], Server]] = {"mariadb": mariadb, "postgresql": postgresql}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _program(name: str, *folders: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install mariadb-server postgresql")
    return found


def _started(drivername: str, port: int, first: str, command: list[str], folder: Path, **who) -> Server:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, **who)
    server = Server(drivername, port, first, process, folder)
    engine = create_engine(server.url(), connect_args={"connect_timeout": 5})
    until = time.monotonic() + _READY_S
    while True:
        try:
            engine.connect().close()
            engine.dispose()
            return server
        except SQLAlchemyError:
            if process.poll() is not None or time.monotonic() > until:
                said = (folder / "log").read_text(encoding="utf-8", errors="replace")
                server.stop()
                raise AssertionError(f"{command[0]} did not start:\n{said[-2_000:]}") from None
            time.sleep(0.1)
