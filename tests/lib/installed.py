"""The installed programs, which most suites are about; SVENV_PREFIX says where they are."""

import os
import pathlib

from lib import skips

PREFIX = pathlib.Path(os.environ.get("SVENV_PREFIX", "/usr/local"))
TOOL = PREFIX / "bin" / "sandbox-venv"
LAUNCHER = PREFIX / "libexec" / "sandbox-venv" / "launcher"
STUB = PREFIX / "libexec" / "sandbox-venv" / "stub"


def require():
    """Ends the test program where nothing is installed that could be tested."""
    if not os.access(TOOL, os.X_OK):
        skips.leave(f"nothing is installed in {PREFIX}: run 'meson install' first")
