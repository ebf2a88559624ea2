"""The command `accept-reject`, also available as `python -m accept_reject`."""

from __future__ import annotations

import sys

from accept_reject.extras import MissingExtraError


def main() -> None:
    """Run the command line. If an extra is missing, print which one to install and exit with code 2."""
    try:
        from accept_reject.web.cli import main as run
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
