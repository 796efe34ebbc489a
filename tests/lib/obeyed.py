"""An understanding of its own of what tools obey in a project, and what may become of it.

Nothing here is the guard's: the names come from the text of the template, the comparing is
Python's fnmatch, a repository is what git says that it is.
"""

import dataclasses
import fnmatch
import functools
import os
import pathlib
import re
import stat

from lib import repositories

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "templates" / "default.yaml"
SPARED = (".env.example", ".env.sample", ".env.template")
BYTECODE = "__pycache__"
TAKEN = ".sandbox-venv-taken-"


@functools.cache
def protected_names(template=TEMPLATE):
    """The list at the end of the template, byte code left out."""
    text = template.read_text()
    lines = text[text.index("\n  protect:\n") :].splitlines()
    names = [line.strip()[2:].strip('"') for line in lines if line.strip().startswith("- ")]
    return tuple(name for name in names if name != BYTECODE)


@functools.cache
def _rules():
    """For each number of parts: one expression for the last part, and all parts of the others."""
    single, several = [], []
    for name in protected_names():
        parts = name.lower().split("/")
        if len(parts) == 1:
            single.append(fnmatch.translate(parts[0]))
        else:
            several.append([re.compile(fnmatch.translate(part), re.DOTALL) for part in parts])
    return re.compile("|".join(single), re.DOTALL), several


def _lower(text):
    """Capitals of ASCII alone."""
    return "".join(c.lower() if "A" <= c <= "Z" else c for c in text)


@functools.cache
def _fits_single(name):
    return bool(_rules()[0].match(_lower(name))) and name not in SPARED


def is_obeyed(path):
    parts = path.split("/")
    if _fits_single(parts[-1]):
        return True
    for rule in _rules()[1]:
        end = parts[-len(rule) :]
        if len(end) == len(rule) and all(
            part.match(_lower(text)) for part, text in zip(rule, end, strict=True)
        ):
            return True
    return False


@dataclasses.dataclass(frozen=True)
class Entry:
    kind: str
    mode: int
    ino: int
    text: bytes  # of a file or a link


def look(top, leave_out=(".venv",)):
    """Everything below a directory. Its directories that nobody may read are opened for that, and
    stay open."""
    found = {}

    def enter(directory, rel):
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            os.chmod(directory, 0o700 | stat.S_IMODE(os.lstat(directory).st_mode))
        for entry in os.scandir(directory):
            path = rel + entry.name
            if path in leave_out:
                continue
            info = entry.stat(follow_symlinks=False)
            text = b""
            if entry.is_symlink():
                text = os.fsencode(os.readlink(entry.path))
            elif stat.S_ISREG(info.st_mode):
                text = read(entry.path)
            kind = stat.filemode(info.st_mode)[0]
            found[path] = Entry(kind, stat.S_IMODE(info.st_mode), info.st_ino, text)
            if kind == "d":
                enter(entry.path, path + "/")

    enter(str(top), "")
    return found


def read(path):
    try:
        return pathlib.Path(path).read_bytes()
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        os.chmod(path, mode | 0o400)
        data = pathlib.Path(path).read_bytes()
        os.chmod(path, mode)
        return data


def is_repository(tree, path):
    """git's is_git_directory(), for one that has its parts in itself."""
    head = tree.get(path + "/HEAD")
    if head is None:
        return False
    if head.kind == "l":
        is_head = head.text.startswith(b"refs/")
    else:
        is_head = head.kind == "-" and re.match(rb"ref:\s*refs/|[0-9a-f]{40}", head.text)
    parts = (tree.get(f"{path}/{name}") for name in ("objects", "refs"))
    return bool(is_head) and all(part is not None and part.kind in "dl" for part in parts)


def roots(tree, made_inside):
    """The things that tools obey, but those in others; of venvs not those in the set of inodes."""
    found = {}
    for path in sorted(tree, key=lambda path: path.split("/")):
        entry = tree[path]
        above = path.rpartition("/")[0]
        while above and above not in found:
            above = above.rpartition("/")[0]
        if above:
            continue
        if is_obeyed(path):
            found[path] = "name"
        elif entry.kind == "d" and is_repository(tree, path):
            found[path] = "repository"
        elif entry.kind == "d" and path + "/pyvenv.cfg" in tree and entry.ino not in made_inside:
            found[path] = "venv"
    return found


def follow(tree, top, path, links=8):
    """Where a path leads in the project, through all links; None: outside, or nowhere."""
    done = ""
    todo = path.split("/")
    while todo:
        part = todo.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return None
            done = done.rpartition("/")[0]
            continue
        here = f"{done}/{part}" if done else part
        entry = tree.get(here)
        if entry is not None and entry.kind == "l":
            links -= 1
            text = os.fsdecode(entry.text)
            if text.startswith("/"):
                if top is None or not text.startswith(f"{top}/"):
                    return None
                done, text = "", text[len(str(top)) + 1 :]
            if links == 0:
                return None
            todo = text.split("/") + todo
            continue
        if todo and (entry is None or entry.kind != "d"):
            return None
        done = here
    return done or None


def configured(tree, path):
    """Paths that the configuration of a directory `.git` names."""
    config = tree.get(path + "/config")
    section = ""
    for line in os.fsdecode(config.text).split("\n") if config else ():
        section = line.strip("[] \t").lower() if line.startswith("[") else section
        key, _, value = (part.strip() for part in line.partition("="))
        value = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value.strip('"'))
        if section == "core" and key.lower() == "hookspath":
            yield f"{path}/../{value}"
        if section == "include" and key.lower() == "path":
            yield f"{path}/{value}"


def leads(tree, was, top):
    """The paths elsewhere in the project that its protected things lead to: targets of links, other
    names of the same file, and what git's configuration names."""
    found, inodes = set(), set()
    for root, kind in was.items():
        is_git = kind == "repository" or root.rpartition("/")[2].lower() == ".git"
        for path, entry in below(tree, root).items():
            leads_git = path == root or path.startswith(root + "/hooks/")
            if entry.kind == "l" and kind != "venv" and (leads_git or not is_git):
                found.add(follow(tree, top, path))
            if entry.kind == "-" and path == root:
                inodes.add(entry.ino)
        if is_git and tree[root].kind == "d":
            found |= {follow(tree, top, path) for path in configured(tree, root)}
    found |= {path for path, entry in tree.items() if entry.kind == "-" and entry.ino in inodes}
    return found - {None}


USUAL_VENVS = (".venv", "venv", "env")


def usual_venv_marks(tree):
    """The names that make a virtualenv of a directory at the top that tools look for there, also
    through a link."""
    found = set()
    for name in tree:
        if "/" in name or _lower(name) not in USUAL_VENVS:
            continue
        real = follow(tree, None, name)
        for path in below(tree, real) if real else ():
            rest = path[len(real) + 1 :]
            if rest == "pyvenv.cfg" or re.match(r"bin/(python|activate)[^/]*$", rest):
                found.add(f"{name}/{rest}")
    return found


def below(tree, root):
    return {
        path: entry for path, entry in tree.items() if path == root or path.startswith(root + "/")
    }


def differences(before, after, root):
    """A thing that was there stays as it was; a link may go, as it can have no mount."""
    old, new = below(before, root), below(after, root)
    if root not in before:
        if new:
            yield f"'{root}', which a link leads to, was not there: {after.get(root)}"
        return
    if before[root].kind == "l" and not new:
        return
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield f"protected '{path}' was {old.get(path)}, is {new.get(path)}"


def bytecode(tree, made_inside):
    found = set()
    for path in tree:
        parts = path.split("/")
        if path.endswith(".pyc") and BYTECODE in parts:
            venvs = (tree.get("/".join(parts[:at])) for at in range(1, len(parts)))
            if not any(entry.ino in made_inside for entry in venvs if entry):
                found.add(path)
    return found


def new_venvs(before, after):
    """Inodes of venvs that the run made: those stay writable, and stay."""
    found = set()
    for path, entry in after.items():
        if entry.kind == "d" and path + "/pyvenv.cfg" in after:
            old = before.get(path)
            if old is None or old.ino != entry.ino or path + "/pyvenv.cfg" not in before:
                found.add(entry.ino)
    return found


def judge(before, after, made_inside, top=None):
    """Return: what should not be, in words. made_inside: of runs before; gets those of this one.
    top: the project's path."""
    was = roots(before, made_inside)
    led = leads(before, was, top)
    made_inside |= new_venvs(before, after)
    for root in [*was, *sorted(led - set(was))]:
        yield from differences(before, after, root)
    now = roots(after, made_inside)
    for path, kind in now.items():
        if path in was:
            continue
        if not repositories.may_stay(after, path, kind):
            yield f"planted {kind} '{path}' stays: {after[path]}"
        elif kind == "repository":
            yield from (
                f"planted '{name}' stays in a repository"
                for name in below(after, path)
                if name not in now and name not in before and is_obeyed(name)
            )
    for path in usual_venv_marks(after) - usual_venv_marks(before):
        yield f"'{path}' makes a virtualenv of a usual name"
    known = {(before[path].ino, before[path].text) for path in bytecode(before, made_inside)}
    for path in bytecode(after, made_inside):
        if (after[path].ino, after[path].text) in known:  # also where its directory was moved
            continue
        yield f"planted byte code '{path}' stays"
    for path in after:
        if TAKEN in path and path not in before:
            yield f"'{path}' was not moved away"


def lost(before, after, kept):
    """Texts of files that are nowhere any more. kept: what lies in the quarantine."""
    there = b"\0".join(entry.text for tree in (after, kept) for entry in tree.values())
    for path, entry in before.items():
        if entry.kind == "-" and entry.text.startswith(b"user") and entry.text not in there:
            yield f"'{path}' is lost"
