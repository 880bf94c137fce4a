"""`python -m services.ledger_recorder`: settings, wiring, one run."""

import sys

from services.ledger_recorder.settings import Settings
from services.ledger_recorder.wiring import assemble
from shared.configuration import load
from shared.lifecycle import run
from shared.telemetry.logs import configure_logs


def main() -> int:
    """Run until a signal; see `lifecycle.ExitCode` for what the code means."""
    settings = load(Settings)
    configure_logs("ledger_recorder", settings.log_level, json=settings.log_json)
    return run(lambda life: assemble(life, settings), settings.drain_s)


if __name__ == "__main__":
    sys.exit(main())
