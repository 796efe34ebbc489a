"""The world of a start with a fault: a wrapped venv whose entries are witnesses, and a look around.

SVENV_FAULTS names the directory of the built helpers. Nothing outside a world's own temporary
directory is made, but for what the tool makes for its venv.
"""

import dataclasses
import glob
import os
import pathlib
import secrets
import select
import shutil
import socket
import stat
import subprocess
import time

from lib.environment import clean_environment
from lib.installed import TOOL
from lib.processes import descendants, mentioning
from lib.programs import SECONDS, must, run, words_of
from lib.project import Project

HELPERS = pathlib.Path(os.environ.get("SVENV_FAULTS", "."))
INJECT, WITHOUT, WITNESS = (HELPERS / f"faults-{name}" for name in ("inject", "without", "witness"))
FULL = os.environ.get("SVENV_FAULTS_FULL") == "1"  # by hand: everything, for many minutes

# Files that starts are to write: our log, theirs, the made /etc, times of a project in order, the
# lock of the guards, which only a start that lasts makes, and installers' lists: unfinished().
OF_STARTS = {"log", "state", "etc", "seen", "watching", "installing"}


@dataclasses.dataclass
class Outcome:
    """The result of one start."""

    status: int
    seen: list  # what the program says of its sandbox; [] when it never ran
    first: list  # what /proc says of the sandbox's pid 1
    errors: list  # lines on stderr
    log: list  # the injector's lines, as words

    @property
    def ran(self):
        return bool(self.seen)

    @property
    def injected(self):
        return any(words[0] == "injected" for words in self.log)

    @property
    def late(self):
        """The program ran already when the call failed."""
        return ["injected", "late"] in self.log


def pid_one(root):
    """The lines about the sandbox's pid 1, below a process of ours, that tell what it can do."""
    wanted = ("Uid", "Gid", "Cap", "NoNewPrivs", "SigIgn")
    for pid in descendants(root):
        try:
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        inside = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
        if len(inside) > 1 and inside[-1] == "1":
            return [line for line in lines if line.startswith(wanted)]
    return []


class World:
    def __init__(self, policy="", missing=None):
        """policy: lines of the venv's policy. missing: wrapped on a kernel that lacks these."""
        self._made = Project(prefix="svenv-faults-")
        self.top, self.project, self.venv = self._made.top, self._made.path, self._made.env_dir
        self.env = self._made.env = clean_environment(
            LC_ALL="C.UTF-8", XDG_STATE_HOME=self.top / "state"
        )
        self.socket = "svenv-faults-" + secrets.token_hex(8)
        self.id = "none yet"
        self.outside = self.top / "outside"
        self.outside.touch()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("\0" + self.socket)
        self.listener.listen(8)
        self.listener.setblocking(False)
        try:
            self._build(policy, missing)
        except BaseException:
            self.close()
            raise

    def _build(self, policy, missing):
        (self.project / ".git").mkdir(parents=True)
        (self.project / ".env").write_text("FROM_DOTENV=yes\n")
        self._made.venv()
        for name in ("witness", "pip"):
            shutil.copy(WITNESS, self.venv / "bin" / name)
            os.chmod(self.venv / "bin" / name, 0o755)
        if policy:
            (self.top / "policy.yaml").write_text("version: 1\n" + policy)
        self._made.will_be_wrapped()
        self.wrapped = self.tool(
            "wrap",
            self.venv,
            *(["--policy", self.top / "policy.yaml"] if policy else []),
            missing=missing,
        )
        if missing is None and self.wrapped.returncode != 0:
            raise RuntimeError("cannot wrap: " + self.wrapped.stderr)
        if self.wrapped.returncode == 0:
            self.id = self._made.manifest["id"]

    def tool(self, *words, missing=None):
        """The command itself, on a kernel that lacks calls."""
        return run([*without(missing), TOOL, *words], env=self.env, cwd=self.project)

    def close(self):
        self.listener.close()
        self._made.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, entry="witness", words=(), fault=None, missing=None):
        """One start of an entry, traced when there is a fault (or "count"), on a kernel that lacks
        the calls in `missing`."""
        argv = [*without(missing), self.venv / "bin" / entry, *words, self.socket]
        log = self.top / "log"
        log.unlink(missing_ok=True)
        if fault:
            real = self.venv / "sandbox" / "bin" / entry
            place = [] if fault == "count" else fault.options()
            argv = [INJECT, "-o", log, "-w", real, *place, "--", *argv]
        seen, first, errors, status = self._follow(argv)
        lines = log.read_text().splitlines() if log.exists() else []
        return Outcome(status, self._plain(seen), first, errors, [line.split() for line in lines])

    def _follow(self, argv):
        """A directory and a socket that must not get in are open in the caller, and a file that
        may."""
        pair = socket.socketpair()
        extra = [os.open("/", os.O_RDONLY), pair[0].fileno(), os.open(self.outside, os.O_RDONLY)]
        with subprocess.Popen(
            words_of(argv),
            cwd=self.project,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=extra,
        ) as process:
            try:
                said = read_until_end(process.stdout)
                first = pid_one(process.pid) if said else []
                out, err = process.communicate(timeout=SECONDS)
            except BaseException:
                process.kill()
                raise
            finally:
                os.close(extra[0])
                os.close(extra[2])
                for end in pair:
                    end.close()
                self._drain()
        return (
            (said + out).decode().splitlines(),
            first,
            err.decode("utf-8", "replace").splitlines(),
            process.returncode,
        )

    def _drain(self):
        while True:
            try:
                self.listener.accept()[0].close()
            except BlockingIOError:
                return

    def _plain(self, lines):
        """The common parts of two worlds: numbers of namespaces say only whether they are the
        host's, and where the world lies does not matter."""
        found = []
        for said in lines:
            line = said.replace(str(self.top), "TOP").replace(self.id, "ID")
            if line.startswith("namespace "):
                _, kind, link = line.split()
                line = f"namespace {kind} " + (
                    "host" if link == os.readlink(f"/proc/self/ns/{kind}") else "own"
                )
            found.append(line)
        return found

    def state(self):
        """Files that starts keep or bring back: both sides of bin, the made /etc, and
        what the manifest says but for times."""
        found = {
            f"manifest {key} {value}"
            for key, value in self._made.manifest.items()
            if not key.endswith("mtime") and key != "id"
        }
        for name in ("bin", "sandbox/bin", "sandbox/etc"):
            found |= {
                f"{os.path.relpath(path, self.venv)} {describe(path)}"
                for path in files_below(self.venv / name, ())
            }
        return {line.replace(str(self.top), "TOP") for line in found}

    def left_behind(self, before):
        """New files, mounts and processes."""
        return sorted(self.surroundings() - before)

    def unfinished(self):
        """Installers whose end was not looked at: the next start is to do that."""
        lists = self.venv / "sandbox" / "installing"
        return sorted(lists.iterdir()) if lists.exists() else []

    def surroundings(self):
        found = set(files_below(self.top, OF_STARTS))
        for base in ("/tmp", "/var/tmp", "/dev/shm"):
            found |= set(glob.glob(f"{base}/sandbox-venv-{self.id}*"))
        found |= {
            line
            for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
            if str(self.top) in line or "sandbox-venv" in line
        }
        found |= {f"process {pid}" for pid in mentioning(self.venv)}
        return found


def without(missing):
    """The words before a command that is to lack calls; None: nothing, not even a filter."""
    return [] if missing is None else [WITHOUT, *missing, "--"]


def describe(path):
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        return "-> " + os.readlink(path)
    return f"{info.st_mode:o} {'' if stat.S_ISDIR(info.st_mode) else info.st_size}"


def files_below(top, left_out):
    for entry in os.scandir(top):
        if entry.name not in left_out:
            yield entry.path
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path, left_out)


def read_until_end(stream):
    """The witness's words before it waits for the end of its input."""
    said = b""
    deadline = time.monotonic() + SECONDS
    while not said.endswith(b"\nend\n"):
        ready, _, _ = select.select([stream], [], [], deadline - time.monotonic())
        piece = os.read(stream.fileno(), 1 << 16) if ready else b""
        if not piece:
            break
        said += piece
    return said


@dataclasses.dataclass(frozen=True)
class Fault:
    """One system call of one process fails. error: a number, or "kill"."""

    process: str
    generation: int
    number: int
    nth: int
    error: object

    def options(self):
        return [
            "-p",
            self.process,
            "-g",
            str(self.generation),
            "-s",
            str(self.number),
            "-n",
            str(self.nth),
            "-e",
            str(self.error),
        ]


def call_names():
    """System calls by number."""
    pairs = (line.split() for line in must([WITHOUT, "--names"]).stdout.splitlines())
    return {int(number): name for number, name in pairs}
