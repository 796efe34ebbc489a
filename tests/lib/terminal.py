"""Programs on a pseudo-terminal of their own, driven like expect."""

import codecs
import contextlib
import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from lib.environment import environment
from lib.processes import pids, stat_of, wait_for
from lib.programs import SECONDS, words_of


def lead(terminal, before=None):
    """For preexec_fn: the program leads a session of its own, with this terminal."""

    def prepare():
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        if before:
            before()

    return prepare


class Terminal:
    """A program whose standard streams are a terminal, but for those that the options redirect."""

    def __init__(self, *argv, rows=24, columns=80, **options):
        self.seen = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.fd, theirs = pty.openpty()
        self.resize(rows, columns)
        for name in ("stdin", "stdout", "stderr"):
            options.setdefault(name, theirs)
        options.setdefault("env", environment(TERM="dumb"))
        options["preexec_fn"] = lead(theirs, options.get("preexec_fn"))
        try:
            self.process = subprocess.Popen(words_of(argv), **options)
        except BaseException:
            os.close(self.fd)
            raise
        finally:
            os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode())

    def _read(self, seconds):
        """None: nothing whole came. The empty text: nobody has the terminal open any more."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            return None
        try:
            return self._decode(os.read(self.fd, 65536)) or None
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return ""

    def expect(self, pattern, seconds=SECONDS):
        """Reads until the pattern appears; returns the match and drops what lies before its end."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            text = self._read(end - time.monotonic())
            if text == "" or time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
            self.seen += text or ""

    def rest(self, seconds=SECONDS):
        """Reads until nobody can write any more; returns what came since the last match."""
        end = time.monotonic() + seconds
        while True:
            text = self._read(end - time.monotonic())
            if text == "":
                return self.seen
            self.seen += text or ""
            if time.monotonic() > end:
                raise AssertionError(f"still running after {self.seen!r}")

    def until_end(self, seconds=SECONDS):
        """Reads until the program ends, though others may hold its terminal open; returns all."""
        end = time.monotonic() + seconds
        while True:
            over = self.process.poll() is not None
            text = self._read(0 if over else 0.02)
            if text:
                self.seen += text
            elif text == "":
                self.wait(max(0.1, end - time.monotonic()))
                return self.seen
            elif over:
                return self.seen
            elif time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.process.args, seconds)

    def wait_for_foreground(self, other_than=None):
        """Waits until a group has the terminal and sleeps: then a key is for it, and is noticed."""

        def ready():
            group = os.tcgetpgrp(self.fd)
            states = [
                fields[0] for fields in map(stat_of, pids()) if fields and int(fields[2]) == group
            ]
            return group != other_than and states and set(states) == {"S"}

        if not wait_for(ready):
            raise AssertionError(f"nobody waits for a key after {self.seen!r}")

    def wait_for_stopped_job(self):
        """Waits until a child of the program, which is a shell, is stopped: it tells then."""

        def stopped():
            fields = map(stat_of, pids())
            return any(row[:2] == ["T", str(self.process.pid)] for row in fields)

        if not wait_for(stopped):
            raise AssertionError(f"no job is stopped after {self.seen!r}")

    def wait(self, seconds=SECONDS):
        """Waits for the program; returns its status as subprocess does."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running, wrote {self.seen!r}") from None

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
