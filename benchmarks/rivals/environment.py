"""An environment for each rival whose packages minmai must not depend on."""

import subprocess
import sys
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.rivals.registry import Rival

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def interpreter(key: str, rival: Rival) -> str:
    """Return the Python to run a rival with; installs what it needs the first time.

    Raises RuntimeError with pip's last words if that can't be installed here.
    """
    if not rival.packages:
        return sys.executable
    folder = ROOT / ".venv-rivals" / key
    python, done = folder / "bin" / "python", folder / "installed"
    wanted = _REQUIREMENTS.read_text(encoding="utf-8")
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        print(f"… installs {', '.join(rival.packages)} into {folder.relative_to(ROOT)}", flush=True)
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
        _run([*pip, "-c", str(_REQUIREMENTS), *rival.packages])
        done.write_text(wanted, encoding="utf-8")
    return str(python)


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        words = (ended.stderr or ended.stdout).strip().splitlines() or ["no word from it"]
        raise RuntimeError(
            f"can't be installed on Python {sys.version_info.major}.{sys.version_info.minor}: {words[-1]}"
        )
