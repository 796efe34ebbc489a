"""Code that the probes share: the world that they attack, and how one is run and judged.

SVENV_PROBE_CALLS and SVENV_PROBE_PLAN_EDIT name the two built helpers; with SVENV_PROBE_TERMINAL=1
programs that a probe starts to their end stand on a terminal. A world is a project with a wrapped
venv and canaries around it; everything that it makes outside its own temporary directory it removes
again, and nothing that it did not make is opened. The groups take names of tests/lib from here.
"""

import contextlib
import dataclasses
import inspect
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import textwrap
import time

from starts import TERMINAL, play

from lib.environment import clean_environment
from lib.installed import LAUNCHER, PREFIX, TOOL
from lib.interpreters import SYSTEM_PYTHON
from lib.programs import SECONDS as TIMEOUT
from lib.programs import Failed as Dead
from lib.programs import must, words_of
from lib.programs import run_clean as run
from lib.project import Project
from lib.skips import must_work
from lib.trees import remove_tree
from lib.user import AS_ROOT, HOME
from lib.user import NAME as USER

HERE = pathlib.Path(__file__).resolve().parent
BUILT = pathlib.Path(os.environ.get("SVENV_BUILD_ROOT", "build")).absolute() / "tests/probes"
CALLS = os.environ.get("SVENV_PROBE_CALLS", str(BUILT / "probe-calls"))
PLAN_EDIT = os.environ.get("SVENV_PROBE_PLAN_EDIT", str(BUILT / "probe-plan-edit"))


# Of a world's project: what they lead to is there, or need not be.
LINKS = {
    "forms/link/HEAD": "refs/heads/main",
    "forms/links/objects": "../link/objects",
    "forms/links/refs": "../link/refs",
}
# Repositories that lead git to files beside their own.
LED_BY = {
    "hooks": "[core]\n\thooksPath = .githooks\n",
    "include": "[include]\n\tpath = ../shared/gitconfig\n",
    "link": "",
    "chain": "",
    "absent": "[core]\n\tfsmonitor = ./tools/watch\n",
    "filter": '[filter "x"]\n\tclean = sh tools/clean.sh\n',
}
LEADS = {
    **{
        f"leads/{name}/{part}": text
        for name, config in LED_BY.items()
        for part, text in (
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".git/objects/info/.keep", ""),
            (".git/refs/heads/.keep", ""),
            (".git/config", "[core]\n\trepositoryformatversion = 0\n" + config),
        )
    },
    "leads/hooks/.githooks/pre-commit": "#!/bin/sh\n",
    "leads/include/shared/gitconfig": "[user]\n\tname = x\n",
    "leads/link/hooks/pre-commit": "#!/bin/sh\n",
    "leads/chain/tools/hook": "#!/bin/sh\n",
    "leads/filter/.gitattributes": "*.txt filter=x\n",
    "leads/filter/notes.txt": "\n",
    "leads/filter/tools/clean.sh": "cat\n",
    "leads/editor/tasks.json": "{}\n",
    "leads/twin/.envrc": "\n",
}
LEAD_LINKS = {
    "leads/link/.git/hooks": "../hooks",
    "leads/chain/.git/hooks/pre-commit": "../../middle",
    "leads/chain/middle": "tools/hook",
    "leads/editor/.vscode/tasks.json": "../tasks.json",
}
LEAD_PROGRAMS = ("hooks/.githooks/pre-commit", "link/hooks/pre-commit", "chain/tools/hook")
# The survey knows of directories in this one, and looks into none of them.
DEEPEST = "deep" + "/d" * 47


def code_of(function, words):
    """Source text that runs one self-contained function and reports what it returns."""
    body = textwrap.dedent(inspect.getsource(function))
    call = f"report({function.__name__}, json.loads({words!r}))\n"
    return (HERE / "inside.py").read_text() + "\n\n" + body + "\n\n" + call


def result_in(text):
    for line in text.splitlines():
        if line.startswith("@@"):
            return json.loads(line[2:])
    return None


MADE = []  # directories that worlds of this process made in those of the user
SHARED = False  # other processes plant in them as well: the last one calls remove_empty()


def remove_empty(folders):
    for folder in sorted(set(folders), reverse=True):  # inner ones first
        with contextlib.suppress(OSError):
            os.rmdir(folder)


@dataclasses.dataclass
class View:
    """One side of a probe: the sandbox, or the unsandboxed control with its own copy."""

    world: "World"
    inside: bool

    @property
    def project(self):
        return self.world.project if self.inside else self.world.shadow

    def __getattr__(self, name):
        return getattr(self.world, name)


class World:
    """A project, its shadow (the same files, never sandboxed), a wrapped venv, and canaries."""

    def __init__(self, policy="", pip=False, edits=(), launcher=None, bare=False):
        self.policy, self.pip, self.edits, self.launcher = policy, pip, list(edits), launcher
        self.bare = bare  # the project is a repository itself, instead of having one
        self.token = secrets.token_hex(6)
        self.canary = "canary:" + secrets.token_hex(8)
        self._made = Project(
            name=f"parent-{self.token}/project", prefix="svenv-probes-", env=clean_environment()
        )
        self.top, self.project = self._made.top, self._made.path
        self.parent = self.project.parent
        self.venv = self._made.env_dir
        self.shadow = self.parent / "shadow"
        self.neighbour = self.parent / ("neighbour-" + self.token)
        self._planted = []
        self._plan = None
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        for base in (self.project, self.shadow):
            self._fill(base)
        self.neighbour.write_text(self.canary)
        self.home_file = self.plant(HOME / f".svenv-canary-{self.token}")
        self.home_dir = self.plant(HOME / f"svenv-canary-{self.token}" / "secret.txt").parent
        self._made.venv(pip=self.pip)
        self._made.wrap()
        if self.policy:
            self._made.policy(self.policy)
        if self.edits:
            self._edit()

    def _fill(self, base):
        """Skeleton of a project, with what tools on the host obey."""
        files = {
            ".git/config": f'[core]\n[remote "o"]\n\turl = https://u:{self.canary}@h.invalid/\n',
            ".git/HEAD": "ref: refs/heads/main\n",
            ".git/hooks/pre-commit.sample": "#!/bin/sh\n",
            ".git/objects/info/.keep": "",
            ".git/refs/heads/.keep": "",
            ".gitattributes": "* text=auto\n",
            ".vscode/settings.json": "{}\n",
            ".idea/workspace.xml": "<project/>\n",
            ".envrc": "\n",
            ".pre-commit-config.yaml": "repos: []\n",
            ".env": "FROM_DOTENV=yes\n",
            "Makefile": "all:\n",
            "mod.py": "value = 1\n",
            # Not all that git wants in a repository, or not of the usual kind.
            "forms/worktree/HEAD": "ref: refs/heads/main\n",
            "forms/worktree/commondir": ".\n",
            "forms/link/objects/.keep": "",
            "forms/link/refs/.keep": "",
            "forms/links/HEAD": "ref: refs/heads/main\n",
            "forms/none/notes.txt": "\n",
            "plain/a/b/notes.txt": "\n",
            "sub/inner/.git/config": "[core]\n",
            "sub/inner/.git/HEAD": "ref: refs/heads/main\n",
            "sub/inner/.vscode/settings.json": "{}\n",
        }
        if self.bare:
            files |= {"shut/repo/notes.txt": "\n", DEEPEST + "/repo/notes.txt": "\n"}
        for name, text in files.items():
            path = base / (name.removeprefix(".git/") if self.bare else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name, target in LINKS.items():
            (base / name).parent.mkdir(exist_ok=True)
            (base / name).symlink_to(target)
        if not self.bare:
            self._fill_leads(base)
        if self.bare:
            os.chmod(base / "shut", 0o311)
        shutil.copy(CALLS, base / "probe-calls")
        os.chmod(base / "probe-calls", 0o755)

    @staticmethod
    def _fill_leads(base):
        for name, text in LEADS.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).write_text(text)
        for name, target in LEAD_LINKS.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).symlink_to(target)
        for name in LEAD_PROGRAMS:
            os.chmod(base / "leads" / name, 0o755)
        os.link(base / "leads/twin/.envrc", base / "leads/twin/other")

    def _edit(self):
        self.python("-c", "pass")  # compiles the plan
        self._plan = self.top / "plan"
        identity = self._made.manifest["id"]
        places = {
            "PROJECT": self.project,
            "VENV": self.venv,
            "HOME": HOME,
            "TMP": "/tmp/sandbox-venv-" + identity,
        }
        edits = [edit.format(**places) for edit in self.edits]
        must([PLAN_EDIT, self.venv / "sandbox" / "plan", self._plan, *edits])

    def mutate(self, edits):
        """Starts from now on go by the plan with these edits."""
        self.edits = list(edits)
        self._edit()

    def plant(self, path, text=None):
        """Makes a canary file on the host, with its directories; what is there stays as it is."""
        path = pathlib.Path(path)
        missing = []
        for parent in path.parents:
            if parent.exists():
                break
            missing.append(parent)
        for parent in reversed(missing):
            parent.mkdir(mode=0o700, exist_ok=True)  # another job may have been first
            MADE.append(parent)
        if not os.path.lexists(path):
            path.write_text(self.canary if text is None else text)
            self._planted.append(path)
        return path

    def close(self):
        for path in reversed(self._planted):
            try:
                path.unlink()
            except OSError as error:
                print(f"left behind: {path}: {error}", file=sys.stderr)
        remove_empty(folder for folder in MADE if not SHARED or self.token in folder.name)
        self._made.close()

    # Starting something in the sandbox

    def command(self, program, *words):
        """argv, options: a stub where it is one and nothing is mutated, else the launcher."""
        path = program if "/" in str(program) else self.venv / "bin" / program
        stub = path.parent == self.venv / "bin" if isinstance(path, pathlib.Path) else False
        if stub and not self._plan and not self.launcher:
            return [path, *words], {}
        fd = os.open(self._plan, os.O_RDONLY) if self._plan else -1
        argv = ["sandbox-venv", "run", self.venv, fd if fd >= 0 else "-", path, path, *words]
        options = {"executable": str(self.launcher or LAUNCHER)}
        if fd >= 0:
            options["pass_fds"] = (fd,)
        return words_of(argv), options

    def start(self, program, *words, **options):
        """Runs a program in the sandbox to its end."""
        argv, more = self.command(program, *words)
        options.setdefault("cwd", self.project)
        if "pass_fds" in more and "pass_fds" in options:
            more["pass_fds"] += tuple(options.pop("pass_fds"))
        try:
            return play(argv, **{**options, **more})
        finally:
            self.release(more)

    def spawn(self, program, *words, **options):
        argv, more = self.command(program, *words)
        options.setdefault("cwd", self.project)
        options.setdefault("env", clean_environment())
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.DEVNULL)
        try:
            return subprocess.Popen(words_of(argv), **{**options, **more})
        finally:
            self.release(more)

    def release(self, options):
        if self._plan and options.get("pass_fds"):
            os.close(options["pass_fds"][0])

    def python(self, *words, **options):
        return self.start("python", *words, **options)

    def value(self, function, *words, inside=True, **options):
        """The result of a self-contained function, inside or as the control."""
        code = code_of(
            function,
            json.dumps([os.fspath(w) if isinstance(w, pathlib.Path) else w for w in words]),
        )
        if inside:
            done = self.python("-B", "-c", code, **options)
        else:
            options.setdefault("cwd", self.shadow)
            done = play([SYSTEM_PYTHON, "-B", "-c", code], **options)
        found = result_in(done.stdout + "\n" + done.stderr)
        if found is None:
            raise Dead(f"status {done.returncode}: {(done.stderr or done.stdout)[-600:]}")
        if inside and found["descriptors"] and not options.get("pass_fds"):
            raise Leak("descriptors " + ", ".join(found["descriptors"]))
        return found["result"]

    def call(self, words, inside=True, **options):
        """The kernel's answer to one call of probe-calls; SIGSYS where the filter killed it."""
        words = [str(word) for word in words]
        if inside:
            done = self.start(str(self.project / "probe-calls"), *words, **options)
        else:
            options.setdefault("cwd", self.shadow)
            done = play([self.shadow / "probe-calls", "--control", *words], **options)
        if done.returncode in (-31, 128 + 31):
            return "SIGSYS"
        if done.returncode != 0:
            raise Dead(f"{words}: status {done.returncode}: {done.stderr}")
        return done.stdout.strip()


class Unavailable(Exception):
    """This machine or user cannot have what the probe needs; the text says what."""


def lacking(program):
    """Raised by a probe that lacks a program: where everything must work, the probe fails."""
    return (Dead if must_work() else Unavailable)(f"needs {program}")


class Leak(Exception):
    """Something of the host reached the sandbox without being asked for."""


# Expectations. A plain value means equality, a tuple "one of them".


class Expect:
    def __init__(self, text, test):
        self.text, self.test = text, test

    def __str__(self):
        return self.text


ANY = Expect("anything", lambda value: True)
NOT_DENIED = Expect("reached the kernel", lambda value: value not in ("EPERM", "ENOSYS", "SIGSYS"))


def every(*wanted):
    return Expect(
        "every one " + "/".join(wanted),
        lambda value: bool(value) and all(v in wanted for v in value.values()),
    )


def some(*wanted):
    return Expect(
        "some " + "/".join(wanted), lambda value: any(v in wanted for v in value.values())
    )


def that(text, test):
    return Expect(text, test)


def meets(value, expect):
    if isinstance(expect, Expect):
        return bool(expect.test(value))
    if isinstance(expect, tuple):
        return value in expect
    return value == expect


# The three ways to make a probe


class Call:
    """One system call by the C helper. Words may be functions of the view."""

    def __init__(self, *words):
        self.words = words

    def run(self, view):
        words = [word(view) if callable(word) else word for word in self.words]
        return view.world.call(words, view.inside)


class Python:
    """A self-contained function in a Python inside; args and options are functions of the view."""

    def __init__(self, function, args=None, options=None):
        self.function, self.args, self.options = function, args, options

    def run(self, view):
        words = self.args(view) if self.args else []
        options = self.options(view) if self.options else {}
        return view.world.value(self.function, *words, inside=view.inside, **options)


class Host:
    """A scene played from the host: the function gets the view and returns what came of it."""

    def __init__(self, function):
        self.function = function

    def run(self, view):
        return self.function(view)


@dataclasses.dataclass
class Probe:
    id: str
    what: str
    how: object = None
    expect: object = None
    control: object = "ok"
    effect: object = None  # function(world): text when the host shows an effect, else None
    world: str = "default"
    skip: str = None  # reason
    missing: str = None  # a feature that is still to come: may fail until then
    root: object = None  # True: only root can play it; False: it proves nothing for root
    group: str = ""  # the file that it is in


@dataclasses.dataclass
class Verdict:
    probe: Probe
    state: str  # passed, failed, skipped, missing
    inside: str = ""
    control: str = ""
    why: str = ""
    seconds: float = 0.0


def shorten(value, limit=60):
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def outcome(shown, expect):
    """A verdict's value for a table that is kept: short words as they are, else what was met."""
    short = shown.strip('"')
    if not shown or (len(short) < 24 and short.isascii() and not set(short) & set('/{["')):
        return short
    if isinstance(expect, tuple):
        return " or ".join(map(str, expect))
    return str(expect) if isinstance(expect, Expect) else "as expected"


def applies(probe):
    return not probe.skip and (probe.root is None or probe.root == AS_ROOT)


def unlike(value, expect, what):
    return None if meets(value, expect) else f"{what} {json.dumps(value)}, expected {expect}"


def judge(probe, world, with_control=True):
    """Runs one probe: inside, the look at the host, and the control. Never raises."""
    if not applies(probe):
        reason = probe.skip or ("needs root" if probe.root else "proves nothing for root")
        return Verdict(probe, "skipped", why=reason)
    verdict = Verdict(probe, "passed")
    try:
        value = probe.how.run(View(world, True))
        verdict.inside = shorten(value)
        verdict.why = unlike(value, probe.expect, "inside:") or ""
    except Unavailable as reason:
        return Verdict(probe, "skipped", why=str(reason))
    except Leak as leak:
        verdict.why = f"leaks {leak}"
    except subprocess.TimeoutExpired:
        verdict.why = "inside: hangs"
    except Exception as error:  # whatever broke it, it proves nothing
        verdict.why = f"dead inside: {error}"
    if not verdict.why and probe.effect:
        effect = probe.effect(world)
        verdict.why = f"effect on the host: {effect}" if effect else ""
    if not verdict.why and with_control:
        try:
            value = probe.how.run(View(world, False))
            verdict.control = shorten(value)
            verdict.why = unlike(value, probe.control, "dead, the control:") or ""
        except Exception as error:  # whatever broke it, it proves nothing
            verdict.why = f"dead control: {error}"
    if verdict.why:
        verdict.state = "missing" if probe.missing else "failed"
    return verdict


def judge_in(worlds, probe, with_control=True):
    """judge() in the probe's world. A world that cannot be made is a failure of the probe."""
    try:
        world = worlds.get(probe.world) if applies(probe) else None
    except (Dead, OSError, subprocess.SubprocessError) as error:
        return Verdict(probe, "failed", why=f"dead, no world: {error}")
    begin = time.monotonic()
    verdict = judge(probe, world, with_control)
    verdict.seconds = time.monotonic() - begin
    return verdict


# Worlds by name, made when the first probe needs one.

WORLDS = {
    "default": {},
    "no-network": {"policy": "network: {mode: none}\n"},
    "program": {"policy": "lifetime: program\n"},
    "few": {"policy": "limits: {processes: 64, open-files: 64, file-size: 1048576}\n"},
    "strict": {"policy": "profile: strict\n"},
    "audited": {"policy": "audit: {level: all}\nlimits: {wall-time: 60}\n"},
    "deny-all": {"policy": "network: {mode: none, connect: [], listen: []}\n"},
    "links": {},  # what a start is shown by its name stays a directory of the private /tmp
    "pip": {"pip": True},
    "bare": {"bare": True},
    "unguarded": {"policy": "filesystem: {unguarded: [plain]}\n"},
    # Starts by a compiled plan that stays what it is, whatever happens to the files it names.
    "fixed": {"edits": ["keep"]},
}


class Worlds:
    def __init__(self, **options):
        self._options, self._made = options, {}

    def get(self, name):
        if name not in self._made:
            options = {**WORLDS[name], **self._options}
            options["edits"] = WORLDS[name].get("edits", []) + self._options.get("edits", [])
            self._made[name] = World(**options)
        return self._made[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for world in self._made.values():
            world.close()
