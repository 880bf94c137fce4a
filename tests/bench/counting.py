"""What the kernel knows of a process: processor time and memory. Linux only, as the benchmark is."""

from pathlib import Path

_PAGE = 4096


def cpu_ns(pid: int) -> int:
    """Return the nanoseconds all threads of a process have run so far (schedstat: exact, not sampled)."""
    return sum(int(each.read_text().split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def resident_bytes(pid: int) -> int:
    """Return the memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
