"""Tests that cannot run here are skipped with their reason, or fail where all has to work."""

import os
import sys
import unittest

STATUS = 77  # meson's exit status for a skipped test


def must_work():
    """SVENV_MUST_WORK=1 says so, and CI=true does."""
    return os.environ.get("SVENV_MUST_WORK") == "1" or os.environ.get("CI") == "true"


def skip(reason):
    """Skips the running test; a failure where everything has to work."""
    if must_work():
        raise AssertionError("must work here: " + reason)
    raise unittest.SkipTest(reason)


def need(condition, reason):
    """Skips the running test when the machine lacks something."""
    if not condition:
        skip(reason)


def impossible(reason):
    """Skips what this user or machine cannot have, also where everything has to work."""
    raise unittest.SkipTest(reason)


def leave(reason):
    """Ends a whole test program: skipped, or failed where everything has to work."""
    print("skipped: " + reason)
    sys.exit(1 if must_work() else STATUS)
