"""Starting programs with as little cost of our own as there can be, the same for every side."""

import os
import select
import statistics
import time

from lib.processes import descendants

WAIT = 30  # seconds for what takes one at the most
FILTER_FD = 9  # where bubblewrap finds the system call filter


class CannotRun(Exception):
    """A program that is to be measured does not do what it should."""


class Command:
    """A program to be started: an absolute path, arguments, and what lies on FILTER_FD."""

    def __init__(self, argv, filter_path="/dev/null", cwd="/"):
        self.argv = [os.fspath(word) for word in argv]
        self.cwd = cwd
        # Every side gets the same work, also the one that has no use for a filter.
        self._filter = (os.POSIX_SPAWN_OPEN, FILTER_FD, filter_path, os.O_RDONLY, 0)

    def spawn(self, env, stdin=None, stdout=None):
        """Starts it; standard input and output are /dev/null or the descriptors given."""
        actions = [self._filter]
        for fd, given, mode in ((0, stdin, os.O_RDONLY), (1, stdout, os.O_WRONLY)):
            if given is None:
                actions.append((os.POSIX_SPAWN_OPEN, fd, "/dev/null", mode, 0))
            else:
                actions.append((os.POSIX_SPAWN_DUP2, given, fd))
        return os.posix_spawn(self.argv[0], self.argv, env, file_actions=actions)

    def run(self, env):
        """Runs it to its end; returns the seconds it took."""
        begin = time.perf_counter_ns()
        pid = self.spawn(env)
        _, status = os.waitpid(pid, 0)
        took = time.perf_counter_ns() - begin
        if status != 0:
            raise CannotRun(f"{self.argv[0]} gave wait status {status}: {' '.join(self.argv[1:])}")
        return took / 1e9


def edges(command, env):
    """Runs what prints its time; returns the seconds before that and after it."""
    read, write = os.pipe()
    begin = time.perf_counter_ns()
    pid = command.spawn(env, stdout=write)
    _, status = os.waitpid(pid, 0)
    end = time.perf_counter_ns()
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    if status != 0 or not text.strip().isdigit():
        raise CannotRun(f"{command.argv[0]} gave wait status {status} and said: {text}")
    return (int(text) - begin) / 1e9, (end - int(text)) / 1e9


def interleaved(sides, rounds, body):
    """Medians of body(side) for each side, in turns; every other round in the opposite order, so
    that what comes before a side is not always the same."""
    taken = {name: [] for name in sides}
    for turn in range(rounds):
        names = list(sides)
        if turn % 2:
            names.reverse()
        for name in names:
            taken[name].append(body(sides[name]))
    return {name: statistics.median(values) for name, values in taken.items()}


def starts(sides, rounds, env):
    """Median seconds of a start of each Command."""
    for side in sides.values():  # what only the first start does is not in question here
        for _ in range(3):
            side.run(env)
    return interleaved(sides, rounds, lambda side: side.run(env))


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _kilobytes(pid, file, field):
    for line in _text(f"/proc/{pid}/{file}").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return None


def resident(command, program, env):
    """Starts command, waits until `program` runs below it, and sums what the others hold in memory.

    Returns (kilobytes resident, kilobytes in proportion or None)."""
    pid = command.spawn(env)
    try:
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            family = [pid, *descendants(pid)]
            if any(_text(f"/proc/{one}/comm").strip() == program for one in family):
                break
            time.sleep(0.01)
        else:
            raise CannotRun(f"{command.argv[0]} never started {program}")
        time.sleep(0.5)  # what watches the project beside a program is there by then
        ours = [
            one for one in [pid, *descendants(pid)] if _text(f"/proc/{one}/comm").strip() != program
        ]
        rss = [_kilobytes(one, "status", "VmRSS") for one in ours]
        pss = [_kilobytes(one, "smaps_rollup", "Pss") for one in ours]
        if not ours or None in rss:
            raise CannotRun(f"cannot read the memory of {command.argv[0]}")
        return sum(rss), None if None in pss else sum(pss)
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)


def many_at_once(command, count, env):
    """Starts `count` that print a line and wait for the end of their input; returns how many per
    second were running, all at the same time, when the last line had come."""
    hold_read, hold = os.pipe()
    lines, said = os.pipe()
    pids = []
    try:
        begin = time.perf_counter()
        pids = [command.spawn(env, stdin=hold_read, stdout=said) for _ in range(count)]
        os.close(said)
        said = -1
        seen = 0
        while seen < count:
            ready, _, _ = select.select([lines], [], [], WAIT)
            data = os.read(lines, 4096) if ready else b""
            if not data:
                raise CannotRun(f"only {seen} of {count} started: {command.argv[0]}")
            seen += data.count(b"\n")
        return count / (time.perf_counter() - begin)
    finally:
        for fd in (hold_read, hold, lines, said):
            if fd >= 0:
                os.close(fd)
        for pid in pids:
            os.waitpid(pid, 0)
