"""How the probes start programs: with a clean environment and a time limit, and, when
SVENV_PROBE_TERMINAL=1 asks for it, in a session with a terminal of its own."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time

TIMEOUT = 150  # what hangs, hangs for ever; a slow machine is no failure
TERMINAL = os.environ.get("SVENV_PROBE_TERMINAL") == "1"

# What would steer the tool, or show more of the host than a plain start does.
LEFT_OUT = ("BWRAP_ARGS", "SANDBOX_", "VERBOSE", "PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "XDG_")


class Dead(Exception):
    """The probe could not be carried out at all: it proves nothing."""


def clean_environment(**changes):
    env = {n: v for n, v in os.environ.items() if not n.startswith(LEFT_OUT)}
    env["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    for name, value in changes.items():
        env.pop(name, None)
        if value is not None:
            env[name] = str(value)
    return env


def run(argv, **options):
    """subprocess.run with a time limit, captured bytes as text, and no input."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", clean_environment())
    options.setdefault("timeout", TIMEOUT)
    done = subprocess.run([os.fspath(word) for word in argv], check=False, **options)
    done.stdout = (done.stdout or b"").decode("utf-8", "replace")
    done.stderr = (done.stderr or b"").decode("utf-8", "replace")
    return done


def read_until_end(child, terminal, seconds):
    """All that is written to a terminal until the program ends; others may hold it still open."""
    text, end = b"", time.monotonic() + seconds
    while True:
        over = child.poll() is not None
        try:
            while select.select([terminal], [], [], 0 if over else 0.02)[0]:
                text += os.read(terminal, 65536)
        except OSError:  # nobody has it open any more
            child.wait(max(0.1, end - time.monotonic()))
            return text
        if over:
            return text
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired(child.args, seconds)


def run_on_terminal(argv, **options):
    """run() in a session with a terminal, which is where all leads that is not redirected."""
    ours, theirs = pty.openpty()
    before = options.pop("preexec_fn", None)
    seconds = options.pop("timeout", TIMEOUT)

    def lead():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        if before:
            before()

    for name in ("stdin", "stdout", "stderr"):
        options.setdefault(name, theirs)
    options.setdefault("env", clean_environment())
    child = subprocess.Popen([os.fspath(word) for word in argv], preexec_fn=lead, **options)
    os.close(theirs)
    try:
        text = read_until_end(child, ours, seconds).decode("utf-8", "replace").replace("\r\n", "\n")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(ours)
    return subprocess.CompletedProcess(argv, child.returncode, text, text)


def play(argv, **options):
    """Runs a program of a probe: with a terminal where that was asked for."""
    piped = options.get("stdout") == subprocess.PIPE or "input" in options
    return run_on_terminal(argv, **options) if TERMINAL and not piped else run(argv, **options)


def must(argv, **options):
    options.setdefault("timeout", 2 * TIMEOUT)
    done = run(argv, **options)
    if done.returncode != 0:
        raise Dead(f"{argv} gave {done.returncode}: {done.stderr or done.stdout}")
    return done


def remove_tree(path):
    """Deletes a tree of any depth, also where a probe took the owner's permissions away."""
    if not os.path.lexists(path):
        return
    for argv in (["chmod", "-R", "u+rwX", "--", path], ["rm", "-rf", "--", path]):
        run(argv)
