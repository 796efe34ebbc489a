"""PRJ: files that steer the user's tools, each read by a stand-in for the tool that obeys it."""

import configparser
import os
import re
import secrets

import harness
from harness import Host, Probe, every

EVIL = "print('evil')\n"
SHELL = "#!/bin/sh\necho evil\n"


def write(base, files, links):
    """Makes files, and links in their places; each is a path below the project and its text."""
    results = {}
    for name, text in files.items():
        path = os.path.join(base, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)
        results[name] = "ok"
    for name, target in links.items():
        os.symlink(target, os.path.join(base, name))
        results[name] = "ok"
    return results


def python(base, *words):
    return harness.run([harness.SYSTEM_PYTHON, *words], cwd=base).stdout.strip()


def section(path, name, key):
    config = configparser.ConfigParser()
    config.read(path)
    return config.get(name, key, fallback="")


def mise(base):
    """A shell with mise puts the directories of the tools first in PATH, then the user types ls."""
    file = base / "mise.local.toml"
    tool = re.search(r'"path:(.*)"', file.read_text()) if file.exists() else None
    path = f"{base / tool[1]}/bin:/usr/bin:/bin" if tool else "/usr/bin:/bin"
    return harness.run(["sh", "-c", "ls"], cwd=base, env={"PATH": path}).stdout.strip()


def assistant(base):
    """An assistant runs every extension when it starts."""
    return "".join(python(base, path) for path in sorted(base.glob(".pi/extensions/*")))


def rope(base):
    file = base / "sub" / ".ropeproject" / "config.py"
    return python(base, file) if file.exists() else ""


def pylint(base):
    return python(base, "-c", section(base / "pylintrc", "MAIN", "init-hook"))


def mypy(base):
    plugin = section(base / "mypy.ini", "mypy", "plugins")
    return python(base, plugin) if plugin else ""


def instructions(base):
    """An assistant reads the instructions of each directory, on some file systems by any case."""
    found = [path for path in base.rglob("*") if path.name.lower() == "agents.md"]
    return "evil" if any("evil" in path.read_text() for path in found) else ""


# Letter of the id: what obeys, files, links, the stand-in.
TOOLS = {
    "a": (
        "a tool's path for mise, and the next ls",
        {"mise.local.toml": '[tools]\nnode = "path:./evil"\n', "evil/bin/ls": SHELL},
        {},
        mise,
    ),
    "b": ("an assistant's extension", {".pi/extensions/x.ts": EVIL}, {}, assistant),
    "c": ("rope's configuration", {"sub/.ropeproject/config.py": EVIL}, {}, rope),
    "d": ("pylint's init-hook", {"pylintrc": "[MAIN]\ninit-hook=print('evil')\n"}, {}, pylint),
    "e": (
        "a plugin of mypy",
        {"mypy.ini": "[mypy]\nplugins = ./plugin.py\n", "plugin.py": EVIL},
        {},
        mypy,
    ),
    "f": ("instructions for an assistant", {"AGENTS.md": "evil\n"}, {}, instructions),
    "g": ("instructions below, of another case", {"sub/Agents.MD": "evil\n"}, {}, instructions),
    "h": (
        "rope's configuration through a link",
        {"other/config.py": EVIL},
        {"sub/.ropeproject": "../other"},
        rope,
    ),
}
# Ordinary programs write these; no tool runs them.
HONEST = dict.fromkeys(
    (
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "setup.cfg",
        "package.json",
        ".aider.chat.history.md",
        "sub/.ropeproject/autoimport.db",
        ".config/settings.ini",
    ),
    "text\n",
)


def base_for(view):
    """A directory of the project that is new, and so is nothing that other probes know."""
    base = view.project / ("steer-" + secrets.token_hex(4))
    (base / "sub").mkdir(parents=True)
    return base


def steer(files, links, tool):
    """Is the tool steered after the program's end?"""

    def play(view):
        base = base_for(view)
        view.world.value(write, str(base), files, links, inside=view.inside)
        said = tool(base)
        harness.remove_tree(base)
        return "ran" if said == "evil" else "did not run"

    return Host(play)


def left(view):
    base = base_for(view)
    view.world.value(write, str(base), HONEST, {}, inside=view.inside)
    found = {name: "ok" if (base / name).exists() else "gone" for name in HONEST}
    harness.remove_tree(base)
    return found


def unguarded(view):
    """A person answers for one tree, and for nothing beside it."""
    names = ("plain/a/.envrc", "forms/none/.envrc", "touched.txt")  # that has its directory read
    view.world.value(write, str(view.project), dict.fromkeys(names, EVIL), {}, inside=view.inside)
    found = ["there" if (view.project / name).exists() else "gone" for name in names[:2]]
    for name in names:
        harness.remove_tree(view.project / name)
    return found


PROBES = [
    *[
        Probe(f"PRJ-35{letter}", row[0], steer(*row[1:]), "did not run", "ran")
        for letter, row in TOOLS.items()
    ],
    Probe(
        "PRJ-37",
        "a name in an unguarded tree, and one beside it",
        Host(unguarded),
        ["there", "gone"],
        ["there", "there"],
        world="unguarded",
    ),
    Probe("PRJ-36", "files of ordinary programs stay", Host(left), every("ok"), every("ok")),
]
