"""A wheel holds all that the product reads when it runs, not its modules alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

CHECKOUT = Path(__file__).parents[1]
BUILD = "from setuptools.build_meta import build_wheel; build_wheel({!r})"
READ_WHEN_IT_RUNS = {".html", ".json", ".py", ".sql", ".typ", ".yaml"}
PACKAGES = ("commands", "config", "db", "execution", "importers", "resolvers", "schema", "workers")


def test_a_wheel_has_what_packages_read(tmp_path: Path) -> None:
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=CHECKOUT, text=True).split("\0")
    wanted = {name for name in tracked if name.split("/")[0] in PACKAGES and Path(name).suffix in READ_WHEN_IT_RUNS}
    source = tmp_path / "source"
    for name in filter(None, tracked):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, source / name)
    # What `scripts/build-web` makes.
    (source / "web/dist/assets").mkdir(parents=True)
    for name in ("web/dist/index.html", "web/dist/assets/page.js.br"):
        (source / name).touch()
        wanted.add(name)
    subprocess.run([sys.executable, "-c", BUILD.format(str(tmp_path))], cwd=source, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as built:
        assert not wanted - set(built.namelist())
