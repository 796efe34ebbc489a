"""How the probes start programs: with a clean environment and a time limit, and, when
SVENV_PROBE_TERMINAL=1 asks for it, in a session with a terminal of its own."""

import os
import subprocess

from lib.environment import clean_environment
from lib.programs import SECONDS, run_clean
from lib.terminal import Terminal

TERMINAL = os.environ.get("SVENV_PROBE_TERMINAL") == "1"


def run_on_terminal(argv, **options):
    """run_clean() in a session with a terminal, which is where all leads that is not redirected."""
    seconds = options.pop("timeout", SECONDS)
    options.setdefault("env", clean_environment())
    with Terminal(*argv, **options) as terminal:
        text = terminal.until_end(seconds).replace("\r\n", "\n")
        # Lines of ours, which elsewhere have a stream of their own, are no part of what was found.
        lines = text.splitlines(keepends=True)
        found = "".join(line for line in lines if not line.startswith("sandbox-venv: "))
        return subprocess.CompletedProcess(argv, terminal.process.returncode, found, text)


def play(argv, **options):
    """Runs a program of a probe: with a terminal where that was asked for."""
    piped = options.get("stdout") == subprocess.PIPE or "input" in options
    return (
        run_on_terminal(argv, **options) if TERMINAL and not piped else run_clean(argv, **options)
    )
