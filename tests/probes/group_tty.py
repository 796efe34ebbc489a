"""TTY: the terminal of the user."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import termios
import time

import harness
from harness import ANY, Host, Probe, that

from lib.terminal import lead

REQUESTS = {
    "TIOCSTI": 0x5412,
    "TIOCLINUX": 0x541C,
    "TIOCSETD": 0x5423,
    "TIOCCONS": 0x541D,
    "KDSKBENT": 0x4B47,
    "VT_ACTIVATE": 0x5606,
    "TIOCSTI with bit 32": 0x100005412,
    "TIOCLINUX with bit 33": 0x20000541C,
    "KDSKBSENT": 0x4B49,
}


def on_terminal(view, argv, options, feed=None, seconds=harness.TIMEOUT):
    """Runs on a terminal of its own; returns what came out and the terminal's settings after."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    child = subprocess.Popen(
        [str(word) for word in argv],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lead(theirs),
        cwd=view.project,
        env=harness.clean_environment(TERM="dumb"),
        **options,
    )
    view.world.release(options)
    text, end = b"", time.monotonic() + seconds
    if feed:
        feed(ours, child)
    while time.monotonic() < end:
        ready, _, _ = select.select([ours], [], [], 0.05)
        if ready:
            text += os.read(ours, 65536)
        elif child.poll() is not None:
            break
    child.kill()
    child.wait()
    after = termios.tcgetattr(theirs)
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    ready, _, _ = select.select([theirs], [], [], 0)
    typed = os.read(theirs, 4096) if ready else b""
    os.close(ours)
    os.close(theirs)
    return text.decode("utf-8", "replace"), before == after, typed


def request(number):
    def play(view):
        words = ["ioctl", number]
        if view.inside:
            argv, options = view.world.command(str(view.project / "probe-calls"), *words)
        else:
            argv, options = [view.project / "probe-calls", *words], {}
        text, _, typed = on_terminal(view, argv, options)
        result = text.strip().splitlines()[-1] if text.strip() else "nothing"
        return result + (" and typed" if typed else "")

    return Host(play)


RAW = "import os, sys, termios, time, tty\ntty.setraw(0)\nos.write(1, b'ready')\ntime.sleep(600)\n"


def killed_raw(view):
    """The program is killed while the terminal is raw; who restores it?"""

    def shoot(ours, child):
        seen, end = b"", time.monotonic() + harness.TIMEOUT
        while b"ready" not in seen and time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 1000)
        with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
            for pid in file.read().split() or [child.pid]:
                with contextlib.suppress(ProcessLookupError):  # gone with the first, and reaped
                    os.kill(int(pid), signal.SIGKILL)

    argv, options = (
        view.world.command("python", "-c", RAW)
        if view.inside
        else ([harness.SYSTEM_PYTHON, "-c", RAW], {})
    )
    _, same, _ = on_terminal(view, argv, options, shoot)
    return "restored" if same else "raw"


def is_terminal(view):
    """The same terminal is there, and control of jobs works."""
    code = (
        "import os, sys; print(sys.stdin.isatty(), os.tcgetpgrp(0) == os.getpgrp(),"
        " os.path.exists('/dev/tty'))"
    )
    argv, options = (
        view.world.command("python", "-c", code)
        if view.inside
        else ([harness.SYSTEM_PYTHON, "-c", code], {})
    )
    return on_terminal(view, argv, options)[0].strip()


def console(view):
    """/dev/console is the terminal that the program stands on, or none at all without one."""
    code = (
        "import os\n"
        "try: st = os.stat('/dev/console')\n"
        "except OSError: print('absent')\n"
        "else: print('own' if st.st_rdev == os.fstat(0).st_rdev else 'another')"
    )
    argv, options = (
        view.world.command("python", "-c", code)
        if view.inside
        else ([harness.SYSTEM_PYTHON, "-c", code], {})
    )
    with_one = on_terminal(view, argv, options)[0].strip()
    if not view.inside:
        return [with_one]
    return [with_one, harness.run([view.venv / "bin" / "python", "-c", code]).stdout.strip()]


def odd_program(view):
    """The program's name is the sandboxed project's to choose, the message about it is ours."""
    name = str(view.project / "no\x1b]52;c;eA==\x07\u202e\nsuch")
    if view.inside:
        text = view.world.start(name).stderr
    else:
        text = harness.run([harness.SYSTEM_PYTHON, "-c", f"import sys; sys.exit({name!r})"]).stderr
    if "such" not in text:
        raise harness.Dead("no message names it: " + text)
    lines = len(text.strip().splitlines())
    raw = lines > 1 or any(mark in text for mark in ("\x1b", "\x07", "\u202e"))
    return "raw" if raw else "escaped"


PROBES = [
    *[
        Probe(
            f"TTY-02{letter}",
            name,
            request(number),
            "EPERM",
            ("ok and typed", "EIO") if "TIOCSTI" in name else ANY,
        )
        for letter, (name, number) in zip("abcdefghi", REQUESTS.items(), strict=True)
    ],
    Probe(
        "TTY-03",
        "the terminal is the user's own",
        Host(is_terminal),
        that("a terminal", lambda v: v.startswith("True") and v.endswith("True")),
        that("a terminal", lambda v: v.startswith("True")),
    ),
    Probe(
        "DEV-07",
        "/dev/console: the own terminal, or none",
        Host(console),
        ["own", "absent"],
        that("another or none", lambda v: v != ["own"]),
    ),
    Probe("TTY-06", "killed while the terminal is raw", Host(killed_raw), "restored", "raw"),
    Probe(
        "TTY-09",
        "names with control bytes in the launcher's messages",
        Host(odd_program),
        "escaped",
        "raw",
    ),
]
