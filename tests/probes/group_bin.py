"""PIP: what an installer left in bin and in site-packages, entry by entry."""

import io
import json
import os
import shutil
import subprocess
import tarfile

import elf
import harness
from group_pip import (
    NAMES,
    TRIED,
    WORKED,
    activate_same,
    free_venv,
    install,
    pip,
    results,
    stub_bytes,
    venv_of,
    wheel_entry,
)
from harness import ANY, Host, Probe, every, that

from lib import packages

SHEBANGS = 8  # as many as evil_backend.py writes


def entry_state(view, name):
    """Looks under a name in the host's bin; in the control whatever is there runs freely."""
    path = os.fsencode(venv_of(view) / "bin") + b"/" + os.fsencode(name)
    if not os.path.lexists(path):
        return "absent"
    if os.path.islink(path) or not os.path.isfile(path):
        return "link" if os.path.islink(path) else "no file"
    if os.lstat(path).st_nlink > 1:
        return "shared"
    with open(path, "rb") as file:
        return "stub" if view.inside and file.read() == stub_bytes(view) else "file"


def entries(*names):
    """The states of entries after the hostile install."""

    def play(view):
        install(view)
        return {
            os.fsdecode(name).encode("ascii", "replace").decode(): entry_state(view, name)
            for name in names
        }

    return Host(play)


def hostile_names(view):
    """Names that a shell or a terminal takes for something else, and what pip's output shows."""
    done = install(view)
    states = {entry_state(view, name) for name in NAMES}
    ran = [
        place
        for place in (view.parent, view.project, venv_of(view) / "bin")
        if (place / "x").exists()
    ]
    raw = "esc\x1b" in done["stdout"] + done["stderr"]  # pip itself uses colours on a terminal
    return {"states": sorted(states), "ran": len(ran), "raw": raw}


def escaping_wheel(view):
    """A wheel whose script directory leads above the venv."""
    target = view.parent / ("escaped-in" if view.inside else "escaped-out")
    folder = view.parent / "wheels"
    folder.mkdir(exist_ok=True)
    up = "../" * 40 + str(target)[1:]
    path = packages.wheel(folder, "climber", data={up: (b"#!/bin/sh\n", 0o755)})
    pip(view, "install", path)
    return "outside" if target.exists() else "inside only"


def escaping_sdist(view):
    """A source archive with links out of itself, and a file behind one of them."""
    target = view.parent / ("linked-in" if view.inside else "linked-out")
    target.mkdir(exist_ok=True)
    path = view.parent / "linker-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        for name, kind, to in (
            ("linker-1.0/out", tarfile.SYMTYPE, str(target)),
            ("linker-1.0/hard", tarfile.LNKTYPE, "/etc/hostname"),
            ("linker-1.0/out/made", tarfile.REGTYPE, None),
        ):
            row = tarfile.TarInfo(name)
            row.type, row.linkname = kind, to or ""
            out.addfile(row, io.BytesIO(b""))
    if view.inside:
        pip(view, "install", path)
    else:
        subprocess.run(
            ["tar", "-x", "-P", "-C", view.parent, "-f", path],
            check=False,
            stderr=subprocess.DEVNULL,
        )
    return "outside" if (target / "made").exists() else "inside only"


def start_up_file(view):
    """A .pth file that runs code: where it runs, and whether the log tells of it."""
    install(view)
    code = "import os; print(os.environ.get('EVIL_PTH', 'not run'))"
    if not view.inside:
        return {
            "runs": harness.must([free_venv(view) / "bin" / "python", "-c", code]).stdout.strip(),
            "log": "none",
        }
    inside = view.world.python("-c", code).stdout.strip()
    lines = harness.must([harness.TOOL, "log", view.venv, "--json"]).stdout.splitlines()
    told = [
        line
        for line in map(json.loads, lines)
        if line["event"] == "install" and any("evil_hook.pth" in path for path in line["start_up"])
    ]
    return {"runs": inside, "log": "told" if told else "silent"}


def shell_for_python(view):
    """An entry that became a link to a shell starts that shell inside, behind the same stub."""
    install(view)
    path = venv_of(view) / "bin" / "python3.99"
    show = ["-c", "grep ^Seccomp: /proc/self/status"]
    state = entry_state(view, "python3.99")
    done = harness.run([path, *show], cwd=view.project)
    return {"entry": state, "filter": (done.stdout.split() or ["", "none: " + done.stderr])[1]}


def odd_library(view):
    """A library whose tags name directories of the host, at the next start's mounts."""
    wanted = str(view.home_dir)
    tags = [
        (elf.NEEDED, "a => " + wanted),
        (elf.RPATH, wanted),
        (elf.RUNPATH, "/root:/home:/"),
        (elf.AUDIT, wanted + "/secret.txt"),
        (elf.DEPAUDIT, "evil.so"),
        (elf.NEEDED, "../../../../etc/shadow"),
        (elf.FILTER, "x\ny"),
    ]
    library = elf.shared_object(tags, os.uname().machine)
    wheel_entry(
        view,
        "oddlib",
        files={"oddlib/__init__.py": "", "oddlib/odd.so": library},
        data={"oddlib-run": (library, 0o755)},
    )
    code = f"import os; print(os.path.exists({wanted!r}))"
    python = view.venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
    return harness.must([python, "-c", code], cwd=view.project).stdout.strip()


def opened_by_host(view):
    """Files of the venv's packages that stub and launcher open before the program runs."""
    if not shutil.which("strace"):
        raise harness.lacking("strace")
    install(view)
    venv = venv_of(view)
    trace = view.parent / ("trace-in" if view.inside else "trace-out")
    argv = (
        [venv / "bin" / "python", "-S", "-c", "pass"]
        if view.inside
        else [venv / "bin" / "python", "-c", "import evilpkg"]
    )
    words = ["strace", "-o", trace, "-e", "trace=open,openat,openat2,execve"]
    done = harness.run([*words, *argv], cwd=view.project)
    if done.returncode:
        raise harness.Dead(done.stderr)
    return sorted(
        {
            "packages"
            for line in trace.read_text().splitlines()
            if f"{venv}/lib" in line and "ENOENT" not in line
        }
    )


def kept_policy(view):
    """A stricter policy of the user's, through an install and another wrap."""
    if not view.inside:
        return "lost"  # a tool that writes the default anew loses it
    policy = view.venv / "sandbox" / "policy.yaml"
    before = policy.read_bytes()
    mine = b"# mine\nversion: 1\nprofile: strict\nlimits: {processes: 300}\n"
    try:
        policy.write_bytes(mine)
        wheel_entry(view, "rewrap", scripts={"rewrap": "rewrap:main"})
        harness.must([harness.TOOL, "wrap", view.venv])
        return "kept" if policy.read_bytes() == mine else "lost"
    finally:
        policy.write_bytes(before)


CONFINED = every("stub", "absent")

PROBES = [
    Probe(
        "PIP-06",
        "an absolute link in bin",
        entries("evil-absolute"),
        CONFINED,
        every("link"),
        world="pip",
    ),
    Probe(
        "PIP-07",
        "an entry that is a hard link",
        entries("evil-hard"),
        CONFINED,
        every("shared"),
        world="pip",
    ),
    Probe(
        "PIP-08",
        "a FIFO, a socket and a directory in bin",
        entries("evil-fifo", "evil-socket", "evil-dir"),
        every("absent"),
        every("no file"),
        world="pip",
    ),
    Probe(
        "PIP-09",
        f"{SHEBANGS} kinds of first lines",
        entries(*[f"evil-shebang-{n}" for n in range(SHEBANGS)]),
        every("stub"),
        every("file"),
        world="pip",
    ),
    Probe(
        "PIP-12",
        f"{len(NAMES)} hostile names of scripts",
        Host(hostile_names),
        that(
            "confined",
            lambda v: set(v["states"]) <= {"stub", "absent"} and not v["ran"] and not v["raw"],
        ),
        that("there", lambda v: "file" in v["states"]),
        world="pip",
    ),
    Probe(
        "PIP-13", "a script's path with ../", Host(escaping_wheel), "inside only", ANY, world="pip"
    ),
    Probe(
        "PIP-14",
        "links out of a source archive",
        Host(escaping_sdist),
        "inside only",
        "outside",
        world="pip",
    ),
    Probe(
        "PIP-15",
        "a build backend writes pyvenv.cfg and the policy",
        results("pyvenv.cfg", "policy"),
        TRIED,
        WORKED,
        activate_same,
        world="pip",
    ),
    Probe(
        "PIP-17",
        "a .pth file that runs code: inside only, and the log tells",
        Host(start_up_file),
        {"runs": "ran", "log": "told"},
        {"runs": "ran", "log": "none"},
        world="pip",
    ),
    Probe(
        "PIP-20",
        "an interpreter's name became a link to a shell",
        Host(shell_for_python),
        {"entry": "stub", "filter": "2"},
        {"entry": "link", "filter": "0"},
        world="pip",
    ),
    Probe(
        "PIP-23b",
        "nothing of the packages is opened before the program",
        Host(opened_by_host),
        [],
        ["packages"],
        world="pip",
    ),
    Probe(
        "PIP-24",
        "a library whose tags name directories of the host",
        Host(odd_library),
        "False",
        "True",
        world="pip",
    ),
    Probe(
        "PIP-35",
        "a stricter policy through an install and another wrap",
        Host(kept_policy),
        "kept",
        "lost",
        world="pip",
    ),
]
