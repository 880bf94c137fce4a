"""`python -m services.leader_watcher`: settings, wiring, one run."""

import sys

from services.leader_watcher.settings import Settings
from services.leader_watcher.wiring import assemble
from shared.configuration import load
from shared.lifecycle import run
from shared.telemetry.logs import configure_logs


def main() -> int:
    """Run until a signal; see `lifecycle.ExitCode` for what the code means."""
    settings = load(Settings)
    configure_logs("leader_watcher", settings.log_level, json=settings.log_json)
    return run(lambda life: assemble(life, settings), settings.drain_s)


if __name__ == "__main__":
    sys.exit(main())
