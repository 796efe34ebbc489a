"""Programs that tests start and wait for: output captured, no input, a time limit."""

import resource
import subprocess

from lib.environment import clean_environment, environment
from lib.installed import TOOL

SECONDS = 150  # a program that hangs, hangs for ever; a slow machine is no failure


class Failed(AssertionError):
    """A program that had to work did not, so its test shows nothing."""


def words_of(argv):
    """Words as subprocess takes them: numbers and paths are words too."""
    return [word if isinstance(word, bytes) else str(word) for word in argv]


def run(*argv, check=False, **options):
    """subprocess.run of words, or of a list of them, with other defaults. The output comes
    back as text: bytes that are none are replaced, and ends of lines stay as they are."""
    argv = words_of(argv[0] if isinstance(argv[0], (list, tuple)) else argv)
    for stream in ("stdout", "stderr"):
        options.setdefault(stream, subprocess.PIPE)
    if isinstance(options.get("input"), str):
        options["input"] = options["input"].encode()
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", environment())
    options.setdefault("timeout", SECONDS)
    done = subprocess.run(argv, check=False, **options)
    done.stdout = (done.stdout or b"").decode("utf-8", "replace")
    done.stderr = (done.stderr or b"").decode("utf-8", "replace")
    if check and done.returncode != 0:
        said = f"stdout: {done.stdout}\nstderr: {done.stderr}"
        raise Failed(f"{argv} gave {done.returncode}\n{said}")
    return done


def run_clean(*argv, **options):
    """run() in the environment that is the same everywhere."""
    options.setdefault("env", clean_environment())
    return run(*argv, **options)


def must(*argv, **options):
    """run_clean() of what has to work; making things may take longer than using them."""
    options.setdefault("timeout", 2 * SECONDS)
    return run_clean(*argv, check=True, **options)


def processor_time():
    """Seconds that programs took that were waited for, whatever else the machine has to do."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tool(*words, **options):
    """Runs sandbox-venv itself."""
    return run(TOOL, *words, **options)
