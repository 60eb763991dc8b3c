"""``octavo`` and ``python -m octavo``: the same stages without Airflow."""

import os
import sys

from octavo.model.errors import INTERRUPTED


def main() -> None:
    """Run the command line. Its modules take a second to load, in which Ctrl-C must leave no traceback either."""
    try:
        from octavo.cli import main as commands  # noqa: PLC0415 - as said

        commands(prog_name="octavo" if sys.argv[0].endswith("octavo") else "python -m octavo")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was begun\n")
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)  # a thread may wait for a model's answer for minutes, which Python would wait for
        raise


if __name__ == "__main__":
    main()
