"""The interpreters of this machine, and the ways to make a venv with each."""

import functools
import glob
import os
import re
import shutil
import subprocess
import sys

from lib.programs import run
from lib.user import HOME

# The distribution's python3, whatever shims PATH begins with.
SYSTEM_PYTHON = next(
    (path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.access(path, os.X_OK)),
    sys.executable,
)


class Interpreter:
    """One way to make a venv on this machine."""

    def __init__(self, label, path, maker="venv", copies=False):
        self.label, self.path, self.maker, self.copies = label, path, maker, copies

    def __repr__(self):
        return self.label


def _works(path, code="import sys; sys.exit(sys.version_info < (3, 8))"):
    try:
        return run(path, "-I", "-c", code).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _find(name):
    candidates = [shutil.which(name)]
    candidates += glob.glob(f"{HOME}/.pyenv/versions/*/bin/{name}")
    for path in candidates:
        if path and run(path, "--version").returncode == 0:
            return path
    return None


@functools.cache
def find_uv():
    return _find("uv")


@functools.cache
def find_virtualenv():
    return _find("virtualenv")


def _version_key(path):
    return [int(word) for word in re.findall(r"\d+", path.rsplit("/versions/")[-1])]


def _of_pyenv():
    paths = sorted(glob.glob(f"{HOME}/.pyenv/versions/3.*/bin/python3"), key=_version_key)
    if not paths:
        return [], ["pyenv: none in this user's home"]
    found, left_out = [], []
    for path in paths:
        version = path.split("/versions/")[1].split("/")[0]
        if _works(path):
            found.append(Interpreter("pyenv " + version, path))
        else:
            left_out.append(f"pyenv {version}: older than 3.8 or broken")
    return found, left_out


def _of_virtualenv():
    if not find_virtualenv():
        return [], ["virtualenv: not installed for this user"]
    return [
        Interpreter("virtualenv", SYSTEM_PYTHON, maker="virtualenv"),
        Interpreter("virtualenv --copies", SYSTEM_PYTHON, maker="virtualenv", copies=True),
    ], []


def _of_uv():
    managed = sorted(glob.glob(f"{HOME}/.local/share/uv/python/*/bin/python3"))
    found = [Interpreter("uv-managed " + path.split("/")[-3], path) for path in managed]
    left_out = [] if managed else ["uv-managed: none in this user's home"]
    if not find_uv():
        return found, [*left_out, "uv: not installed for this user"]
    found.append(Interpreter("uv venv", SYSTEM_PYTHON, maker="uv"))
    found += [
        Interpreter("uv venv, " + path.split("/")[-3], path, maker="uv") for path in managed[:1]
    ]
    return found, left_out


@functools.cache
def interpreters():
    """The usable interpreters; what is left out is printed once, with its reason."""
    found = [
        Interpreter("system", SYSTEM_PYTHON),
        Interpreter("system --copies", SYSTEM_PYTHON, copies=True),
    ]
    for more, left_out in (_of_pyenv(), _of_virtualenv(), _of_uv()):
        found += more
        for reason in left_out:
            print("left out: " + reason, file=sys.stderr)
    return found
