"""The repository as files, for tests that read the code rather than run it."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CODE = ("shared", "services", "deploy")


@cache
def committed() -> tuple[Path, ...]:
    """Return every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return tuple(path for name in listed if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python files of some top folders."""
    wanted = tuple(ROOT / folder for folder in folders)
    return (path for path in committed() if path.suffix == ".py" and any(path.is_relative_to(each) for each in wanted))


def name_of(path: Path) -> str:
    """Return a path as people write it."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
