"""PRJ: the writable project as a way to programs of the host."""

import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import time

import harness
from harness import (
    ANY,
    Host,
    Probe,
    Project,
    Python,
    clean_environment,
    every,
    that,
)

from lib import venvs
from lib.processes import wait_for

# Names that tools on the host obey without being asked; none of them is in the world's project.
NEW_FILES = (
    ".env.local",
    "new/.env",
    ".cursor/rules",
    ".zed/settings.json",
    ".fleet/settings.json",
    "evil.code-workspace",
    ".devcontainer/devcontainer.json",
    ".devcontainer.json",
    ".mise.toml",
    "mise.toml",
    ".tool-versions",
    ".python-version",
    ".direnv/x",
    ".husky/pre-commit",
    "lefthook.yml",
    ".hg/hgrc",
    ".svn/entries",
    ".bzr/x",
    ".jj/x",
    ".gitmodules",
    ".claude/settings.json",
    ".mcp.json",
    ".exrc",
    ".nvim.lua",
    ".dir-locals.el",
    ".vimrc",
    ".autoenv.zsh",
    ".zshrc",
    ".bashrc",
    ".profile",
    ".windsurf/x",
    ".gemini/x",
    ".codex/config.toml",
)
CI_FILES = (".github/workflows/x.yml", ".gitlab-ci.yml", ".circleci/config.yml")
PYTHON_FILES = ("conftest.py", "sitecustomize.py", "usercustomize.py", "evil.pth")
EXISTING = (
    ".vscode/settings.json",
    ".idea/workspace.xml",
    ".env",
    ".envrc",
    ".pre-commit-config.yaml",
    ".gitattributes",
    ".git/config",
)


def make(project, names):
    """Makes files that tools of the host would obey."""
    results = {}
    for name in names:
        path = os.path.join(project, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            results[name] = created(path)
        except OSError as error:
            results[name] = name_of(error)
    return results


def change(project, names):
    return {name: written(os.path.join(project, name)) for name in names}


MOMENT = 10  # seconds: what is moved away at once may be so after the program's end


def made(names):
    """The effect: one of the names is on the host after the run. It is removed again."""

    def look(world):
        def left():
            return [name for name in names if os.path.lexists(world.project / name)]

        wait_for(lambda: not left(), MOMENT)
        found = left()
        clear(world.project, names)
        return f"{len(found)} of {len(names)} exist: {', '.join(found[:5])}" if found else None

    return look


def clear(base, names):
    for name in names:
        first = base / pathlib.PurePath(name).parts[0]
        if first.is_dir() and not first.is_symlink():
            harness.remove_tree(first)
        elif os.path.lexists(first):
            first.unlink()


def new(names):
    def play(view):
        result = view.world.value(make, str(view.project), list(names), inside=view.inside)
        if not view.inside:
            clear(view.project, names)
        return result

    return Host(play)


def replace_directory(project, name):
    """Renames a protected directory away and makes another in its place."""
    path = os.path.join(project, name)
    first = attempt(os.rename, path, path + "-moved")
    if first == "ok":
        os.mkdir(path)
        os.rmdir(path)
        os.rename(path + "-moved", path)
    return first


def over(project, names):
    """Replaces protected files by rename, as an editor would."""
    results = {}
    for name in names:
        other = os.path.join(project, "probe-new")
        created(other)
        results[name] = attempt(os.rename, other, os.path.join(project, name))
        if os.path.exists(other):
            os.unlink(other)
    return results


def kept(names):
    def look(world):
        lost = [
            name
            for name in names
            if (world.project / name).read_bytes() == b""
            or b"svenv-written" in (world.project / name).read_bytes()
        ]
        return f"{lost} changed" if lost else None

    return look


def wait_and_write(path, flag, patience):
    """Waits for the host's word, then writes the file that the host replaced; so many hundredths of
    a second may pass until it is protected again."""
    import time

    os.write(1, b"up\n")
    while not os.path.exists(flag):
        time.sleep(0.02)
    for _ in range(patience):
        may = opened(path, os.O_WRONLY)
        if may not in ("ok", "ENOENT") or not os.access(os.path.dirname(path), os.W_OK):
            break
        time.sleep(0.01)
    return written(path)


def waiter(view, target, flag):
    """Starts it, and comes back when it waits."""
    words = [str(target), str(flag), 1000 if view.inside else 0]
    code = harness.code_of(wait_and_write, json.dumps(words))
    if view.inside:
        process = view.world.spawn("python", "-B", "-c", code)
    else:
        process = subprocess.Popen(
            [harness.SYSTEM_PYTHON, "-B", "-c", code], stdout=subprocess.PIPE
        )
    process.stdout.readline()
    return process


def save_atomically(view):
    """An editor on the host saves a protected file while a program runs."""
    target = view.project / ".envrc"
    flag = view.project / "saved"
    flag.unlink(missing_ok=True)
    process = waiter(view, target, flag)
    temporary = view.project / ".envrc.tmp"
    temporary.write_text("# saved\n")
    os.replace(temporary, target)
    flag.write_text("now")
    out, _ = process.communicate(timeout=harness.TIMEOUT)
    flag.unlink(missing_ok=True)
    through = "svenv-written" in target.read_text()
    target.write_text("\n")
    found = harness.result_in(out.decode())
    return "written" if through else found["result"] if found else "stopped"


def write_in_a_loop(path, seconds):
    """Truncates and writes the file whenever that can be done."""
    import contextlib
    import time

    os.write(1, b"up\n")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            os.truncate(path, 1)
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(fd, b"svenv-written")
            os.close(fd)


def save_often(view, hostile):
    """An editor saves a protected file again and again. Return: the fate of the saved text and of
    the program."""
    target = view.project / ".envrc"
    words = [str(view.project / (".envrc" if hostile else "own.txt")), 30]
    code = harness.code_of(write_in_a_loop, json.dumps(words))
    if view.inside:
        process = view.world.spawn("python", "-B", "-c", code)
    else:
        process = subprocess.Popen(
            [harness.SYSTEM_PYTHON, "-B", "-c", code], stdout=subprocess.PIPE
        )
    process.stdout.readline()
    time.sleep(0.5)
    touched = False
    for number in range(60):
        text = f"# saved {number}\n"
        (view.project / "saved.new").write_text(text)
        os.replace(view.project / "saved.new", target)
        time.sleep(0.03)
        touched = target.read_text() != text
        if touched or process.poll() is not None:
            break
    if touched and view.inside:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
    stopped = process.poll() is not None
    process.kill()
    process.wait()
    process.stdout.close()
    target.write_text("\n")
    return "stopped" if stopped else "written" if touched else "kept"


def make_again(path, seconds):
    """Makes the name as soon as it is free. Returns what is there at the end."""
    import contextlib
    import time

    os.write(1, b"up\n")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(fd, b"svenv-written")
            os.close(fd)
            break
        time.sleep(0.001)
    time.sleep(0.5)
    os._exit(0)


def beside(view, function, words, act):
    code = harness.code_of(function, json.dumps(words))
    if view.inside:
        process = view.world.spawn("python", "-B", "-c", code)
    else:
        process = subprocess.Popen(
            [harness.SYSTEM_PYTHON, "-B", "-c", code], stdout=subprocess.PIPE
        )
    process.stdout.readline()
    time.sleep(0.5)
    act()
    process.wait(harness.TIMEOUT)
    process.stdout.close()


def removed_by_user(view):
    """The user removes a protected file; a program makes it again."""
    target = view.project / ".envrc"
    beside(view, make_again, [str(target), 10], target.unlink)
    through = target.exists() and "svenv-written" in target.read_text()
    target.write_text("\n")
    return "written" if through else "kept out"


def temporary_name(view):
    """A program makes what looks like an editor's temporary file."""
    target = view.project / ".envrc.tmp1"
    beside(view, make_again, [str(target), 10], lambda: None)
    left = target.exists()
    target.unlink(missing_ok=True)
    return "left" if left else "taken"


def created_by_user(view):
    """The user makes a protected directory during a run; the program then writes in it."""
    folder = view.project / ".theia"
    flag = view.project / "made"
    flag.unlink(missing_ok=True)
    target = folder / "settings.json"
    process = waiter(view, target, flag)
    folder.mkdir()
    flag.write_text("now")
    out, _ = process.communicate(timeout=harness.TIMEOUT)
    harness.remove_tree(folder)
    flag.unlink(missing_ok=True)
    found = harness.result_in(out.decode())
    return found["result"] if found else "stopped"


def forge_bytecode(view):
    """Byte code with the time stamp and size of a module that did not change."""
    import importlib.util

    module = view.project / "mod.py"
    cache = pathlib.Path(importlib.util.cache_from_source(str(module)))
    code = (
        "import importlib._bootstrap_external as b, os, sys\n"
        f"source = {str(module)!r}; target = {str(cache)!r}\n"
        "st = os.stat(source)\n"
        "data = b._code_to_timestamp_pyc(compile('value = 666', source, 'exec'),"
        " int(st.st_mtime), st.st_size)\n"
        "os.makedirs(os.path.dirname(target), exist_ok=True)\n"
        "open(target, 'wb').write(data)\n"
    )
    if view.inside:
        view.world.python("-B", "-c", code)
    else:
        harness.must([harness.SYSTEM_PYTHON, "-B", "-c", code])
    done = harness.must(
        [harness.SYSTEM_PYTHON, "-c", "import mod; print(mod.value)"], cwd=view.project
    )
    harness.remove_tree(cache.parent)
    return done.stdout.strip()


def normal_bytecode(view):
    """The program imports from the project: it must work, wherever the byte code goes."""
    if view.inside:
        return view.world.python(
            "-c", "import sys; sys.path.insert(0, '.'); import mod; print(mod.value)"
        ).stdout.strip()
    return "1"


def special(project):
    import socket

    results = {"fifo": attempt(os.mkfifo, project + "/probe-fifo")}
    with socket.socket(socket.AF_UNIX) as one:
        results["socket"] = attempt(one.bind, project + "/probe-socket")
    for name in ("probe-fifo", "probe-socket"):
        if os.path.lexists(project + "/" + name):
            os.unlink(project + "/" + name)
    return results


def tree_of(base):
    found = set()
    for folder, names, files in os.walk(base):
        if folder == str(base) and ".venv" in names:
            names.remove(".venv")
        found |= {os.path.relpath(os.path.join(folder, name), base) for name in names + files}
    return found


def nothing_left(view):
    before = tree_of(view.project)
    if view.inside:
        view.world.python("-c", "pass")
        view.world.python("-c", "open('kept-by-user', 'w').close()")
    else:
        (view.project / "kept-by-user").write_text("")
    after = tree_of(view.project)
    (view.project / "kept-by-user").unlink(missing_ok=True)
    return sorted(after - before) + sorted("gone " + name for name in before - after)


def mini(view, prepare, act):
    """A project of its own: prepare(base) before it is wrapped, act(base, venv) afterwards."""
    name = "mini-" + secrets.token_hex(4)
    with Project(top=view.parent, name=name, env=clean_environment()) as made:
        prepare(made.path)
        made.venv()
        done = made.wrap(check=False) if view.inside else None
        if done and done.returncode:
            return "refused: " + done.stderr.strip()
        return act(made.path, made.env_dir)


def protected_link(view):
    def prepare(base):
        (base / "conf" / "vscode").mkdir(parents=True)
        (base / "conf" / "vscode" / "settings.json").write_text("{}\n")
        (base / ".vscode").symlink_to("conf/vscode")

    def act(base, venv):
        code = "open('.vscode/settings.json', 'a').write('svenv-written')"
        done = harness.run([venv / "bin" / "python", "-c", code], cwd=base)
        text = (base / "conf" / "vscode" / "settings.json").read_text()
        return "written" if "svenv-written" in text else f"kept, status {done.returncode}"

    return mini(view, prepare, act)


def flatten(path):
    """Removes a chain of directories from its top: at any depth a path stays short."""
    below = path.with_name("below")
    while (path / "d").exists():
        os.rename(path / "d", below)
        os.rmdir(path)
        os.rename(below, path)
    os.rmdir(path)


def deep_tree(view):
    """Depth, many names and cycles: the start stays bounded."""

    def prepare(base):
        here = os.open(base, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        (base / "many").mkdir()
        for number in range(5000):
            (base / "many" / str(number)).touch()
        (base / "x").symlink_to("y")
        (base / "y").symlink_to("x")
        (base / ("n" * 255)).touch()

    def act(base, venv):
        begin = time.monotonic()
        done = harness.run([venv / "bin" / "python", "-c", "print('ran')"], cwd=base)
        seconds = time.monotonic() - begin
        flatten(base / "d")
        fast = seconds < harness.TIMEOUT / 2
        return ("in time: " if fast else "late: ") + (done.stdout or done.stderr).strip()[:80]

    return mini(view, prepare, act)


def hostile_names(view):
    """Control bytes in names that our messages quote."""
    name = "evil\n\x1b]52;c;eA==\x07\u202e"
    folder = view.parent / name
    folder.mkdir(exist_ok=True)
    try:
        if view.inside:
            done = harness.run([harness.TOOL, "wrap", folder])
            text = done.stderr + done.stdout
        else:
            text = f"cannot open '{folder}'"
    finally:
        folder.rmdir()
    return "raw" if any(mark in text for mark in ("\x1b", "\x07", "\u202e")) else "escaped"


def widened_by_dotenv(view):
    """.env lines that would steer the launcher."""
    (view.project / ".env").write_text(
        f"BWRAP_ARGS=--bind {harness.HOME} {harness.HOME}\nSANDBOX_SECCOMP_ALLOW=\n"
        f"VERBOSE=1\nFROM_DOTENV=yes\n"
    )
    code = (
        f"import os; print(os.path.exists({str(view.home_file)!r}),"
        " 'BWRAP_ARGS' in os.environ, os.environ.get('FROM_DOTENV'))"
    )
    try:
        if view.inside:
            return view.world.python("-c", code).stdout.strip()
        return harness.must([harness.SYSTEM_PYTHON, "-c", code]).stdout.strip()
    finally:
        (view.project / ".env").write_text("FROM_DOTENV=yes\n")


def root_mode(project):
    return attempt(os.chmod, project, 0o777)


def mode_effect(world):
    wide = world.project.stat().st_mode & 0o022
    world.project.chmod(0o755)
    return "the project is writable for others" if wide else None


def other_venv(project):
    """A second venv in the project: its entry points and activate scripts."""
    return {
        name: written(os.path.join(project, "other", name))
        for name in ("bin/activate", "bin/python-probe", "pyvenv.cfg")
    }


def with_other_venv(view, linked=False):
    def prepare(base):
        config = base / "other" / "pyvenv.cfg"
        venvs.make(config.parent)
        (base / "other" / "bin" / "python-probe").write_text("#!/bin/sh\n")
        if linked:
            config.rename(base / "config")
            config.symlink_to("../config")

    def act(base, venv):
        code = harness.code_of(other_venv, json.dumps([str(base)]))
        python = venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
        done = harness.run([python, "-B", "-c", code], cwd=base)
        return harness.result_in(done.stdout)["result"]

    return mini(view, prepare, act)


def with_linked_venv(view):
    """Python reads pyvenv.cfg through a link."""
    told = with_other_venv(view, linked=True)
    del told["pyvenv.cfg"]  # it is where the link leads, and in no venv
    return told


def own_venv(venv):
    return {
        name: written(os.path.join(venv, name))
        for name in (
            "bin/activate",
            "bin/activate.fish",
            "bin/Activate.ps1",
            "bin/python3",
            "pyvenv.cfg",
            "bin/new-script",
            "lib/new",
            "sandbox/policy.yaml",
            "home/x",
            "cache/x",
        )
    }


def activate_effect(world):
    for name in ("bin/activate", "bin/activate.fish", "pyvenv.cfg", "sandbox/policy.yaml"):
        if b"svenv-written" in (world.venv / name).read_bytes():
            return f"{name} was changed"
    return "bin/new-script was made" if (world.venv / "bin" / "new-script").exists() else None


def copy_of_venv(view):
    if view.inside:
        return [str(view.venv)]
    copy = view.parent / "free-venv"
    if not copy.exists():
        venvs.make(copy, copies=True)
        for name in ("sandbox", "home", "cache"):
            (copy / name).mkdir()
    return [str(copy)]


DENIED = ("EROFS", "EACCES", "EPERM", "ENOENT", "EBUSY")

PROBES = [
    Probe(
        "PRJ-01",
        f"{len(NEW_FILES)} new files that editors, shells and assistants obey",
        new(NEW_FILES),
        ANY,
        every("ok"),
        made(NEW_FILES),
    ),
    Probe(
        "PRJ-02",
        "change existing .vscode, .idea, .envrc, .gitattributes ...",
        Python(change, lambda v: [str(v.project), list(EXISTING)]),
        every("EROFS", "EACCES"),
        every("ok"),
        kept(EXISTING),
    ),
    *[
        Probe(
            f"PRJ-03{letter}",
            f"rename {name} away and make another",
            Python(replace_directory, lambda v, name=name: [str(v.project), name]),
            ("EBUSY", "EROFS", "EACCES"),
            "ok",
        )
        for letter, name in (("a", ".vscode"), ("b", ".git"), ("c", ".idea"))
    ],
    Probe(
        "PRJ-05",
        "replace protected files by rename",
        Python(
            over,
            lambda v: [str(v.project), [".envrc", ".gitattributes", ".pre-commit-config.yaml"]],
        ),
        every("EBUSY", "EROFS", "EACCES"),
        every("ok"),
        kept((".envrc", ".gitattributes", ".pre-commit-config.yaml")),
    ),
    Probe(
        "PRJ-08",
        ".env with BWRAP_ARGS and SANDBOX_* widens nothing",
        Host(widened_by_dotenv),
        "False False yes",
        "True False None",
    ),
    Probe(
        "PRJ-10",
        "an editor saves a protected file over its mask",
        Host(save_atomically),
        (*DENIED, "stopped"),
        "written",
    ),
    Probe(
        "PRJ-10b",
        "write what an editor saves before it is protected again",
        Host(lambda v: save_often(v, True)),
        ("kept", "stopped"),
        "written",
    ),
    Probe(
        "PRJ-10c",
        "an editor saves sixty times beside a harmless program",
        Host(lambda v: save_often(v, False)),
        "kept",
        "kept",
    ),
    Probe(
        "PRJ-10d",
        "make a protected file again that the user has removed",
        Host(removed_by_user),
        "kept out",
        "written",
    ),
    Probe(
        "PRJ-10e",
        "a name like that of an editor's temporary file",
        Host(temporary_name),
        "taken",
        "left",
    ),
    Probe(
        "PRJ-11",
        "profile strict: Makefile cannot be changed",
        Python(change, lambda v: [str(v.project), ["Makefile"]]),
        every("EROFS", "EACCES"),
        every("ok"),
        world="strict",
    ),
    Probe(
        "PRJ-12",
        "profile strict: conftest.py, sitecustomize.py, *.pth",
        new(PYTHON_FILES),
        ANY,
        every("ok"),
        made(PYTHON_FILES),
        world="strict",
    ),
    Probe(
        "PRJ-14",
        "profile strict: CI configuration",
        new(CI_FILES),
        ANY,
        every("ok"),
        made(CI_FILES),
        world="strict",
    ),
    Probe(
        "PRJ-16",
        "forged byte code that the host's Python would run",
        Host(forge_bytecode),
        "1",
        "666",
    ),
    Probe("PRJ-17", "importing from the project works", Host(normal_bytecode), "1", "1"),
    Probe(
        "PRJ-22", "deep, large and cyclic trees", Host(deep_tree), "in time: ran", "in time: ran"
    ),
    Probe(
        "PRJ-23", "names with control bytes in our messages", Host(hostile_names), "escaped", "raw"
    ),
    Probe(
        "PRJ-24",
        "a protected name that is a symlink into the project",
        Host(protected_link),
        that("refused or kept", lambda v: v != "written"),
        "written",
    ),
    Probe(
        "PRJ-25",
        "a protected name that the user makes during the run",
        Host(created_by_user),
        (*DENIED, "stopped"),
        "ok",
    ),
    Probe(
        "PRJ-27",
        "nothing is left behind, and the user's files stay",
        Host(nothing_left),
        ["kept-by-user"],
        ["kept-by-user"],
    ),
    Probe(
        "PRJ-30",
        "rename a directory that holds protected ones",
        Python(replace_directory, lambda v: [str(v.project), "sub"]),
        ("EBUSY", "EROFS"),
        "ok",
    ),
    # Decided otherwise, and so an honest use: docs/SECURITY.md, C20.
    Probe(
        "PRJ-31",
        "FIFOs and sockets in the project",
        Python(special, lambda v: [str(v.project)]),
        every("ok"),
        every("ok"),
    ),
    Probe(
        "PRJ-32",
        "chmod 0777 on the project",
        Python(root_mode, lambda v: [str(v.project)]),
        ANY,
        "ok",
        mode_effect,
    ),
    Probe(
        "PRJ-33",
        "another venv in the project",
        Host(with_other_venv),
        every("EROFS", "EACCES"),
        every("ok"),
    ),
    Probe(
        "PRJ-33b",
        "another venv, whose pyvenv.cfg is a link",
        Host(with_linked_venv),
        every("EROFS", "EACCES"),
        every("ok"),
    ),
    Probe(
        "PRJ-34",
        "the own venv: activate*, entries, pyvenv.cfg, policy",
        Python(own_venv, copy_of_venv),
        that("refused", lambda v: "ok" not in v.values()),
        that("possible", lambda v: v["bin/activate"] == "ok"),
        activate_effect,
    ),
]
