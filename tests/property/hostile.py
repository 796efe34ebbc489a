"""The program of one round: operations in the project that its seed decides.

It runs inside (python -c), with a line of JSON on its input, and natively for the control. It
destroys nothing that it did not make but what is protected, so whatever else is missing later was
lost by us.
"""

import contextlib
import ctypes
import json
import os
import signal
import stat
import sys
import time

MARK = "planted"
AT_FDCWD = -100
NOREPLACE, EXCHANGE = 1, 2
SEEN_MAX = 600  # entries that the program looks at
HEAD = "ref: refs/heads/main\n"
SECRET = "hidden-from-programs"
PLAIN_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
# Ways of git to other programs and files; each also written as git's own commands never would.
SLY = (
    "[core]\n\tfsmonitor = ./x\n",
    "[Core]hooksPath=x\n",
    "[core] # x\n\tpager = x\n",
    "[include]\n\tpath = ../x\n",
    '[includeIf "gitdir:**"]\n\tpath = ../x\n',
    "[core]\n\tbare = false \\\n\n\tsshCommand = x\n",
    '[core]\n\tbare = "false\n\tsshCommand = x"\n',
    '[remote "o"]\n\turl = ext::sh -c x\n',
    '[remote "o"]\n\turl = -x\n\tuploadpack = x\n',
    "[alias]\n\tst = !x\n",
    '[filter "x"]\n\tclean = x\n',
    "[core]\n\tworktree = ../..\n",
    "[extensions]\n\tworktreeConfig = true\n",
    "[core.x]\n[core]\n\teditor = x\n",
    "\ufeff[core]\n\teditor = x\n",
)


class Dice:
    """Numbers that are the same for the same seed everywhere (splitmix64)."""

    def __init__(self, seed):
        self.state = seed & (1 << 64) - 1

    def below(self, count):
        self.state = self.state + 0x9E3779B97F4A7C15 & (1 << 64) - 1
        mixed = self.state
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
        return (mixed ^ mixed >> 31) % count

    def choose(self, items):
        return items[self.below(len(items))]

    def percent(self, share):
        return self.below(100) < share

    def any_case(self, name):
        """Now and then with other capitals, which tools on some disks do not tell apart."""
        if not self.percent(25):
            return name
        return "".join(c.upper() if self.percent(50) else c.lower() for c in name)


class Hostile:
    def __init__(self, seed, names, protected, loud):
        self.dice = Dice(seed)
        self.names = names
        self.protected = protected
        self.loud = loud
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.dirs, self.files = ["."], []
        self.children = 0
        self.made = 0
        self.look()

    def look(self):
        todo, left = ["."], SEEN_MAX
        while todo and left > 0:
            top = todo.pop(0)
            try:
                entries = sorted(os.scandir(top), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries[:left]:
                left -= 1
                path = os.path.join(top, entry.name)
                if top == "." and entry.name == ".venv":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    self.dirs.append(path)
                    todo.append(path)
                else:
                    self.files.append(path)

    def rename(self, old, new, flags=NOREPLACE):
        done = self.libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags)
        if done < 0:
            raise OSError(ctypes.get_errno(), "renameat2")

    def put(self, path, text=MARK, mode=0o644):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)

    def fresh(self, top=None):
        self.made += 1
        name = f"made-{os.getpid()}-{self.made}"
        return os.path.join(self.dice.choose(self.dirs) if top is None else top, name)

    def fresh_dir(self, top=None):
        path = self.fresh(top)
        os.mkdir(path)
        self.dirs.append(path)
        return path

    def obeyed(self, top=None):
        """A path that tools obey, with what has to be above it."""
        top = self.dice.choose(self.dirs) if top is None else top
        path = os.path.join(top, self.dice.any_case(self.dice.choose(self.names)))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    # One operation each

    def plant_file(self):
        self.put(self.obeyed(), mode=self.dice.choose([0o644, 0o755, 0]))

    def plant_directory(self):
        path = self.obeyed()
        os.mkdir(path)
        for name in ("config", "hooks", "settings.json")[: 1 + self.dice.below(3)]:
            self.put(os.path.join(path, name))
        if self.dice.percent(30):
            os.chmod(path, self.dice.choose([0, 0o311, 0o500]))

    def plant_by_rename(self):
        path = self.fresh()
        self.put(path)
        self.rename(path, self.obeyed())

    def plant_link(self):
        target = self.dice.choose(
            [
                self.dice.choose(self.dirs),
                self.dice.choose(self.files or ["nothing"]),
                os.path.expanduser("~"),
                "/tmp",
                "nothing/../there",
            ]
        )
        os.symlink(target, self.obeyed())

    def plant_hard_link(self):
        path = self.fresh()
        self.put(path)
        os.link(path, self.obeyed())

    def plant_pipe(self):
        os.mkfifo(self.obeyed())

    def repository(self, top):
        parts = ["HEAD", "objects", "refs", "config"]
        for _ in range(len(parts)):
            part = parts.pop(self.dice.below(len(parts)))
            with contextlib.suppress(FileExistsError):
                if part in ("objects", "refs"):
                    os.mkdir(os.path.join(top, part))
                else:
                    text = HEAD if part == "HEAD" else f"[core]\n\tfsmonitor = {MARK}\n"
                    self.put(os.path.join(top, part), text)

    def bare_repository(self):
        self.repository(self.fresh_dir())

    def repository_in_place(self):
        self.repository(self.dice.choose(self.dirs))

    def new_repository(self):
        """As `git init` makes it, or with something in it that git would run."""
        top = self.fresh_dir()
        git = os.path.join(top, ".git") if self.dice.percent(70) else top
        for name in ("objects/info", "refs", "hooks", "info"):
            os.makedirs(os.path.join(git, name))
        parts = {"HEAD": HEAD, "config": PLAIN_CONFIG, "hooks/pre-commit.sample": MARK}
        extra = self.dice.below(10)
        if extra < 4:
            parts["config"] += self.dice.choose(SLY)
        elif extra < 6:
            name = self.dice.choose(
                ["hooks/pre-commit", "commondir", "config.worktree", "objects/info/alternates"]
            )
            parts[name] = MARK
        for name in sorted(parts, key=lambda _: self.dice.below(99)):
            self.put(os.path.join(git, name), parts[name], 0o755)
        if extra in (6, 7):
            self.change_later(os.path.join(git, "config"))

    def change_later(self, path):
        """Something that was found harmless gets harmful, also by a descriptor."""
        with open(path, "a") as file:
            time.sleep(self.dice.below(150) / 1000)
            file.write(self.dice.choose(SLY))

    def usual_venv(self):
        """At the top, under a name that tools look for."""
        name = self.dice.any_case(self.dice.choose(["venv", "env"]))
        how = self.dice.below(3)
        top = name if how == 0 else self.fresh(".")
        os.makedirs(os.path.join(top, "bin"), exist_ok=True)
        for mark in ("pyvenv.cfg", "bin/python", "bin/activate", "bin/activate.fish"):
            if self.dice.percent(70):
                self.put(os.path.join(top, mark), mode=0o755)
        if how == 1:
            self.rename(top, name)
        elif how == 2:
            os.symlink(top, name)

    def usual_name(self):
        """One mark alone, in a directory that may be there."""
        name = self.dice.choose(["venv", "env"])
        mark = self.dice.choose(["pyvenv.cfg", "bin/python3", "bin/activate"])
        self.put(os.path.join(name, self.dice.any_case(mark)))

    def close_and_open(self):
        """A directory is closed before the guard can watch it, and opened when something is in
        it."""
        top = self.fresh()
        os.mkdir(top, self.dice.choose([0, 0o300, 0o311]))
        time.sleep(self.dice.below(20) / 1000)
        os.chmod(top, self.dice.choose([0o755, 0o311]))
        self.put(self.obeyed(top))
        self.dirs.append(top)

    def close_above(self):
        """Names come into a directory by its descriptor while the one above is closed."""
        top = self.fresh_dir()
        inner = os.path.join(top, "inner")
        os.mkdir(inner)
        time.sleep(self.dice.below(20) / 1000)
        fd = os.open(inner, os.O_RDONLY)
        try:
            os.chmod(top, self.dice.choose([0, 0o400]))
            name = self.dice.choose([".envrc", "mise.toml", "AGENTS.md"])
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=fd))
            time.sleep(self.dice.below(20) / 1000)
            os.chmod(top, 0o755)
        finally:
            os.close(fd)

    def spy(self):
        """Looks for what a policy hides."""
        for path in self.files:
            with contextlib.suppress(OSError):
                if not stat.S_ISREG(os.stat(path).st_mode):
                    continue
                with open(path, "rb") as file:
                    if SECRET.encode() in file.read():
                        os.write(1, f"saw {path!a}\n".encode())

    def repository_by_rename(self):
        """All of it but one part, which comes last, or the whole tree does."""
        path = self.fresh_dir()
        inner = os.path.join(path, "inner")
        os.mkdir(inner)
        self.repository(inner)
        self.rename(inner, self.fresh())

    def venv(self):
        path = self.fresh_dir()
        self.put(os.path.join(path, "pyvenv.cfg"), "home = /usr/bin\n")
        os.makedirs(os.path.join(path, "lib", "python3.11", "site-packages"))
        self.put(self.obeyed(os.path.join(path, "lib")))
        self.dirs.append(os.path.join(path, "lib"))

    def mark(self):
        """A name that could make somebody look less."""
        name = self.dice.choose(["pyvenv.cfg", "HEAD", "node_modules", ".tox", "lib", "commondir"])
        self.put(os.path.join(self.dice.choose(self.dirs), name))

    def bytecode(self):
        top = os.path.join(self.dice.choose(self.dirs), "__pycache__")
        os.makedirs(top, exist_ok=True)
        self.put(os.path.join(top, f"m{self.dice.below(9)}.cpython-311.pyc"))

    def move(self):
        self.rename(self.dice.choose(self.files + self.dirs[1:]), self.fresh())

    def move_to_obeyed(self):
        self.rename(self.dice.choose(self.files + self.dirs[1:]), self.obeyed())

    def exchange(self):
        self.rename(
            self.dice.choose(self.files + self.dirs[1:]),
            self.dice.choose(self.protected + self.dirs[1:]),
            EXCHANGE,
        )

    def lead_elsewhere(self):
        """A link in a directory's place, to a repository that was prepared somewhere else."""
        top = self.dice.choose(self.dirs[1:])
        target = self.dice.choose([os.path.expanduser("~/kept"), "/tmp/kept", self.fresh()])
        target = os.path.abspath(target)
        os.makedirs(os.path.join(target, ".git"), exist_ok=True)
        self.repository(os.path.join(target, ".git"))
        self.rename(top, self.fresh())
        os.symlink(target, top)

    def close(self):
        os.chmod(self.dice.choose(self.dirs), self.dice.choose([0, 0o311, 0o111, 0o500, 0o1777]))

    def plant_and_close(self):
        top = self.dice.choose(self.dirs)
        self.put(self.obeyed(top))
        os.chmod(top, self.dice.choose([0, 0o311, 0o111, 0o500]))

    def deep(self):
        back = os.open(".", os.O_RDONLY)
        os.chdir(self.dice.choose(self.dirs))
        try:
            for _ in range(self.dice.choose([5, 30, 47, 49, 70])):
                with contextlib.suppress(FileExistsError):
                    os.mkdir("d")
                os.chdir("d")
            self.put(self.obeyed("."))
        finally:
            os.fchdir(back)
            os.close(back)

    def crowd(self):
        for _ in range(self.dice.choose([5, 40])):
            self.fresh_dir()

    def held(self):
        """By a directory's descriptor, after the directory has gone somewhere else."""
        top = self.dice.choose(self.dirs[1:])
        fd = os.open(top, os.O_RDONLY)
        try:
            self.rename(top, self.fresh())
            name = self.dice.choose([".git", ".envrc", "mise.toml"])
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=fd))
        finally:
            os.close(fd)

    def churn(self):
        path, obeyed = self.fresh(), self.obeyed()
        self.put(path)
        for _ in range(self.dice.below(20)):
            self.rename(path, obeyed)
            self.rename(obeyed, path)
        self.rename(path, obeyed)

    def attack(self):
        """Protected things are written, emptied, changed, removed, replaced."""
        path = self.dice.choose(self.protected)
        inner = os.path.join(path, self.dice.choose(["config", "hooks", "HEAD", "x"]))
        aim = self.dice.choose([path, inner])
        above = os.path.dirname(path)
        spare = self.fresh()
        tries = [
            lambda: self.put(inner),
            lambda: os.close(os.open(aim, os.O_WRONLY | os.O_TRUNC)),
            lambda: os.write(os.open(aim, os.O_WRONLY | os.O_APPEND), b"evil"),
            lambda: os.chmod(aim, 0o777),
            lambda: os.unlink(aim),
            lambda: os.rmdir(aim),
            lambda: self.rename(aim, spare),
            lambda: self.rename(above, spare) if above else None,
            lambda: (self.put(spare), os.rename(spare, aim)),
            lambda: (self.put(spare), self.rename(spare, aim, EXCHANGE)),
            lambda: os.link(aim, spare),
            lambda: os.symlink(os.path.abspath(aim), spare),
            lambda: os.chmod(above or ".", 0o700),
            lambda: os.utime(aim, (0, 0)),
            lambda: os.setxattr(aim, "user.evil", b"evil"),
        ]
        self.dice.choose(tries)()

    def wait(self):
        time.sleep(self.dice.below(30) / 1000)

    def live_on(self):
        """A child that may be there when the program has ended."""
        seed = self.dice.below(1 << 62)
        self.children += 1
        if self.children > 3 or os.fork() != 0:
            return
        self.children = 3
        self.dice = Dice(seed)
        if self.dice.percent(50):
            os.setsid()
        for _ in range(self.dice.below(12)):
            time.sleep(self.dice.below(25) / 1000)
            self.step()
        os._exit(0)

    def step(self):
        operation, result = self.dice.choose(OPERATIONS), "done"
        try:
            getattr(self, operation)()
        except OSError as error:
            result = f"{error.strerror} {error.filename}"
        if self.loud:
            now = time.clock_gettime(time.CLOCK_REALTIME)
            line = f"{now:.6f} {os.getpid()} {operation}: {result}\n"
            os.write(1, line.encode("utf-8", "backslashreplace"))

    def end(self):
        how = self.dice.below(8)
        if how == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == 1:
            time.sleep((100 + self.dice.below(150)) / 1000)
        elif how == 2:
            os.execv("/bin/true", ["true"])


OPERATIONS = [
    *("attack",) * 6,
    *("plant_file", "plant_directory", "plant_by_rename", "plant_link", "move_to_obeyed") * 2,
    *("plant_hard_link", "plant_pipe", "bare_repository", "repository_in_place", "churn"),
    *("repository_by_rename", "venv", "mark", "bytecode", "move", "exchange", "lead_elsewhere"),
    *("close", "plant_and_close", "deep", "crowd", "held", "wait", "wait", "live_on"),
    *("new_repository", "new_repository", "usual_venv", "usual_venv", "usual_name"),
    *("close_and_open", "close_above", "spy"),
]


def main():
    told = json.loads(sys.stdin.readline())
    hostile = Hostile(told["seed"], told["names"], told["protected"], told["loud"])
    lasting = hostile.dice.percent(25)
    for _ in range(4 + hostile.dice.below(40)):
        hostile.step()
        if lasting:
            time.sleep(hostile.dice.below(12) / 1000)
    hostile.end()


if __name__ == "__main__":
    main()
