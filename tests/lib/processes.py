"""Processes as the host sees them, and waiting for what they do."""

import contextlib
import os
import pathlib
import time


def wait_for(question, seconds=60.0, step=0.02):
    """Asks until the answer is true; returns it, or the last answer when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step)


def pids():
    """All that there are, as the names that they have in /proc."""
    return filter(str.isdigit, os.listdir("/proc"))


def stat_of(pid):
    """The fields of /proc/PID/stat after the name: state, parent, group, ...; none when there is
    no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def alive(pid):
    """Says whether a process exists and can still run: neither a zombie nor one that has given up
    its memory. A namespace's first process waits like that, with nothing left to run, until all of
    it are reaped, and in a container without an init nobody does that."""
    fields = stat_of(pid)
    return bool(fields) and fields[0] not in "ZX" and fields[20] != "0"


def descendants(pid):
    """Every living process below pid."""
    children = {}
    for entry in pids():
        fields = stat_of(entry)
        if fields and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def is_inside(pid):
    """Says whether a process is in a sandbox, and no helper of ours outside."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return len(line.split()) > 2
    return False


def mentioning(word):
    """Living processes whose command line has a word: ours alone where the run made it up."""
    found = []
    for entry in pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if os.fsencode(word) in pathlib.Path(f"/proc/{entry}/cmdline").read_bytes():
                found.append(int(entry))
    return list(filter(alive, found))
