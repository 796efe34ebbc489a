"""PRJ: virtualenvs that come anew under a running program, or that a program makes."""

import json
import os
import platform
import subprocess
import time

import harness
from group_prj import clear, mini
from harness import Host, Probe, every

from lib import venvs
from lib.processes import wait_for

LONG = 60  # seconds, at most; a program that is stopped, or reaches its end, is not waited for


def writer(path, held, alone, seconds):
    """Says "ready", then writes the file as soon and as often as it can, by a path or by a
    directory that it holds open. alone: that a thread with a table of its own holds open, and the
    thread that the process is named by has ended."""
    import ctypes
    import platform
    import threading
    import time

    libc = ctypes.CDLL(None)

    def work(path):
        directory = None
        if alone:
            libc.unshare(0x400)  # CLONE_FILES
        if held:
            os.mkdir(held)
            directory = os.open(held, os.O_RDONLY)
            path = os.path.relpath(path, held)
        print("ready", flush=True)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                file = os.open(path, os.O_WRONLY | os.O_APPEND, dir_fd=directory)
                os.write(file, b"# svenv-written\n")
                os.close(file)
            except OSError:
                pass
            time.sleep(0.002)

    if alone:
        threading.Thread(target=work, args=[path]).start()
        libc.syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)  # exit, of a thread
    work(path)


class Writer:
    """The writer beside the test; inside in the world's sandbox, or in the one of `venv`."""

    def __init__(self, view, path, held=None, venv=None, alone=False):
        code = harness.code_of(writer, json.dumps([str(path), str(held or ""), alone, LONG]))
        if view.inside and venv is None:
            self.process = view.world.spawn("python", "-B", "-c", code)
        else:
            python = venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
            self.process = subprocess.Popen(
                [python, "-B", "-c", code],
                cwd=path.parent.parent.parent,
                env=harness.clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        self.process.stdout.readline()
        if view.inside:
            time.sleep(0.5)  # the watching begins a tenth of a second after the start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ended(self):
        return self.process.poll() is not None


def has_written(path):
    try:
        return "svenv-written" in path.read_text()
    except FileNotFoundError:
        return False


def replaced(part):
    """The user moves the own venv, or a directory of it, and makes another in its place. A moment
    later the program has been ended, or it writes there for as long as it likes."""

    def play(view):
        venv = view.project / ".venv"
        target = venv / part
        file = venv / "bin" / "activate"
        away = venv.with_name("away")
        file.parent.mkdir(parents=True, exist_ok=True)
        with Writer(view, file) as running:
            target.rename(away)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("# new\n")
                if not view.inside:
                    wait_for(lambda: has_written(file), 20)
                elif wait_for(running.ended, 20):
                    file.write_text("# new\n")  # what came in that moment is told by a line
                return "written" if has_written(file) else "ended" if running.ended() else "runs"
            finally:
                harness.remove_tree(target)
                away.rename(target)
                if not view.inside:
                    clear(view.project, [".venv/bin"])

    return Host(play)


def activate_of(venv):
    return (venv / "bin" / "activate").read_text()


def beside(create):
    """The user makes a second virtualenv beside a program that waits to write into it."""

    def prepare(base):
        pass

    def act(base, venv, view):
        other = base / "other"
        with Writer(view, other / "bin" / "activate", venv=venv):
            done = create(view, other)
            if done is not None:
                return done
            (other / "bin" / "activate").write_text("# new\n")
            time.sleep(1)
            return "written" if has_written(other / "bin" / "activate") else "closed"

    return Host(lambda view: mini(view, prepare, lambda base, venv: act(base, venv, view)))


def by_create(view, other):
    if view.inside:
        harness.must([harness.TOOL, "create", other, "--without-pip"])
    else:
        venvs.make(other)
    return


def by_wrap(view, other):
    """The first wrap closes it and refuses what was open until then."""
    venvs.make(other)
    if view.inside:
        wait_for(lambda: has_written(other / "bin" / "activate"), 20)
        if harness.run([harness.TOOL, "wrap", other]).returncode == 0:
            return "wrapped at once"
        harness.must([harness.SYSTEM_PYTHON, "-m", "venv", "--without-pip", "--clear", other])
        harness.must([harness.TOOL, "wrap", other])
        if has_written(other / "bin" / "activate"):
            return "written"
    return None


def held(view, alone=False, covered=False):
    """A program made the directory first and keeps it open: no mount closes that. covered: the
    guard has made one by the time of the wrap, as the directory got another name."""

    def act(base, venv):
        other = base / "other"
        with Writer(view, other / "bin" / "activate", held=other, venv=venv, alone=alone):
            venvs.make(other)
            final = base / "final" if covered else other
            if covered:
                (other / "sandbox").mkdir()  # as wrapped ones have
                other.rename(final)
                time.sleep(1)
            if not view.inside:
                wait_for(lambda: has_written(final / "bin" / "activate"), 20)
                return "written"
            done = harness.run([harness.TOOL, "wrap", final])
            return "refused" if done.returncode and "holds" in done.stderr else "wrapped"

    return mini(view, lambda base: None, act)


POLICY = "version: 1\nprofile: default\nfilesystem: {project: none}\n"


def decide(path):
    os.makedirs(path + "/sandbox")
    with open(path + "/sandbox/policy.yaml", "w") as file:
        return str(file.write(POLICY) > 0)


def decided(view):
    """A program writes the policy of a virtualenv that the user makes there."""

    def act(base, venv):
        other = base / "other"
        policy = other / "sandbox" / "policy.yaml"
        source = harness.inspect.getsource(decide)
        run_of(base, venv, f"POLICY = {POLICY!r}\nimport os\n{source}\ndecide({str(other)!r})")
        venvs.make(other)
        taken = [] if view.inside else ["--policy", policy]  # the person answers for it
        done = harness.run([harness.TOOL, "wrap", *taken, other])
        if done.returncode:
            return "refused" if "has not wrapped" in done.stderr else done.stderr
        shown = harness.must([harness.TOOL, "policy", "show", other])
        return "obeyed" if "none" in shown.stdout else "kept out"

    return mini(view, lambda base: None, act)


def squat(path):
    os.makedirs(path + "/bin")
    for name in ("pyvenv.cfg", "bin/activate"):
        written(os.path.join(path, name))
    return "ok"


def squatted(view):
    """A program takes the name, the user makes the virtualenv, the next program writes there."""
    path = view.project / "taken"
    try:
        view.world.value(squat, str(path), inside=view.inside)
        mine = view.world.value(append, str(path), inside=view.inside)
        time.sleep(0.1)  # the clock of change times is a coarse one
        venvs.make(path)
        return [mine, view.world.value(append, str(path), inside=view.inside)]
    finally:
        clear(view.project, ["taken"])


def append(path):
    return written(os.path.join(path, "bin", "activate"))


def run_of(base, venv, code):
    harness.must([venv / "bin" / "python", "-B", "-c", code], cwd=base)


def left_code(view):
    """A program leaves code that the python of a virtualenv runs when one is made there."""

    def act(base, venv):
        other = base / "newenv"
        version = ".".join(platform.python_version_tuple()[:2])
        site = other / "lib" / f"python{version}" / "site-packages"
        line = f"import os; open({str(base / 'ran')!r}, 'w')"
        code = f"import os; os.makedirs({str(site)!r}); open({str(site / 'x.pth')!r}, 'w')"
        run_of(base, venv, code + f".write({line!r})")
        if view.inside:
            done = harness.run([harness.TOOL, "create", other, "--without-pip"])
            if done.returncode:
                return "refused" if "is not empty" in done.stderr else done.stderr
        else:
            venvs.make(other)
        run_of(base, other, "pass")
        return "ran" if (base / "ran").exists() else "made"

    return mini(view, lambda base: None, act)


MARKS = ("pyvenv.cfg", "bin/activate", "bin/python3")


def usual(base, name, how):
    """Makes a virtualenv in steps; last it is one, by its name. Returns what nobody minds."""
    first = os.path.join(base, "first")
    os.makedirs(first + "/bin")
    written(os.path.join(first, "data"))
    marks = ("pyvenv.cfg", "bin/activate", "bin/python3")
    target = os.path.join(base, name)
    if how == "early":
        os.rename(first, target)
        first = target
    for mark in marks:
        written(os.path.join(first, mark))
    if how == "late":
        os.rename(first, target)
    if how == "link":
        os.symlink("first", target)
    return written(os.path.join(first, "data"))


def usual_venv(how):
    def play(view):
        name = "venv" if how != "link" else "env"
        try:
            done = view.world.value(usual, str(view.project), name, how, inside=view.inside)
            left = [m for m in MARKS if (view.project / name / m).exists()]
            if done == "ok" and how != "link" and not (view.project / name / "data").exists():
                return "the data is gone"
            return left
        finally:
            clear(view.project, [name, "first"])

    return Host(play)


def later(base):
    """A directory of another run becomes a virtualenv in this one."""
    return {m: written(os.path.join(base, "env", m)) for m in ("pyvenv.cfg", "bin/activate")}


def closed_first(base, closed, mode, then):
    """A directory is closed when the watching finds it; then a name comes into it, and it is
    opened. Says so, and stays."""
    import sys
    import time

    top = os.path.join(base, "shut")
    os.makedirs(os.path.join(top, "inner"))
    time.sleep(0.5)  # the watching begins a tenth of a second after the start
    held = os.open(os.path.join(top, "inner"), os.O_RDONLY)
    if closed == "anew":
        os.mkdir(top + "/anew", mode)
        time.sleep(0.1)
        os.chmod(top + "/anew", then)
        os.close(os.open(top + "/anew/.envrc", os.O_WRONLY | os.O_CREAT))
    else:
        os.chmod(top, mode)
        os.close(os.open(".envrc", os.O_WRONLY | os.O_CREAT, dir_fd=held))
        time.sleep(0.1)
        os.chmod(top, then)
    print("made", flush=True)
    sys.stdin.readline()


def shut(closed, mode, then):
    """Is the name still there while the program runs?"""

    def play(view):
        words = [str(view.project), closed, mode, then]
        code = harness.code_of(closed_first, json.dumps(words))
        argv = ["python" if view.inside else harness.SYSTEM_PYTHON, "-B", "-c", code]
        name = view.project / "shut" / closed / ".envrc"
        start = (
            view.world.spawn
            if view.inside
            else lambda *argv, **more: subprocess.Popen(
                argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more
            )
        )
        process = start(*argv, stdin=subprocess.PIPE)
        try:
            process.stdout.readline()
            end = time.monotonic() + (20 if view.inside else 0.3)
            while name.exists() and time.monotonic() < end:
                time.sleep(0.01)
            return "obeyed" if name.exists() else "taken"
        finally:
            process.kill()
            process.communicate(timeout=harness.TIMEOUT)
            clear(view.project, ["shut"])

    return Host(play)


def usual_later(view):
    folder = view.project / "env"
    (folder / "bin").mkdir(parents=True)
    try:
        view.world.value(later, str(view.project), inside=view.inside)
        return [m for m in MARKS if (folder / m).exists()]
    finally:
        clear(view.project, ["env"])


def remade(base):
    """tox: the own virtualenv of an earlier run is written, and made again in place."""
    path = os.path.join(base, ".tox", "py")
    os.makedirs(path + "/bin", exist_ok=True)
    return {n: written(os.path.join(path, n)) for n in ("pyvenv.cfg", "bin/python", "bin/x")}


def tox(view):
    found = {}
    try:
        for number in range(3):
            done = view.world.value(remade, str(view.project), inside=view.inside)
            found |= {f"{name} {number}": told for name, told in done.items()}
    finally:
        clear(view.project, [".tox"])
    return found


def unwrapped(view):
    """An installer put a script in the interpreter's place; the user unwraps and starts it."""

    def act(base, venv):
        folder = venv / "sandbox" / "bin" if view.inside else venv / "bin"
        script = folder / "python3"
        script.unlink()
        script.write_text("#!/bin/sh\necho replaced\n")
        script.chmod(0o755)
        if view.inside:
            harness.must([harness.TOOL, "unwrap", venv])
        done = harness.run([venv / "bin" / "python3", "-c", "print('as it was')"], cwd=base)
        return done.stdout.strip()

    return mini(view, lambda base: None, act)


PROBES = [
    *[
        Probe("PRJ-50" + letter, f"the user replaces {what}", replaced(part), "ended", "written")
        for letter, what, part in (
            ("a", "the own venv", ""),
            ("b", "its bin", "bin"),
        )
    ],
    Probe("PRJ-50c", "a venv that is made beside", beside(by_create), "closed", "written"),
    Probe("PRJ-50d", "a venv that is wrapped beside", beside(by_wrap), "closed", "written"),
    *[
        Probe(
            "PRJ-50" + letter,
            what,
            Host(lambda view, how=how: held(view, **how)),
            "refused",
            "written",
        )
        for letter, what, how in (
            ("e", "a held directory that is wrapped", {}),
            ("g", "a directory that a thread alone holds", {"alone": True}),
            ("i", "a held directory that was covered", {"covered": True}),
        )
    ],
    Probe("PRJ-50j", "a policy where the user makes a venv", Host(decided), "refused", "obeyed"),
    Probe(
        "PRJ-50f",
        "a name that a program took, and where the user makes a venv",
        Host(squatted),
        ["ok", "EROFS"],
        ["ok", "ok"],
    ),
    Probe("PRJ-50h", "code where the user creates a venv", Host(left_code), "refused", "ran"),
    *[
        Probe("PRJ-51" + letter, what, usual_venv(how), [], list(MARKS))
        for letter, what, how in (
            ("a", "a program makes venv", "early"),
            ("b", "a directory becomes venv by its name", "late"),
            ("c", "a link becomes env", "link"),
        )
    ],
    Probe(
        "PRJ-51d",
        "env of an earlier run becomes a venv",
        Host(usual_later),
        [],
        ["pyvenv.cfg", "bin/activate"],
    ),
    *[
        Probe("PRJ-70" + letter, what, shut(closed, mode, then), "taken", "obeyed", root=False)
        for letter, what, closed, mode, then in (
            ("a", "a directory is closed when it is made, then opened", "anew", 0, 0o755),
            ("b", "a name comes below a closed directory, which is opened", "inner", 0, 0o755),
            ("c", "a directory that can be passed and not listed", "anew", 0o300, 0o300),
        )
    ],
    Probe(
        "PRJ-52",
        "unwrap gives back an interpreter that an installer replaced",
        Host(unwrapped),
        "as it was",
        "replaced",
    ),
    Probe(
        "PRJ-51e",
        "the virtualenvs of tox, again and again",
        Host(tox),
        every("ok"),
        every("ok"),
    ),
]
