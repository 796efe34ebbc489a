"""The package index that pip is configured for."""

import functools
import subprocess
import tempfile

from lib.programs import run

INSTALL_TIME = 600


@functools.cache
def index_trouble(python):
    """Asks the index for one small package, outside of any sandbox; the reason why not, or None."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            done = run(
                python,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-cache-dir",
                "--no-deps",
                "-d",
                directory,
                "iniconfig",
                timeout=120,
            )
        except subprocess.TimeoutExpired:
            return "the package index does not answer"
        if done.returncode == 0:
            return None
        lines = done.stderr.strip().splitlines() or ["no message"]
        return "the package index cannot be reached: " + lines[-1]
