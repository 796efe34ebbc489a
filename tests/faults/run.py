"""run.py NAME: one module of this directory as a test program."""

import signal
import sys
import unittest


def stop(*_):
    """A run that is stopped removes what it made all the same."""
    sys.exit(1)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    unittest.main(module=sys.argv.pop(1), verbosity=2)
