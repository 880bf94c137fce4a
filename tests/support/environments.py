"""Environments of their own, for programs whose dependencies must not meet ours."""

import hashlib
import subprocess
import sys
from pathlib import Path


def environment(lock: Path, build: Path) -> Path:
    """Return the interpreter of the environment of a lock file, kept in `build` and made anew when the lock changes.

    Raises:
        CalledProcessError: it could not be made.
    """
    folder, stamp = build / lock.stem, build / f"{lock.stem}.sha256"
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    build.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    install = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    subprocess.run([str(python), "-m", "pip", *install], check=True)
    stamp.write_text(wanted)
    return python
