"""The making of venvs, unwrapped."""

import atexit
import functools
import os
import pathlib
import shutil
import tempfile

from lib.environment import environment
from lib.interpreters import SYSTEM_PYTHON, find_uv, find_virtualenv
from lib.programs import run
from lib.trees import remove_tree


def _run(*argv):
    run(*argv, check=True, env=environment(PYTHONPATH=None, PYTHONHOME=None, VIRTUAL_ENV=None))


def _by_venv(path, python, flags, pip):
    flags = flags if pip else [*flags, "--without-pip"]
    _run(python, "-m", "venv", *flags, path)


@functools.cache
def _with_pip(name):
    """One venv that ensurepip filled, for all of that name: filling one takes seconds."""
    top = pathlib.Path(os.path.realpath(tempfile.mkdtemp(prefix="svenv-test-")))
    atexit.register(remove_tree, top)
    _by_venv(top / name, SYSTEM_PYTHON, [], True)
    return top / name


def _copy(path):
    """Makes what ensurepip would have made, but for the sums of pip's scripts, which pip never
    looks at: the texts that name the place get the new one."""
    original = _with_pip(path.name)
    shutil.copytree(original, path, symlinks=True)
    for file in [path / "pyvenv.cfg", *(path / "bin").iterdir()]:
        if not file.is_symlink():
            data = file.read_bytes()
            file.write_bytes(data.replace(os.fsencode(original), os.fsencode(path)))


def site_packages(path):
    return next(path.glob("lib/python3*/site-packages"))


def make(path, python=None, pip=False, maker="venv", copies=False, symlinks=False):
    """Makes a venv at path; of uv's there is no choice but the interpreter."""
    path, python = pathlib.Path(path), python or SYSTEM_PYTHON
    flags = (["--copies"] if copies else []) + (["--symlinks"] if symlinks else [])
    if maker == "venv" and pip and python == SYSTEM_PYTHON and not flags and not path.exists():
        _copy(path)
    elif maker == "venv":
        _by_venv(path, python, flags, pip)
    elif maker == "virtualenv":
        flags += [] if pip else ["--no-pip", "--no-setuptools", "--no-wheel"]
        _run(find_virtualenv(), "-q", *flags, "-p", python, path)
    else:
        _run(find_uv(), "venv", "-q", "--offline", "-p", python, path)
