"""An ordinary user, with an interpreter that everybody can read, gets the same boundary as root."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SYSTEM = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
NOBODY = "65534"
SHARED_BY_ALL = ("answers", "file", "process", "switches")


@pytest.fixture
def interpreter() -> Iterator[Path]:
    """The system's Python with this environment's packages, in a folder that everybody can read."""
    if os.geteuid():
        pytest.skip("only root can become another user; as an ordinary user all other tests show the same")
    if not Path(SYSTEM).exists() or not shutil.which("setpriv"):
        pytest.skip(f"needs {SYSTEM} and setpriv")
    if not all(folder.stat().st_mode & 0o5 == 0o5 for folder in (HERE, *HERE.parents)):
        pytest.skip(f"others cannot read {HERE}")
    with tempfile.TemporaryDirectory(prefix="everybody-") as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        subprocess.run([SYSTEM, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        packages = next((folder / "venv").glob("lib/python3*/site-packages"))
        packages.rmdir()
        shutil.copytree(sysconfig.get_path("purelib"), packages, copy_function=os.link, symlinks=True)
        yield folder / "venv" / "bin" / "python"


@pytest.mark.slow
def test_an_ordinary_user_has_the_whole_boundary(interpreter: Path):
    """Without privileges the level is full; Landlock alone keeps files and processes, namespaces alone processes."""
    command = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", interpreter]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(interpreter.parent),
        "PYTHONPATH": f"{HERE}:{HERE.parent / 'src'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(["sleep", "300"]) as bystander:
        script = [HERE / "ordinary_user.py", str(bystander.pid)]
        done = subprocess.run(
            [*command, *script], env=environment, cwd="/", capture_output=True, text=True, check=False
        )
        bystander.kill()
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["off"], "with the boundary off the file is read"
    reached = {name: [level[key] for key in SHARED_BY_ALL] for name, level in found.items() if name != "off"}
    assert reached["all"] == [2, False, False, False]
    assert reached["Landlock alone"] == [2, False, False, False]
    assert reached["namespaces alone"] == [2, True, False, False]
    assert [found[name]["level"] for name in reached] == ["full", "partial", "partial"]
    assert set(found["all"]["channels"].values()) == {0.5}
