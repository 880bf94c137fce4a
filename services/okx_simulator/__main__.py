"""Start the simulator."""

import json
import sys

from services.okx_simulator.starting import read_settings, run


def main() -> int:
    """Run until SIGTERM; print the address as one line of JSON once it listens."""
    run(read_settings(sys.argv[1:]), _announce)
    return 0


def _announce(address: str) -> None:
    print(json.dumps({"listening": address}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
