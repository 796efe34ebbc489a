"""Random projects: all that can lie in one and that has to be found again unharmed."""

import contextlib
import dataclasses
import os

from hostile import HEAD, SECRET

from lib import obeyed
from lib.user import AS_ROOT

# By hand: a few of a thousand rounds find the target of a lead writable.
LEADS = os.environ.get("SVENV_PROPERTY_LEADS") == "1"

NESTED_MAX = 7
PLAIN = ("src", "lib", "tests", "docs", "data", "node_modules", "build", "a b", "x")
ODD = ("\udcff\udcfe", "new\nline", "*", "[a]", "-rf", "\u00e9", "n" * 200, "'", "\\", "$HOME")


def concrete(pattern, dice):
    """A name that fits a pattern."""
    return pattern.replace("*", dice.choose(["x", "local", "a.b"])).replace("?", "q")


def quoted(text):
    """As a value in git's configuration."""
    for one, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(one, written)
    return f'"{text}"'


class Forest:
    def __init__(self, top, dice):
        self.top, self.dice = str(top), dice
        self.dirs = [""]
        self.texts = 0
        self.patterns = obeyed.protected_names()

    def path(self, rel):
        return os.path.join(self.top, rel)

    def write(self, rel, text=None, mode=0o644):
        self.texts += 1
        with open(os.open(self.path(rel), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(os.fsencode(f"user {self.texts}.\n" if text is None else text))

    def plain_name(self):
        name = self.dice.choose(ODD if self.dice.percent(10) else PLAIN)
        return name + (str(self.dice.below(20)) if self.dice.percent(70) else "")

    def new(self, name=None, keep=True):
        """A directory at a random place."""
        rel = os.path.join(self.dice.choose(self.dirs), name or self.plain_name())
        os.mkdir(self.path(rel))
        if keep and rel.count("/") < NESTED_MAX:
            self.dirs.append(rel)
        return rel

    def plain(self):
        rel = os.path.join(self.dice.choose(self.dirs), self.plain_name())
        self.write(rel, mode=self.dice.choose([0o644, 0o600, 0o755]))
        if self.dice.percent(10):
            os.link(self.path(rel), self.path(rel + "-2"))

    def obeyed(self):
        pattern = concrete(self.dice.choose(self.patterns), self.dice)
        rel = os.path.join(self.dice.choose(self.dirs), self.dice.any_case(pattern))
        os.makedirs(os.path.dirname(self.path(rel)), exist_ok=True)
        if self.dice.percent(60):
            self.write(rel, mode=self.dice.choose([0o644, 0o600]))
        else:
            os.mkdir(self.path(rel))
            for name in ("config", "x", "settings.json")[: self.dice.below(4)]:
                self.write(os.path.join(rel, name))

    def repository_at(self, rel):
        os.makedirs(self.path(rel + "/objects/info"))
        os.makedirs(self.path(rel + "/refs/heads"))
        os.mkdir(self.path(rel + "/hooks"))
        self.write(rel + "/HEAD", HEAD)
        self.write(rel + "/config", "[core]\n\trepositoryformatversion = 0\n")
        self.write(rel + "/hooks/pre-commit", mode=0o755)

    def repository(self):
        rel = self.new()
        self.repository_at(rel + "/.git")

    def bare(self):
        self.repository_at(self.new(keep=False))

    def submodule(self):
        """Also as a worktree has it."""
        rel = self.new()
        kept = os.path.join(self.dice.choose(self.dirs), self.plain_name() + "-modules")
        self.repository_at(kept)
        to = os.path.relpath(self.path(kept), self.path(rel))
        self.write(rel + "/.git", f"gitdir: {to}\n")

    def venv(self):
        rel = self.new(keep=False)
        os.makedirs(self.path(rel + "/bin"))
        self.write(rel + "/pyvenv.cfg", "home = /usr/bin\n")
        self.write(rel + "/bin/activate")
        if self.dice.percent(50):
            os.mkdir(self.path(rel + "/sandbox"))
            self.write(rel + "/sandbox/policy.yaml", "version: 1\n")

    def link(self):
        rel = os.path.join(self.dice.choose(self.dirs), self.plain_name())
        to = self.dice.choose([*self.dirs, "nothing", "/usr", "/etc/passwd"]) or "."
        os.symlink(to if to[0] == "/" else os.path.relpath(self.path(to), self.top), self.path(rel))

    def target(self):
        """Something for a link to lead to. Return: its path."""
        rel = os.path.join(self.dice.choose(self.dirs), self.plain_name() + "-led")
        kind = self.dice.choose(["file", "file", "directory", "repository", "nothing"])
        if kind == "file":
            self.write(rel, mode=self.dice.choose([0o644, 0o755]))
        elif kind == "directory":
            os.mkdir(self.path(rel))
            self.write(rel + "/x")
        elif kind == "repository":
            self.repository_at(rel)
        return rel

    def link_to(self, rel, target):
        """Also by way of another link, and by the whole path."""
        if self.dice.percent(30):
            way = rel + "-way"
            os.symlink(os.path.relpath(target, os.path.dirname(way) or "."), self.path(way))
            target = way
        text = os.path.relpath(target, os.path.dirname(rel) or ".")
        os.symlink(self.path(target) if self.dice.percent(20) else text, self.path(rel))

    def obeyed_link(self):
        name = self.dice.choose([".envrc", ".vscode", "AGENTS.md", ".git", ".mise.toml", ".claude"])
        rel = name if self.dice.percent(40) else os.path.join(self.new(), name)
        self.link_to(rel, self.target())

    def inner_link(self):
        """In a directory that tools obey."""
        rel = self.new()
        inner = self.dice.choose([".vscode", ".claude", ".git/hooks"])
        if inner == ".git/hooks":
            self.repository_at(rel + "/.git")
        else:
            os.mkdir(self.path(f"{rel}/{inner}"))
        self.link_to(f"{rel}/{inner}/led", self.target())

    def twin(self):
        """A protected file with a second name."""
        rel = os.path.join(self.dice.choose(self.dirs), self.dice.choose([".envrc", "mise.toml"]))
        self.write(rel)
        os.link(self.path(rel), self.path(os.path.join(self.dice.choose(self.dirs), "twin")))

    def secret(self):
        """At the top, where a policy hides it; perhaps with a second name."""
        self.write(".env", f"user_key={SECRET}\n")
        if self.dice.percent(50):
            os.link(self.path(".env"), self.path(os.path.join(self.dice.choose(self.dirs), "twin")))

    def configured(self):
        """A repository whose configuration leads elsewhere."""
        rel = "" if self.dice.percent(30) else self.new()
        git = os.path.join(rel, ".git")
        self.repository_at(git)
        hooks, shared = (os.path.join(rel, self.plain_name() + end) for end in ("-hooks", "-cfg"))
        os.mkdir(self.path(hooks))
        self.write(hooks + "/pre-commit", mode=0o755)
        self.write(shared, "[user]\n\tname = user\n")
        with open(self.path(git + "/config"), "ab") as out:
            out.writelines(
                os.fsencode(line)
                for line in (
                    f"[core]\n\thooksPath = {quoted(os.path.basename(hooks))}\n",
                    f"[include]\n\tpath = {quoted('../' + os.path.basename(shared))}\n",
                )
            )

    def usual_venv(self):
        """One that is there, or a directory of that name that is none."""
        rel = self.dice.choose(["venv", "env"])
        os.makedirs(self.path(rel + "/bin"))
        self.write(rel + "/bin/run")
        if self.dice.percent(50):
            self.write(rel + "/pyvenv.cfg", "home = /usr/bin\n")
            self.write(rel + "/bin/activate")

    def deep(self):
        rel = self.new(keep=False)
        for _ in range(self.dice.choose([10, 45, 50, 60])):
            rel += "/d"
            os.mkdir(self.path(rel))
        self.write(rel + "/.envrc")

    def many(self):
        top = self.new()
        for number in range(self.dice.choose([30, 100, 350])):
            os.mkdir(self.path(f"{top}/n{number}"))
        self.write(f"{top}/n7/.envrc")

    def bytecode(self):
        rel = os.path.join(self.dice.choose(self.dirs), "__pycache__")
        os.mkdir(self.path(rel))
        self.write(rel + "/old.cpython-311.pyc")

    def grow(self):
        """Return: everything that lies there."""
        usual = (
            ["plain"] * 6 + ["new"] * 8 + ["obeyed"] * 6 + ["repository", "link", "bytecode"] * 2
        )
        usual += ["bare", "submodule", "venv", "usual_venv", "secret"]
        if LEADS:
            usual += ["obeyed_link", "inner_link", "twin", "configured"]
        if self.dice.percent(40):
            self.repository_at(".git")
        for _ in range(10 + self.dice.below(40)):
            # A name may be taken by then, also by a link that leads nowhere.
            with contextlib.suppress(FileExistsError, NotADirectoryError, FileNotFoundError):
                getattr(self, self.dice.choose(usual))()
        for rare, share in (("deep", 10), ("many", 10)):
            if self.dice.percent(share):
                with contextlib.suppress(FileExistsError):
                    getattr(self, rare)()
        return obeyed.look(self.top)


def close(top, tree, dice):
    """Takes permissions of some directories away. Return: the tree as it is then. Not as root, who
    may look into all of them outside and into none inside, and whose starts are refused then."""
    if AS_ROOT:
        return tree
    changed = dict(tree)
    for path in sorted((path for path in tree if tree[path].kind == "d"), reverse=True):
        if dice.percent(3):
            mode = dice.choose([0, 0o311, 0o111, 0o444])
            os.chmod(os.path.join(top, path), mode)
            changed[path] = dataclasses.replace(tree[path], mode=mode)
    return changed
