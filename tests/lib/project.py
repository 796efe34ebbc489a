"""A project with a venv, wrapped or not, and the ways to run programs of it."""

import json
import os
import pathlib
import subprocess
import tempfile

from lib import venvs
from lib.environment import environment
from lib.interpreters import Interpreter
from lib.programs import Failed, run, tool, words_of
from lib.trees import remove_tree
from lib.user import HOME


class Project:
    """A project directory with a virtual environment, and the way to run programs in both views.

    By default it lies in a temporary directory outside the home directory; home=True puts it into a
    fresh directory of the real one. `name` may hold blanks and slashes. `env` is what commands of
    the tool are run with, else what the caller has by then. Use as a context manager, or call
    close().
    """

    def __init__(self, home=False, name="project", top=None, prefix="svenv-test-", env=None):
        self._own_top = top is None
        if top is None:
            top = tempfile.mkdtemp(prefix=prefix, dir=HOME if home else None)
        self.top = pathlib.Path(os.path.realpath(top))
        self.path = self.top / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.env_dir = self.path / ".venv"
        self.env = env
        self._wrapped = []
        self._twins = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for env_dir in self._wrapped:
            if (env_dir / "sandbox").exists():
                self.tool("unwrap", env_dir, "--purge")
        for other in self._twins:
            other.close()
        remove_tree(self.top if self._own_top else self.path)

    # Files

    def write(self, name, text, mode=None):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if mode is not None:
            path.chmod(mode)
        return path

    def script(self, name, body, shebang=None):
        """Writes a console script into the venv's bin as an installer would; returns its path."""
        python = self.env_dir / "bin" / "python"
        line = f"#!{python}" if shebang is None else shebang
        if shebang is None and (len(line) > 127 or " " in line):
            line = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"
        path = self.env_dir / "bin" / name
        path.write_text(f"{line}\n{body}")
        path.chmod(0o755)
        return path

    def policy(self, text, env_dir=None):
        """Replaces the wrapped venv's policy by `version: 1` and text."""
        path = (env_dir or self.env_dir) / "sandbox" / "policy.yaml"
        path.write_text("version: 1\n" + text)
        return path

    def own_state(self):
        """The caller's environment, with a state directory of this project's own."""
        return environment(XDG_STATE_HOME=self.top / "state")

    @property
    def site_packages(self):
        return venvs.site_packages(self.env_dir)

    @property
    def manifest(self):
        return json.loads((self.env_dir / "sandbox" / "manifest.json").read_text())

    # The venv

    def venv(self, interpreter=None, name=".venv", **options):
        """Makes a venv with the given interpreter (or Interpreter), unwrapped."""
        self.env_dir = self.path / name
        if isinstance(interpreter, Interpreter):
            options.update(copies=interpreter.copies, maker=interpreter.maker)
            interpreter = interpreter.path
        venvs.make(self.env_dir, interpreter, **options)
        return self

    def tool(self, *words, **options):
        if self.env is not None:
            options.setdefault("env", self.env)
        return tool(*words, **options)

    def wrap(self, *args, check=True, env_dir=None, **options):
        """Wraps the venv: `sandbox-venv wrap VENV ARGS`."""
        self.will_be_wrapped(env_dir)
        return self.tool("wrap", env_dir or self.env_dir, *args, check=check, **options)

    def will_be_wrapped(self, env_dir=None):
        """The test wraps a venv by itself: it is unwrapped all the same."""
        self._wrapped.append(env_dir or self.env_dir)

    def unwrap(self, *args, check=True, **options):
        return self.tool("unwrap", self.env_dir, *args, check=check, **options)

    def twin(self, name=None, **venv_options):
        """A native project beside this one with its own unwrapped venv, for comparisons.

        Its name is as long as this one's, so that lengths of lines don't differ."""
        if name is None:
            last = self.path.name
            name = str(self.path.relative_to(self.top).parent / ("n" * len(last)))
        other = Project(top=self.top, name=name)
        other.venv(**venv_options)
        self._twins.append(other)
        return other

    # Programs

    def bin(self, name="python"):
        return str(self.env_dir / "bin" / name)

    def _argv(self, name, *words):
        name = str(name)
        return words_of([name if "/" in name else self.bin(name), *words])

    def run(self, *argv, **options):
        """Runs a program of the venv by name (or any path), in the project unless cwd is given."""
        options.setdefault("cwd", str(self.path))
        return run(self._argv(*argv), **options)

    def python(self, *args, **options):
        return self.run("python", *args, **options)

    def code(self, text, *args, **options):
        """Runs `python -c text args`."""
        return self.python("-c", text, *args, **options)

    def value(self, text, *args, **options):
        """Runs code that prints one JSON value; returns it, and insists on a clean run."""
        done = self.code(text, *args, **options)
        if done.returncode != 0 or done.stderr:
            raise Failed(f"status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout)

    def spawn(self, *argv, **options):
        """Starts a program of the venv and returns the Popen, which the test must end."""
        options.setdefault("cwd", str(self.path))
        options.setdefault("env", environment())
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self._argv(*argv), **options)
