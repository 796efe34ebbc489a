"""GIT, second part: a program that passes what it makes off as the user's own."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import harness
from group_prj import MOMENT, mini
from harness import Host, Probe, every

from lib.processes import wait_for

WHO = {
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@example.org",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}
TASKS = ".vscode/tasks.json"
OURS = '{"version": "2.0.0"}\n'
PREPARED = "import os, sys, time\nprint('ready', flush=True)\n"


def git(base, *words):
    env = {"PATH": os.environ["PATH"], "HOME": str(base.parent), **WHO}
    return harness.must([shutil.which("git"), *words], cwd=base, env=env).stdout


def start(view, base, venv, code, wait=0.5):
    """The program begins, and the watching beside it."""
    argv, options = [harness.SYSTEM_PYTHON, "-c", code], {}
    if view.inside:
        python = venv / "bin" / "python"
        argv = ["sandbox-venv", "run", venv, "-", python, python, "-c", code]
        options["executable"] = str(view.world.launcher or harness.LAUNCHER)
    process = subprocess.Popen(
        [str(word) for word in argv],
        cwd=base,
        env=harness.clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        **options,
    )
    process.stdout.readline()
    time.sleep(wait)
    return process


def end(process):
    process.communicate("\n", timeout=harness.TIMEOUT)


def repository(base):
    """On main; `other` adds a protected name."""
    (base / ".gitignore").write_text(".venv\n")
    git(base, "init", "-q", "-b", "main")
    git(base, "add", ".")
    git(base, "commit", "-q", "-m", "first")
    git(base, "checkout", "-q", "-b", "other")
    (base / ".vscode").mkdir()
    (base / TASKS).write_text(OURS)
    git(base, "add", ".")
    git(base, "commit", "-q", "-m", "second")
    git(base, "checkout", "-q", "main")


def content(base, name):
    """The host obeys this in the end; the loss of the user's file is a result, too."""
    path = base / name
    wait_for(lambda: not path.exists() or path.read_text() == OURS, MOMENT // 4)
    if not path.exists():
        return "gone"
    return "the user's" if path.read_text() == OURS else "evil"


def checked_out(code):
    """The user's git brings a name while the program does its worst."""

    def act(view, base, venv):
        process = start(view, base, venv, PREPARED + code)
        git(base, "checkout", "-q", "other")
        end(process)
        return content(base, TASKS)

    return Host(lambda view: mini(view, repository, lambda *places: act(view, *places)))


HONEST = "input()"
FLOOD = """
until = time.time() + 4
while time.time() < until:
    try:
        if os.path.exists(".vscode"):
            open(".vscode/tasks.json", "w").write("evil")
    except OSError:
        pass
"""
# A descriptor of the directory, even one that can't be read by, opens the file again.
EXCHANGE = """
fd = -1
until = time.time() + 5
while fd < 0 and time.time() < until:
    try:
        fd = os.open(".vscode", os.O_PATH)
    except OSError:
        pass
time.sleep(2)
if fd >= 0:
    try:
        file = os.open("tasks.json", os.O_WRONLY | os.O_TRUNC, dir_fd=fd)
        os.write(file, b"evil")
        time.sleep(1)
    except OSError:
        pass
"""

KINDS = {
    "plain": {},
    "a hook": {"hooks/post-checkout": "#!/bin/sh\n"},
    "an address that runs": {"config": '[remote "origin"]\n\turl = ext::sh -c x\n'},
    "a file system monitor": {"config": "[core]\n\tfsmonitor = ./x\n"},
    "one behind a value in quotes": {"config": '[core]\n\tbare = "x\\\n"\n\tfsmonitor = ./x\n'},
    "one in the line of its section": {"config": "[core] fsmonitor = ./x\n"},
    "one behind a value beyond the room": {
        "config": f"[user]\n\tname = {'x' * 8000}\n[core]\n\tfsmonitor = ./x\n"
    },
    "other objects": {"objects/info/alternates": "/home\n"},
    "a path of hooks": {"config": "[core]\n\thooksPath = .\n"},
    "an include": {"config": "[include]\n\tpath = ../x\n"},
    "attributes": {"info/attributes": "* filter=x\n"},
    "another directory's": {"commondir": "../../other/.git\n"},
}
MAKES = """
import json, os, sys
for number, files in enumerate(json.loads(sys.argv[1])):
    base = "made-%d" % number
    whole = {"HEAD": "ref: refs/heads/main\\n", "config": "[core]\\n\\tbare = false\\n",
             "refs/x": "", "objects/x": "", **files}
    for name, text in whole.items():
        path = os.path.join(base, "git", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    os.rename(base + "/git", base + "/.git")
"""


def makes_repositories(view):
    """Those that git still takes for repositories when the program has ended."""

    def act(base, venv):
        code = MAKES.replace("sys.argv[1]", repr(json.dumps(list(KINDS.values()))))
        end(start(view, base, venv, "print('ready', flush=True)\n" + code + "input()"))
        return {
            kind: "stays" if (base / f"made-{number}/.git/HEAD").exists() else "disarmed"
            for number, kind in enumerate(KINDS)
        }

    return mini(view, lambda base: None, act)


def copies(code):
    """A program writes what the index has, at a place or in a way that is not the user's."""

    def act(view, base, venv):
        process = start(view, base, venv, PREPARED + code)
        time.sleep(2)
        end(process)
        end(start(view, base, venv, PREPARED + LATER, wait=0))
        return {name: content(base, name) for name in (TASKS, "sub/" + TASKS)}

    def prepare(base):
        repository(base)
        git(base, "checkout", "-q", "other")
        shutil.rmtree(base / ".vscode")

    return Host(lambda view: mini(view, prepare, lambda *places: act(view, *places)))


ELSEWHERE = f"""
os.makedirs("sub/.vscode")
open("sub/.vscode/tasks.json", "w").write({OURS!r})
input()
"""
TWO_NAMES = f"""
os.makedirs("mine")
open("mine/tasks.json", "w").write({OURS!r})
os.link("mine/tasks.json", "other")
os.rename("mine", ".vscode")
input()
"""
LATER = """
if os.path.exists("other"):
    open("other", "w").write("evil")
"""

# Made elsewhere, and brought by a program that ends at once, or it would be covered half made.
OWN_INDEX = """
import subprocess
os.mkdir(other)
open(other + "/x", "w").write("evil")
def git(*words):
    return subprocess.run(["git", "-C", other, *words], stdout=-1, text=True).stdout.strip()
git("init", "-q", "--template=")
blob = git("hash-object", "-w", "x")
git("update-index", "--add", "--cacheinfo", "100644," + blob + ",.vscode/tasks.json")
"""
BRINGS = """
import shutil
os.mkdir("sub")
shutil.copytree(other + "/.git", "sub/.git")
"""


def trusts_own_index(view):
    """A program's repository stays, and in the next run it names the program's file."""

    def act(base, venv):
        other = f"other = os.path.expanduser('~/{base.name}')\n"
        end(start(view, base, venv, PREPARED + other + OWN_INDEX, wait=0))
        for _ in range(8):  # until it is quicker than the first tenth of a second
            if (base / "sub/.git/HEAD").exists():
                break
            harness.remove_tree(base / "sub")
            end(start(view, base, venv, PREPARED + other + BRINGS, wait=0))
        if not (base / "sub/.git/HEAD").exists():
            return "no repository"
        code = (
            "os.makedirs('sub/.vscode'); open('sub/.vscode/tasks.json', 'w').write('evil')\n"
            "time.sleep(3)\n"
        )
        end(start(view, base, venv, PREPARED + code))
        if not view.inside:
            harness.remove_tree(pathlib.Path.home() / base.name)
        return content(base, "sub/" + TASKS)

    return mini(view, lambda base: None, act)


# In the home, where programs write, though it lies below the venv, where they don't.
LEADS_HOME = """
part = os.path.join(os.environ["HOME"], where, "x/.git/modules/evil")
for name in ("objects", "refs/heads"):
    os.makedirs(os.path.join(part, name))
os.makedirs("sub")
open(part + "/HEAD", "w").write("ref: refs/heads/main\\n")
open(part + "/config", "w").write(
    "[core]\\n\\trepositoryformatversion = 0\\n\\tworktree = " + os.getcwd() + "/sub\\n"
    "\\tfsmonitor = touch " + os.getcwd() + "/ran; false\\n")
open("sub/.git", "w").write("gitdir: " + outside + "/x/.git/modules/evil\\n")
"""


def leads_home(view):
    """The user calls git in a directory whose .git leads into the program's home."""

    def act(base, venv):
        home = venv / "home" if view.inside else pathlib.Path.home() / base.name
        where = "." if view.inside else base.name
        names = f"where, outside = {where!r}, {str(home)!r}\n"
        end(start(view, base, venv, PREPARED + names + LEADS_HOME, wait=0))
        harness.run(
            [shutil.which("git"), "status"],
            cwd=base / "sub",
            env={"PATH": os.environ["PATH"], "HOME": str(base.parent), **WHO},
        )
        harness.remove_tree(home / "x")
        if not view.inside:
            harness.remove_tree(home)
        return "ran" if (base / "ran").exists() else "kept out"

    return mini(view, lambda base: None, act)


HANDS_ON = """
import socket
os.makedirs("made/git/objects"); os.makedirs("made/git/refs")
open("made/git/HEAD", "w").write("ref: refs/heads/main\\n")
open("made/git/config", "w").write("[core]\\n\\tbare = false\\n")
os.rename("made/git", "made/.git")
server = socket.socket(socket.AF_UNIX)
server.bind(at)
server.listen()
held = os.open("made/.git", os.O_PATH)
if os.fork() == 0:
    other = server.accept()[0]
    socket.send_fds(other, [b"x"], [held])
    os._exit(0)
time.sleep(1)
"""
TAKES_OVER = """
import socket
client = socket.socket(socket.AF_UNIX)
client.connect(at)
held = socket.recv_fds(client, 1, 1)[1][0]
input()
file = os.open("config", os.O_WRONLY | os.O_TRUNC, dir_fd=held)
os.write(file, b"[core]\\n\\tfsmonitor = ./x\\n")
"""


def hands_on(view):
    """A repository that runs nothing, and a descriptor of it for the next program."""

    def act(base, venv):
        at = f"at = '/tmp/{base.name}-{os.getpid()}'\n"
        first = start(view, base, venv, PREPARED + at + HANDS_ON, wait=0.5)
        second = start(view, base, venv, PREPARED + at + TAKES_OVER, wait=0.5)
        end(first)
        end(second)
        if not view.inside:
            os.unlink(f"/tmp/{base.name}-{os.getpid()}")
        config = base / "made/.git/config"
        return "stays" if config.exists() and "fsmonitor" in config.read_text() else "disarmed"

    return mini(view, lambda base: None, act)


def moves_above(view):
    """Two programs: one makes a/git/hooks, the next gives a the name that git looks for."""

    def prepare(base):
        git(base, "init", "-q")
        git(base, "config", "core.hooksPath", "tools/git/hooks")

    def act(base, venv):
        makes = (
            "os.makedirs('a/git/hooks'); open('a/git/hooks/pre-commit', 'w').write('#!/bin/sh')\n"
        )
        end(start(view, base, venv, PREPARED + makes, wait=0))
        end(start(view, base, venv, PREPARED + "os.rename('a', 'tools')\n", wait=0))
        return "there" if (base / "tools/git/hooks/pre-commit").exists() else "gone"

    return mini(view, prepare, act)


PROBES = [
    Probe(
        "GIT-13",
        "the user's checkout beside a program that waits",
        checked_out(HONEST),
        "the user's",
        "the user's",
    ),
    Probe(
        "GIT-13b",
        "a program that writes the same name at once, in a loop",
        checked_out(FLOOD),
        ("gone", "the user's"),
        "evil",
    ),
    Probe(
        "GIT-14",
        "a descriptor that was kept from before the judgement",
        checked_out(EXCHANGE),
        ("gone", "the user's"),
        "evil",
    ),
    Probe(
        "GIT-15",
        "repositories that a program makes",
        Host(makes_repositories),
        {kind: "disarmed" if kind != "plain" else "stays" for kind in KINDS},
        every("stays"),
    ),
    Probe(
        "GIT-16",
        "a content of the index, at a place where the index has none",
        copies(ELSEWHERE),
        {TASKS: "gone", "sub/" + TASKS: "gone"},
        {TASKS: "gone", "sub/" + TASKS: "the user's"},
    ),
    Probe(
        "GIT-17",
        "a content of the index, in a file with two names",
        copies(TWO_NAMES),
        {TASKS: "gone", "sub/" + TASKS: "gone"},
        {TASKS: "evil", "sub/" + TASKS: "gone"},
    ),
    Probe(
        "GIT-18",
        "the index of a repository that a program made, in its next run",
        Host(trusts_own_index),
        "gone",
        "evil",
    ),
    Probe(
        "GIT-21",
        "a .git file that leads into the program's home",
        Host(leads_home),
        "kept out",
        "ran",
    ),
    Probe(
        "GIT-22",
        "a descriptor of a new repository, handed to the next program",
        Host(hands_on),
        "disarmed",
        "stays",
    ),
    Probe(
        "GIT-23",
        "a name of several parts that comes about by a rename above",
        Host(moves_above),
        "gone",
        "there",
    ),
]
