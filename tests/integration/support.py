"""What the integration suites share: projects, wrapped and native venvs, terminals, interpreters.

SVENV_PREFIX names the installed prefix. SVENV_MUST_WORK=1 turns skips into failures, but for what
this user cannot have at all. Every program that a test starts has a time limit.
"""

import contextlib
import errno
import fcntl
import functools
import glob
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PREFIX = pathlib.Path(os.environ.get("SVENV_PREFIX", "/usr/local"))
TOOL = str(PREFIX / "bin" / "sandbox-venv")
MUST_WORK = os.environ.get("SVENV_MUST_WORK") == "1"
TIMEOUT = 60
HOME = pwd.getpwuid(os.getuid()).pw_dir
AS_ROOT = os.getuid() == 0

# Names of the tool itself that must not leak from the caller into a test.
STEERING = ("BWRAP_ARGS", "SANDBOX_SECCOMP_ALLOW", "SANDBOX_USE_PIP_CACHE", "VERBOSE")


def skip(reason):
    """Skips the running test; a failure where everything has to work."""
    if MUST_WORK:
        raise AssertionError("must work here: " + reason)
    raise unittest.SkipTest(reason)


def impossible(reason):
    """Skips what this user or machine cannot have, whatever SVENV_MUST_WORK says."""
    raise unittest.SkipTest(reason)


def environment(**changes):
    """The caller's environment without what steers the tool; None removes a name."""
    env = {name: value for name, value in os.environ.items() if name not in STEERING}
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


def run(*argv, check=False, timeout=TIMEOUT, **options):
    """Runs argv; returns the CompletedProcess, with text output captured unless told otherwise."""
    if "stdout" not in options and "capture_output" not in options:
        options.setdefault("stdout", subprocess.PIPE)
    if "stderr" not in options and not options.get("capture_output"):
        options["stderr"] = subprocess.PIPE
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    if not options.pop("binary", False):
        options.setdefault("text", True)
    options.setdefault("env", environment())
    done = subprocess.run([str(word) for word in argv], timeout=timeout, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(
            f"{argv} gave {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
        )
    return done


def tool(*args, **options):
    """Runs sandbox-venv itself."""
    return run(TOOL, *args, **options)


def wait_for(question, seconds=10.0, step=0.02):
    """Asks until the answer is true; returns it, or the last answer when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step)


def alive(pid):
    """Says whether a process exists and can still run: neither a zombie nor one that has given up
    its memory. A namespace's first process waits like that, with nothing left to run, until all of
    it are reaped, and in a container without an init nobody does that."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    fields = text.rpartition(")")[2].split()
    return fields[0] not in "ZX" and fields[20] != "0"


def descendants(pid):
    """Every living process below pid, as the host sees them."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{entry}/stat").read_text()
            fields = text.rpartition(")")[2].split()
            if fields[0] not in "ZX":
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def remove_tree(path):
    """Deletes a tree even where a test took the owner's permissions away."""

    def again(function, name, _):
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(name), stat.S_IRWXU)
            os.chmod(name, stat.S_IRWXU)
            function(name)

    shutil.rmtree(path, onerror=again)


class Project:
    """A project directory with a virtual environment, and the way to run programs in both views.

    By default it lies in a temporary directory outside the home directory; home=True puts it into a
    fresh directory of the real one. `name` may hold blanks and slashes. Use as a context manager,
    or call close().
    """

    def __init__(self, home=False, name="project", top=None):
        self._own_top = top is None
        if top is None:
            if home:
                top = tempfile.mkdtemp(prefix="svenv-test-", dir=HOME)
            else:
                top = tempfile.mkdtemp(prefix="svenv-test-")
        self.top = pathlib.Path(os.path.realpath(top))
        self.path = self.top / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.env_dir = self.path / ".venv"
        self._wrapped = []
        self._twins = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for env_dir in self._wrapped:
            if (env_dir / "sandbox").exists():
                tool("unwrap", env_dir, "--purge")
        for other in self._twins:
            other.close()
        remove_tree(self.top if self._own_top else self.path)

    # Files

    def write(self, name, text, mode=None):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)
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

    # The venv

    def venv(self, interpreter=None, name=".venv", copies=False, symlinks=False, pip=False,
             maker="venv"):
        """Makes a venv with the given interpreter (or Interpreter), unwrapped."""
        self.env_dir = self.path / name
        if isinstance(interpreter, Interpreter):
            interpreter, copies, maker = interpreter.path, interpreter.copies, interpreter.maker
        python = str(interpreter or system_python())
        env = environment(PYTHONPATH=None, PYTHONHOME=None, VIRTUAL_ENV=None)
        if maker == "venv":
            flags = ["--copies"] if copies else (["--symlinks"] if symlinks else [])
            flags += [] if pip else ["--without-pip"]
            run(python, "-m", "venv", *flags, self.env_dir, check=True, env=env)
        elif maker == "virtualenv":
            flags = ["--copies"] if copies else []
            flags += [] if pip else ["--no-pip", "--no-setuptools", "--no-wheel"]
            run(find_virtualenv(), "-q", *flags, "-p", python, self.env_dir, check=True, env=env)
        else:
            run(find_uv(), "venv", "-q", "--offline", "-p", python, self.env_dir, check=True,
                env=env)
        return self

    def wrap(self, *args, check=True, env_dir=None, **options):
        """Wraps the venv: `sandbox-venv wrap VENV ARGS`."""
        env_dir = env_dir or self.env_dir
        self._wrapped.append(env_dir)
        return tool("wrap", env_dir, *args, check=check, **options)

    def unwrap(self, *args, check=True, **options):
        return tool("unwrap", self.env_dir, *args, check=check, **options)

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

    def bin(self, name="python"):
        return str(self.env_dir / "bin" / name)

    def run(self, *argv, **options):
        """Runs a program of the venv by name (or any path), in the project unless cwd is given."""
        first = str(argv[0])
        first = first if "/" in first else self.bin(first)
        options.setdefault("cwd", str(self.path))
        return run(first, *argv[1:], **options)

    def python(self, *args, **options):
        return self.run("python", *args, **options)

    def code(self, text, *args, **options):
        """Runs `python -c text args`."""
        return self.python("-c", text, *args, **options)

    def value(self, text, *args, **options):
        """Runs code that prints one JSON value; returns it, and insists on a clean run."""
        done = self.code(text, *args, **options)
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout)

    def spawn(self, *argv, **options):
        """Starts a program of the venv and returns the Popen, which the test must end."""
        first = str(argv[0])
        first = first if "/" in first else self.bin(first)
        options.setdefault("cwd", str(self.path))
        options.setdefault("env", environment())
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([first, *[str(word) for word in argv[1:]]], **options)


class Case(unittest.TestCase):
    """A test case with the assertions that every suite needs."""

    maxDiff = None

    def project(self, **options):
        project = Project(**options)
        self.addCleanup(project.close)
        return project

    def wrapped(self, *wrap_args, policy=None, interpreter=None, pip=False, **options):
        """A project with a wrapped venv of the system's python."""
        project = self.project(**options)
        project.venv(interpreter, pip=pip)
        project.wrap(*wrap_args)
        if policy is not None:
            project.policy(policy)
        return project

    def assert_quiet(self, done):
        """The program's stderr carries nothing of ours."""
        text = done.stderr if isinstance(done.stderr, str) else (done.stderr or b"").decode()
        self.assertNotIn("sandbox-venv", text)

    def assert_clean(self, done):
        """Status 0 and an empty stderr."""
        self.assertEqual((done.returncode, done.stderr or ""), (0, ""), done.stdout)

    def assert_refused(self, done, status=125, saying=None):
        """Nothing ran: our status, and one line of ours on stderr."""
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("sandbox-venv: "), done.stderr)
        if saying is not None:
            self.assertIn(saying, lines[0])

    def assert_same(self, wrapped, native, project, twin):
        """Two runs that differ in nothing but the project's path (and its name in other paths)."""

        def plain(value):
            if isinstance(value, str):
                value = value.replace(str(twin.path), str(project.path))
                return value.replace(twin.path.name, project.path.name)
            if isinstance(value, list):
                return [plain(item) for item in value]
            if isinstance(value, dict):
                return {plain(name): plain(item) for name, item in value.items()}
            return value

        def told(done):
            try:
                text = json.loads(done.stdout)
            except (ValueError, TypeError):
                text = done.stdout
            return plain([done.returncode, text, done.stderr])

        ours, theirs = told(wrapped), told(native)
        if isinstance(ours[1], dict) and isinstance(theirs[1], dict):
            names = [name for name in theirs[1] if ours[1].get(name) != theirs[1][name]]
            ours[1] = {name: ours[1].get(name) for name in names}
            theirs[1] = {name: theirs[1][name] for name in names}
        self.assertEqual(ours, theirs)


class Terminal:
    """A program on a pseudo-terminal of its own, driven like expect."""

    def __init__(self, *argv, cwd=None, env=None, rows=24, columns=80):
        self.seen = ""
        self.status = None
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            try:
                if cwd is not None:
                    os.chdir(cwd)
                words = [str(word) for word in argv]
                os.execvpe(words[0], words, env or environment(TERM="dumb"))
            finally:
                os._exit(127)
        self.resize(rows, columns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode())

    def _read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            return None
        try:
            return os.read(self.fd, 65536).decode(errors="replace")
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return ""

    def expect(self, pattern, seconds=15.0):
        """Reads until the pattern appears; returns the match and drops what lies before its end."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            text = self._read(end - time.monotonic())
            if not text:
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
            self.seen += text

    def rest(self, seconds=15.0):
        """Reads to the end of the program and returns what it wrote since the last match."""
        end = time.monotonic() + seconds
        while True:
            text = self._read(end - time.monotonic())
            if text is None:
                raise AssertionError(f"still running after {self.seen!r}")
            if text == "":
                return self.seen
            self.seen += text

    def wait(self, seconds=15.0):
        """Waits for the program; returns the waitpid status."""

        def ended():
            if self.status is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.status = status
            return self.status is not None

        if not wait_for(ended, seconds):
            raise AssertionError(f"still running, wrote {self.seen!r}")
        return self.status

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.status is None:
            with contextlib.suppress(AssertionError):
                self.wait(1.0)
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class Interpreter:
    """One way to make a venv on this machine."""

    def __init__(self, label, path, maker="venv", copies=False):
        self.label, self.path, self.maker, self.copies = label, path, maker, copies

    def __repr__(self):
        return self.label


def system_python():
    """The distribution's python3, whatever shims PATH begins with."""
    for path in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if os.access(path, os.X_OK):
            return path
    return sys.executable


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


@functools.lru_cache(maxsize=None)
def find_uv():
    return _find("uv")


@functools.lru_cache(maxsize=None)
def find_virtualenv():
    return _find("virtualenv")


def _version_key(path):
    return [int(word) for word in re.findall(r"\d+", path.rsplit("/versions/")[-1])]


@functools.lru_cache(maxsize=None)
def survey():
    """Every interpreter of the machine: the usable ones, and why the others are left out."""
    found, left_out = [], []
    system = system_python()
    found.append(Interpreter("system", system))
    found.append(Interpreter("system --copies", system, copies=True))
    pyenv = sorted(glob.glob(f"{HOME}/.pyenv/versions/3.*/bin/python3"), key=_version_key)
    if not pyenv:
        left_out.append("pyenv: none in this user's home")
    for path in pyenv:
        version = path.split("/versions/")[1].split("/")[0]
        if _works(path):
            found.append(Interpreter("pyenv " + version, path))
        else:
            left_out.append(f"pyenv {version}: older than 3.8 or broken")
    managed = sorted(glob.glob(f"{HOME}/.local/share/uv/python/*/bin/python3"))
    if not managed:
        left_out.append("uv-managed: none in this user's home")
    for path in managed:
        found.append(Interpreter("uv-managed " + path.split("/")[-3], path))
    if find_virtualenv():
        found.append(Interpreter("virtualenv", system, maker="virtualenv"))
        found.append(Interpreter("virtualenv --copies", system, maker="virtualenv", copies=True))
    else:
        left_out.append("virtualenv: not installed for this user")
    if find_uv():
        found.append(Interpreter("uv venv", system, maker="uv"))
        found += [Interpreter("uv venv, " + path.split("/")[-3], path, maker="uv")
                  for path in managed[:1]]
    else:
        left_out.append("uv: not installed for this user")
    return found, left_out


@functools.lru_cache(maxsize=None)
def interpreters():
    """The usable interpreters; what is left out is printed once, with its reason."""
    found, left_out = survey()
    for reason in left_out:
        print("left out: " + reason, file=sys.stderr)
    return found
