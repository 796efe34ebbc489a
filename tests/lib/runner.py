#!/usr/bin/env python3
"""Runs one file of tests; exit status 77 when nothing is installed to be tested.

By hand: SVENV_PREFIX=/usr/local tests/lib/runner.py tests/integration/test_view.py [NAME]...
"""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib import installed

SLOWEST = 5


def end_cleanly(first=lambda: None):
    """A run that is stopped removes what it made all the same."""

    def end(*_):
        first()
        sys.exit(1)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def listen_to_keys():
    """A shell has what it starts in the background ignore these, and all below would, too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


class Result(unittest.TextTestResult):
    """Knows how long each test took, and the end of a run that is stopped."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.took = []
        # To unittest an exit is an error of one test, after which come the others.
        end_cleanly(self.stop)

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.took.append((time.monotonic() - self.began, test.id()))


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(path.parent))
    installed.require()
    listen_to_keys()
    program = unittest.main(
        module=path.stem,
        argv=[path.name, *sys.argv[2:]],
        testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=2),
        exit=False,
    )
    for seconds, name in sorted(program.result.took, reverse=True)[:SLOWEST]:
        print(f"{seconds:8.2f} s {name}")
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
