#!/usr/bin/env python3
"""Measures what a sandbox costs, side by side with the distribution's bubblewrap.

    meson test -C build --benchmark
    SVENV_PREFIX=/usr/local SVENV_BENCH_PROGRAMS=build/tests/bench python3 tests/bench/bench.py \\
        [--rounds N] [ROW...]

Both sides make the same sandbox: bubblewrap gets the mounts and the system call filter of the
compiled plan. A ratio is one of medians, the sides taking turns in one run. The table says where a
limit is exceeded, but the exit status is 0 then too: a busy machine is no bug. It is 1 when
something could not be run, and 77 when there is no bubblewrap. Run it as an ordinary user, on a
machine that does nothing else.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import measure
from measure import CannotRun, Command

from lib import installed, skips
from lib.environment import INSTALLERS, STEERING, without
from lib.programs import run
from lib.project import Project

PROGRAMS = pathlib.Path(os.environ.get("SVENV_BENCH_PROGRAMS", "."))
BWRAP = shutil.which("bwrap", path="/usr/bin:/bin") or ""
FLOOR = str(PROGRAMS / "bench-floor")
AT_ONCE = 200
MORE_MOUNTS = 40
ENTRIES = 1000
DIRECTORIES = 10000
REPOSITORIES = 200
OWN_NET = "network: {mode: none}\n"
NO_NESTING = "--disable-userns"

# A row's name, its limit, and whether the number must stay below or above it.
LIMITS = {
    "host": ("time added to a start / bubblewrap's, host network", 0.25, "max"),
    "net": ("the same, own network namespace and Landlock", 0.40, "max"),
    "typed": ("time added / bubblewrap's with 13 typed mounts, host network", 0.30, "max"),
    "typed-net": ("the same, own network namespace", 0.35, "max"),
    "python": ("python -c pass, wrapped / bare, own network namespace", 1.20, "max"),
    "python-floor": ("python -c pass, added / namespaces, two forks and an exec", 1.10, "max"),
    "first": ("first start / later starts", 1.5, "max"),
    "pip": ("pip --version, wrapped / bare", 1.03, "max"),
    "mounts": (f"cost of {MORE_MOUNTS} more mounts / bubblewrap's", 0.10, "max"),
    "stat": ("stat loop, wrapped / bare, with Landlock", 1.20, "max"),
    "read": ("open and read loop, wrapped / bare, with Landlock", 1.20, "max"),
    "read-floor": ("open and read loop, wrapped / with Landlock alone", 1.08, "max"),
    "memory": ("resident memory of our processes / bubblewrap's", 0.25, "max"),
    "pss": ("the same in proportion to who shares it (PSS)", 0.5, "max"),
    "many": (f"{AT_ONCE} sandboxes at once: starts per second / bubblewrap's", 2.5, "min"),
    "tree-wrap": (f"wrapping with {DIRECTORIES} directories in the project, seconds", 2.0, "max"),
    "tree-start": ("what these add before the program, milliseconds", 1.0, "max"),
    "tree-end": ("and after it, milliseconds", 3.0, "max"),
    "repos-start": (f"{REPOSITORIES} repositories in them add before the program, ms", 1.0, "max"),
    "wrap": (f"wrapping a venv of {ENTRIES} entry points, seconds", 1.0, "max"),
}


def environment():
    """Drops variables that name paths to an installer: only our side would mount those."""
    return without(STEERING + INSTALLERS)


class Side:
    """A project with a wrapped venv, and bubblewrap's way to the same sandbox."""

    def __init__(self, policy="", pip=False):
        self.project = Project(home=True)
        try:
            self._make(policy, pip)
        except BaseException:
            self.close()
            raise

    def _make(self, policy, pip):
        project = self.project
        project.venv(pip=pip)
        for name in ("true", "sleep", "sh"):
            (project.env_dir / "bin" / name).symlink_to(f"/usr/bin/{name}")
        shutil.copy(PROGRAMS / "bench-loops", project.env_dir / "bin" / "bench-loops")
        project.write("some/where/data.txt", "data\n" * 100)
        project.write("pyproject.toml", "")
        if shutil.which("git"):  # as projects are: what is protected takes mounts on both sides
            run("git", "init", "-q", cwd=project.path, check=True)
        project.wrap()
        project.policy(policy)
        self.env = environment()
        self.ours("true").run(self.env)  # compiles the plan
        self.filter = str(project.top / "filter")
        empty = project.top / "empty"
        empty.mkdir()
        said = run(
            PROGRAMS / "bench-plan-args", project.env_dir / "sandbox" / "plan", self.filter, empty
        )
        if said.returncode != 0:
            raise CannotRun(said.stderr.strip())
        self.beyond, *self.options = said.stdout.split("\0")[:-1]
        if NO_NESTING not in run(BWRAP, "--help").stdout:  # bubblewrap before 0.8
            self.options = [option for option in self.options if option != NO_NESTING]

    def close(self):
        self.project.close()

    def typed(self, name, own_net=False):
        """bubblewrap with what a person types for such a project: 13 mounts and no filter."""
        project, env_dir = self.project, self.project.env_dir
        shown = ["/usr", "/etc/ld.so.cache", "/etc/passwd", "/etc/ssl", "/etc/resolv.conf"]
        words = [word for path in shown for word in ("--ro-bind", path, path)]
        words += [
            word
            for link in ("bin", "lib", "lib64")
            for word in ("--symlink", f"usr/{link}", f"/{link}")
        ]
        words += [
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--tmpfs",
            "/tmp",
            "--tmpfs",
            os.environ["HOME"],
            "--bind",
            str(project.path),
            str(project.path),
            "--ro-bind",
            str(env_dir),
            str(env_dir),
            "--ro-bind",
            str(env_dir / "sandbox" / "bin"),
            str(env_dir / "bin"),
            "--ro-bind",
            str(project.path / ".git"),
            str(project.path / ".git"),
            "--unshare-user",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup",
            "--die-with-parent",
            "--chdir",
            str(project.path),
        ]
        return Command(
            [BWRAP, *words, *(["--unshare-net"] if own_net else []), "--", project.bin(name)]
        )

    def ours(self, name, *args):
        return Command([self.project.bin(name), *args])

    def bwrap(self, name, *args):
        """bubblewrap running what the stub runs: inside, bin holds the real entries."""
        return Command(
            [
                BWRAP,
                *self.options,
                "--seccomp",
                str(measure.FILTER_FD),
                "--",
                self.project.bin(name),
                *args,
            ],
            self.filter,
        )


class Tree:
    """A wrapped project of many directories, and how long it took to wrap it."""

    def __init__(self, directories, repositories):
        self.project = Project(home=True)
        try:
            self._make(directories, repositories)
        except BaseException:
            self.close()
            raise

    def _make(self, directories, repositories):
        project = self.project
        project.venv()
        shutil.copy(PROGRAMS / "bench-loops", project.env_dir / "bin" / "bench-loops")
        for i in range(directories):  # three levels, a hundred below each of the first
            below = project.path / "src" / f"d{i // 100}" / f"e{i // 10 % 10}" / f"f{i % 10}"
            below.mkdir(parents=True)
        for i in range(repositories):
            git = project.path / "src" / f"d{i // 4}" / f"repository{i % 4}" / ".git"
            for name in ("objects", "refs"):
                (git / name).mkdir(parents=True)
            (git / "HEAD").write_text("ref: refs/heads/main\n")
            (git / "config").write_text("[core]\n\tbare = false\n")
        begin = time.perf_counter()
        project.wrap()
        self.took = time.perf_counter() - begin
        self.command = Command([project.bin("bench-loops")])

    def close(self):
        self.project.close()


class NotHere(Exception):
    """A row that says nothing on this machine, or for this user."""


class Bench:
    """Measures one row after the other; what they share is made once."""

    def __init__(self, rounds):
        self.rounds = rounds
        self._sides = {}
        self._trees = None
        self._edges = None

    def close(self):
        for tree in (self._trees or {}).values():
            tree.close()
        for side in self._sides.values():
            side.close()

    def side(self, name, **options):
        if name not in self._sides:
            self._sides[name] = Side(**options)
        return self._sides[name]

    def host(self):
        return self.side("host", pip=True)

    def own_net(self):
        side = self.side("net", policy=OWN_NET)
        if side.beyond != "landlock":
            raise CannotRun("this kernel has no Landlock")
        return side

    def compared(self, env, **sides):
        """Our addition to bare, divided by that of the third side."""
        took = measure.starts(sides, self.rounds, env)
        bare, ours, other = took.values()
        return (ours - bare) / (other - bare), milliseconds(took)

    def added(self, side, bubblewrap):
        return self.compared(
            side.env, bare=Command(["/usr/bin/true"]), ours=side.ours("true"), bubblewrap=bubblewrap
        )

    def row_host(self):
        return self.added(self.host(), self.host().bwrap("true"))

    def row_net(self):
        return self.added(self.own_net(), self.own_net().bwrap("true"))

    def row_typed(self):
        return self.added(self.host(), self.host().typed("true"))

    def row_typed_net(self):
        return self.added(self.own_net(), self.own_net().typed("true", own_net=True))

    def against_bare(self, side, bare, name, *args, rounds):
        took = measure.starts(
            {"bare": Command([bare, *args]), "ours": side.ours(name, *args)}, rounds, side.env
        )
        return took["ours"] / took["bare"], milliseconds(took)

    def twin(self, side, pip):
        """A venv like the side's that is not wrapped."""
        return side.project.twin(pip=pip)

    def row_python(self):
        side = self.own_net()
        bare = self.twin(side, False).bin("python")
        return self.against_bare(side, bare, "python", "-c", "pass", rounds=self.rounds)

    def row_python_floor(self):
        side = self.own_net()
        words = [self.twin(side, False).bin("python"), "-c", "pass"]
        return self.compared(
            side.env,
            bare=Command(words),
            ours=side.ours("python", *words[1:]),
            floor=Command([FLOOR, "namespaces", *words]),
        )

    def row_pip(self):
        side = self.host()
        bare = self.twin(side, True).bin("pip")
        return self.against_bare(side, bare, "pip", "--version", rounds=max(5, self.rounds // 8))

    def row_first(self):
        first, later = [], []
        for _ in range(max(5, self.rounds // 20)):
            with Project(home=True) as project:
                project.venv()
                (project.env_dir / "bin" / "true").symlink_to("/usr/bin/true")
                project.wrap()
                command = Command([project.bin("true")])
                env = environment()
                first.append(command.run(env))
                later += [command.run(env) for _ in range(5)]
        took = {"first": statistics.median(first), "later": statistics.median(later)}
        return took["first"] / took["later"], milliseconds(took)

    def row_mounts(self):
        few = self.host()
        data = few.project.top / "data"
        names = [str(data / f"set-{i}") for i in range(MORE_MOUNTS)]
        for name in names:
            os.makedirs(name, exist_ok=True)
        policy = "filesystem: {read: [" + ", ".join(names) + "]}\n"
        many = self.side("mounts", policy=policy)
        # Same venv layout on both; only the mounts differ.
        took = measure.starts(
            {
                "ours": few.ours("true"),
                "ours+": many.ours("true"),
                "bubblewrap": few.bwrap("true"),
                "bubblewrap+": many.bwrap("true"),
            },
            self.rounds,
            few.env,
        )
        ratio = (took["ours+"] - took["ours"]) / (took["bubblewrap+"] - took["bubblewrap"])
        return ratio, milliseconds(took)

    def loops(self):
        side = self.own_net()
        if not hasattr(side, "loops"):
            data = side.project.path / "some" / "where" / "data.txt"
            loops = str(PROGRAMS / "bench-loops")
            own = side.project.path / "bench-loops"  # where the one rule allows it to be executed
            shutil.copy(loops, own)
            sides = {
                "bare": [loops, data],
                "ours": [side.project.bin("bench-loops"), data],
                "Landlock": [FLOOR, "landlock", side.project.path, own, data],
            }
            taken = {name: [] for name in sides}
            for turn in range(max(4, self.rounds // 20)):
                for name in sorted(sides, reverse=turn % 2 == 1):
                    done = run(*sides[name], cwd=str(side.project.path))
                    if done.returncode != 0:
                        raise CannotRun(done.stderr.strip())
                    taken[name].append([int(word) for word in done.stdout.split()])
            side.loops = {
                name: [statistics.median(column) for column in zip(*rows, strict=True)]
                for name, rows in taken.items()
            }
        return side.loops

    def loop(self, column, against="bare"):
        took = {name: values[column] for name, values in self.loops().items()}
        note = ", ".join(f"{name} {took[name]:.0f} ns" for name in (against, "ours"))
        return took["ours"] / took[against], note

    def row_stat(self):
        return self.loop(0)

    def row_read(self):
        return self.loop(1)

    def row_read_floor(self):
        return self.loop(1, against="Landlock")

    def held(self, column):
        """Memory of our processes and bubblewrap's while a program sleeps."""
        side = self.host()
        sides = {"ours": side.ours("sleep", "60"), "bubblewrap": side.bwrap("sleep", "60")}
        kilobytes = {}
        for name, command in sides.items():
            taken = [measure.resident(command, "sleep", side.env)[column] for _ in range(5)]
            if None in taken:
                raise NotHere("pid 1 shows its memory to root alone, or this kernel to nobody")
            kilobytes[name] = statistics.median(taken)
        note = ", ".join(f"{name} {value:.0f} kB" for name, value in kilobytes.items())
        return kilobytes["ours"] / kilobytes["bubblewrap"], note

    def row_memory(self):
        return self.held(0)

    def row_pss(self):
        return self.held(1)

    def row_many(self):
        side = self.host()
        words = ("sh", "-c", "echo; read x; exit 0")
        sides = {"ours": side.ours(*words), "bubblewrap": side.bwrap(*words)}
        rate = measure.interleaved(
            sides, 5, lambda command: measure.many_at_once(command, AT_ONCE, side.env)
        )
        note = ", ".join(f"{name} {value:.0f}/s" for name, value in rate.items())
        return rate["ours"] / rate["bubblewrap"], note

    def trees(self):
        if self._trees is None:
            self._trees = {}
            for name, directories, repositories in (
                ("none", 0, 0),
                ("directories", DIRECTORIES, 0),
                ("repositories", DIRECTORIES, REPOSITORIES),
            ):
                self._trees[name] = Tree(directories, repositories)
        return self._trees

    def added_by(self, name, against, edge):
        """The median milliseconds before (0) or after (1) the program, less those of another."""
        if self._edges is None:
            env = environment()
            taken = {key: [] for key in self.trees()}
            for turn in range(3 + max(20, self.rounds // 4)):
                for key in sorted(taken, reverse=turn % 2 == 1):
                    took = measure.edges(self.trees()[key].command, env)
                    if turn >= 3:
                        taken[key].append(took)
            self._edges = {
                key: [statistics.median(column) for column in zip(*rows, strict=True)]
                for key, rows in taken.items()
            }
        took = {key: self._edges[key][edge] for key in (against, name)}
        return (took[name] - took[against]) * 1e3, milliseconds(took)

    def row_tree_wrap(self):
        trees = self.trees()
        note = f"with {REPOSITORIES} repositories {trees['repositories'].took:.2f} s"
        return max(tree.took for tree in trees.values()), note

    def row_tree_start(self):
        return self.added_by("directories", "none", 0)

    def row_tree_end(self):
        return self.added_by("directories", "none", 1)

    def row_repos_start(self):
        return self.added_by("repositories", "directories", 0)

    def row_wrap(self):
        took = []
        with Project(home=True) as project:
            project.venv()
            for i in range(ENTRIES):
                project.script(f"tool-{i}", "print(1)\n")
            for _ in range(3):
                begin = time.perf_counter()
                project.wrap()
                took.append(time.perf_counter() - begin)
                project.unwrap("--purge")
        return statistics.median(took), f"of {len(took)}: {min(took):.2f} to {max(took):.2f} s"


def milliseconds(took):
    return ", ".join(f"{name} {value * 1e3:.2f} ms" for name, value in took.items())


def print_row(what, limit, number, verdict, note):
    print(f"| {what:<62} | {limit:>6} | {number:>6} | {verdict:<4} | {note}", flush=True)


def measure_all(bench, names):
    """Prints the table; returns how many rows could not be measured."""
    broken = 0
    print_row("what", "limit", "now", "", "medians")
    print_row("-" * 62, "-----:", "-----:", "----", "---")
    for name in names:
        what, limit, sense = LIMITS[name]
        shown = f"{'>=' if sense == 'min' else '<='} {limit:.2f}"
        try:
            number, note = getattr(bench, "row_" + name.replace("-", "_"))()
        except NotHere as reason:
            print_row(what, shown, "", "skip", reason)
            continue
        except (CannotRun, AssertionError, OSError, subprocess.TimeoutExpired) as error:
            broken += 1
            print_row(what, shown, "", "FAIL", str(error).replace("\n", " ")[:300])
            continue
        good = number >= limit if sense == "min" else number <= limit
        print_row(what, shown, f"{number:.3f}", "ok" if good else "OVER", note)
    return broken


def main():
    parser = argparse.ArgumentParser(description="Measures the price of a sandbox.")
    parser.add_argument("--rounds", type=int, default=200, help="starts per side and row")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(LIMITS))
    args = parser.parse_args()
    unknown = [name for name in args.rows if name not in LIMITS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}")
    if not BWRAP:
        skips.leave("bubblewrap is not installed")
    installed.require()
    bench = Bench(args.rounds)
    try:
        broken = measure_all(bench, args.rows or list(LIMITS))
    finally:
        bench.close()
    print(
        f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors, "
        f"{run(BWRAP, '--version').stdout.strip()}, {args.rounds} rounds"
    )
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
