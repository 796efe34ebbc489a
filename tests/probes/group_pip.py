"""PIP: hostile distributions at install time, and the wrapping again afterwards."""

import base64
import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import time

import harness
from group_life import end, gone
from harness import ANY, HOME, Call, Host, Probe, Python, every, that

from lib import packages, venvs
from lib.processes import mentioning, wait_for
from lib.venvs import site_packages

RESERVED = ("git", "ls", "sudo", "ssh", "docker", "sandbox-venv")
NAMES = [
    b"-rf",
    b"a b",
    b"$(touch x)",
    b"new\nline",
    b"\xff\xfe",
    b"n" * 250,
    b"quote'\"",
    b"esc\x1b[0m",
    b".hidden",
]
SILENT = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
STATE = {}  # what one hostile install did, by side


def free_venv(view):
    """The control's venv, never wrapped."""
    venv = view.parent / "free" / ".venv"
    if not venv.exists():
        venvs.make(venv, pip=True)
    return venv


def venv_of(view):
    return view.venv if view.inside else free_venv(view)


def pip(view, *words, **options):
    options.setdefault("cwd", view.parent)
    env = harness.clean_environment(
        PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1"
    )
    options.setdefault("env", env)
    if view.inside:
        return view.world.start("pip", *words, **options)
    return harness.run([free_venv(view) / "bin" / "pip", *words], **options)


def hostile_sdist(view, port, word):
    """The backend in a source archive, with what it shall attack."""
    venv = venv_of(view)
    folder = view.parent / ("dist-in" if view.inside else "dist-out")
    folder.mkdir(exist_ok=True)
    static = folder / "static"
    shutil.copy(harness.CALLS, static)
    facts = {
        "venv": str(venv),
        "project": str(view.project),
        "secret": str(view.home_file),
        "port": port,
        "reserved": RESERVED,
        "word": word,
        "static": str(static),
        "names": [base64.b64encode(name).decode() for name in NAMES],
    }
    top = "evilpkg-1.0"
    project = (
        '[build-system]\nrequires = []\nbuild-backend = "evil_backend"\n'
        'backend-path = ["."]\n[project]\nname = "evilpkg"\nversion = "1.0"\n'
    )
    files = {
        "pyproject.toml": project,
        "facts.json": json.dumps(facts),
        "evil_backend.py": (harness.HERE / "evil_backend.py").read_text(),
        "PKG-INFO": "Metadata-Version: 2.1\nName: evilpkg\nVersion: 1.0\n",
    }
    path = folder / (top + ".tar.gz")
    with tarfile.open(path, "w:gz") as out:
        for name, text in files.items():
            row = tarfile.TarInfo(f"{top}/{name}")
            data = text.encode()
            row.size = len(data)
            out.addfile(row, __import__("io").BytesIO(data))
    return path


def install(view):
    """Installs the hostile source archive once for each side; returns all that came of it."""
    key = (id(view.world), view.inside)
    if key in STATE:
        return STATE[key]
    word = f"svenv-left-{view.token}-{view.inside}"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        archive = hostile_sdist(view, listener.getsockname()[1], word)
        begin = time.monotonic()
        done = pip(view, "install", archive)
        seconds = time.monotonic() - begin
    if done.returncode:
        raise harness.Dead(f"pip gave {done.returncode}: {done.stderr[-600:]}")
    venv = venv_of(view)
    results = json.loads((site_packages(venv) / "evilpkg" / "results.json").read_text())
    left = not gone(view, word)
    end(mentioning(word))
    STATE[key] = {
        "results": results,
        "left": left,
        "seconds": seconds,
        "stderr": done.stderr,
        "stdout": done.stdout,
    }
    return STATE[key]


def results(*names):
    def play(view):
        found = install(view)["results"]
        return {name: found.get(name, "not tried") for name in names}

    return Host(play)


def stub_bytes(view):
    return (view.venv / "sandbox" / "stub").read_bytes()


ACTIVATE = ("activate", "Activate.ps1")


def host_bin(view):
    """Entries of the host's bin that could run something, and are no stub of ours."""
    install(view)
    venv = venv_of(view)
    stub = stub_bytes(view) if view.inside else b"none"
    bad = []
    for path in (venv / "bin").iterdir():
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and not mode & 0o111:
            continue
        if not stat.S_ISREG(mode):
            bad.append(path.name + ": no file")
        elif path.read_bytes() != stub:
            bad.append(path.name + ": no stub")
        elif path.lstat().st_nlink != 1:
            bad.append(path.name + ": linked")
    return sorted(bad)


def activate_same(world):
    for name in ("activate", "activate.fish", "activate.csh", "Activate.ps1"):
        if b"svenv-written" in (world.venv / "bin" / name).read_bytes():
            return f"bin/{name} was changed"
    for name in ("pyvenv.cfg", "sandbox/policy.yaml", "sandbox/manifest.json"):
        if b"svenv-written" in (world.venv / name).read_bytes():
            return f"{name} was changed"
    return None


def project_same(world):
    changed = "svenv-written" in (world.project / "mod.py").read_text()
    return "mod.py was changed" if changed else None


def reserved(view):
    install(view)
    return sorted(name for name in RESERVED if os.path.lexists(venv_of(view) / "bin" / name))


def wheel_entry(view, name, **options):
    """Installs a wheel of our own making with one script; returns the host's entry."""
    folder = view.parent / "wheels"
    folder.mkdir(exist_ok=True)
    path = packages.wheel(folder, name, **options)
    done = pip(view, "install", path)
    if done.returncode:
        raise harness.Dead(done.stderr[-600:])


def marked_script(view):
    """A script that says that it is wrapped already: the bytes of the stub, or its words."""
    wheel_entry(
        view,
        "claims",
        data={
            "claims-stub": ((view.venv / "sandbox" / "stub").read_bytes(), 0o755),
            "claims-text": (b"#!/bin/sh\n# sandbox-venv wrapped\necho ran on the host\n", 0o755),
        },
    )
    venv = venv_of(view)
    stub = stub_bytes(view)
    return {
        name: "stub" if (venv / "bin" / name).read_bytes() == stub else "script"
        for name in ("claims-stub", "claims-text")
    }


def forged_pip(view):
    """The package pip replaced by the program that it installs: still confined, and no host's."""
    venv = venv_of(view)
    folder = site_packages(venv) / "pip" / "__main__.py"
    keep = folder.read_text()
    folder.write_text(
        f"import os, sys\nprint('SEEN', os.path.lexists({str(view.home_file)!r}))\nsys.exit(0)\n"
    )
    init = site_packages(venv) / "pip" / "_internal" / "cli" / "main.py"
    kept = init.read_text()
    init.write_text(
        "import os\n"
        "def main(args=None):\n"
        f"    print('SEEN', os.path.lexists({str(view.home_file)!r}))\n    return 0\n"
    )
    try:
        return pip(view, "--version").stdout.strip()
    finally:
        folder.write_text(keep)
        init.write_text(kept)


def own_configuration(view):
    """A program writes pip's configuration into its home; the installer has another one."""
    # In the user's real home, should it be there, nothing is written.
    code = (
        f"import os; os.path.lexists({str(view.home_file)!r}) and {view.inside} and os._exit(1);"
        " p = os.path.expanduser('~/.config/pip'); os.makedirs(p, exist_ok=True);"
        " open(p + '/pip.conf', 'w').write('[global]\\nindex-url = http://evil.invalid/\\n')"
    )
    if not view.inside:
        home = view.parent / "pip-home"
        env = harness.clean_environment(HOME=home)
        home.mkdir(exist_ok=True)
        harness.must([harness.SYSTEM_PYTHON, "-c", code], env=env)
        done = harness.run([free_venv(view) / "bin" / "pip", "config", "list"], env=env)
    else:
        view.world.python("-c", code)
        done = pip(view, "config", "list", env=harness.clean_environment())
    return "evil.invalid" in done.stdout


def filled_place(name):
    """A program puts a wheel where installers have a place of their own."""

    def play(view):
        folder = view.project / "wheels"
        folder.mkdir(exist_ok=True)
        wheel = packages.wheel(folder, "filled")
        place = f"{HOME if view.inside else view.parent}/{name}" if name[0] != "/" else name
        place += "/svenv-links-" + view.token
        code = (
            f"import os, shutil; os.makedirs({place!r}, exist_ok=True);"
            f" shutil.copy({str(wheel)!r}, {place!r})"
        )
        if view.inside:
            done = view.world.python("-c", code)
        else:
            done = harness.run([harness.SYSTEM_PYTHON, "-c", code])
        if done.returncode:
            raise harness.Dead(done.stderr)
        try:
            found = pip(
                view,
                "download",
                "--no-deps",
                "--find-links",
                place,
                "-d",
                venv_of(view) / "found",
                "filled",
            )
            return "found" if found.returncode == 0 else "not found"
        finally:
            harness.remove_tree(pathlib.Path(place))  # the control's; inside it is not the host's

    return Host(play)


def steering_dotenv(view):
    """The .env that programs get, as one could write it where the policy opens it; an installer
    obeys none."""
    path = view.project / ".env"
    kept = path.read_text()
    line = "PIP_TIMEOUT=4711\n"
    env = harness.clean_environment()
    try:
        if view.inside:
            path.write_text(kept + line)
        else:
            env["PIP_TIMEOUT"] = "4711"  # a shell that loads it
        return "4711" in pip(view, "config", "list", env=env).stdout
    finally:
        path.write_text(kept)


def install_at_run_time(view):
    """A program that is no installer runs pip in itself."""
    folder = view.project / "wheels"
    folder.mkdir(exist_ok=True)
    path = packages.wheel(folder, "runtime")
    code = (
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-m', 'pip',"
        f" 'install', '--no-index', {str(path)!r}]))"
    )
    if view.inside:
        done = view.world.python("-c", code)
    else:
        done = harness.run([free_venv(view) / "bin" / "python", "-c", code])
    there = (site_packages(venv_of(view)) / "runtime").exists()
    return "installed" if there else "refused" if done.returncode else "lost"


def overwritten_on_host(view):
    """A tool on the host writes over a stub; the next start puts that right."""
    path = venv_of(view) / "bin" / "host-made"
    path.write_text("#!/bin/sh\necho free\n")
    path.chmod(0o755)
    if view.inside:
        view.world.python("-c", "pass")
        result = "stub" if path.read_bytes() == stub_bytes(view) else "script"
        inner = view.venv / "sandbox" / "bin" / "host-made"
        inner.unlink(missing_ok=True)
        view.world.python("-c", "pass")
        return result
    return "script"


def static_programs(view):
    """The stub and the launcher load nothing: no ELF interpreter, so no library of the venv."""
    paths = [harness.LAUNCHER, harness.PREFIX / "libexec" / "sandbox-venv" / "stub"]
    if not view.inside:
        paths = [pathlib.Path(os.path.realpath(harness.SYSTEM_PYTHON))]
    return sorted({"loads" if b"/ld-" in path.read_bytes()[:65536] else "static" for path in paths})


def killed_install(view):
    """SIGKILL in the middle of an install: at no time is anything but a stub in bin."""
    if not view.inside:
        return ["script"]
    folder = view.parent / "wheels"
    folder.mkdir(exist_ok=True)
    scripts = {f"kill-{n}": "killed:main" for n in range(100)}
    path = packages.wheel(
        folder, "killed", files={"killed.py": "def main(): pass\n"}, scripts=scripts
    )
    bad, stub = set(), stub_bytes(view)
    for delay in (0.2, 0.5, 0.8, 1.1, 1.4, 1.7):
        child = view.world.spawn(
            "pip", "install", "--no-index", "--force-reinstall", path, cwd=view.parent
        )
        time.sleep(delay)
        child.kill()
        child.wait()
        for entry in (view.venv / "bin").iterdir():
            mode = entry.lstat().st_mode
            if mode & 0o111 and (not stat.S_ISREG(mode) or entry.read_bytes() != stub):
                bad.add(entry.name)
    pip(view, "uninstall", "-y", "killed")
    return sorted(bad)


PLANTER = """
top = "{top}"
os.makedirs(top)
open(top + "/HEAD", "w").write("ref: refs/heads/main\\n")
open(top + "/config", "w").write("[core]\\n\\tfsmonitor = evil\\n")
__import__("time").sleep({seconds})
"""


def killed_after_planting(view):
    """A build plants a repository; then its launcher is killed, and the user starts a program."""
    venv = venv_of(view)
    tree = view.parent / ("planter-in" if view.inside else "planter-out")
    tree.mkdir()
    (tree / "pyproject.toml").write_text(
        '[project]\nname = "planter"\nversion = "1.0"\n[build-system]\nrequires = []\n'
        'build-backend = "backend"\nbackend-path = ["."]\n'
    )
    planter = PLANTER.format(top=venv / ".git", seconds=harness.TIMEOUT)
    (tree / "backend.py").write_text(packages.BACKEND + planter)
    words = ["install", "--no-index", "--no-build-isolation", tree]
    if view.inside:
        child = view.world.spawn("pip", *words, cwd=view.parent)
    else:
        child = subprocess.Popen([venv / "bin" / "pip", *words], **SILENT)
    made = wait_for(lambda: (venv / ".git" / "config").exists() or child.poll() is not None)
    child.kill()
    child.wait()
    if not made or not (venv / ".git" / "config").exists():
        return "never planted"
    # The sandbox ends with its launcher, a moment later.
    for _ in range(50):
        view.world.call(["openat2", "/etc/passwd"], view.inside)
        if not view.inside or not (venv / ".git").exists():
            break
    there = (venv / ".git").exists()
    shutil.rmtree(venv / ".git", ignore_errors=True)
    return "there" if there else "gone"


def uninstall_escape(view):
    """A RECORD that lists files beside the venv."""
    wheel_entry(view, "leaver")
    venv = venv_of(view)
    target = view.parent / ("leave-in" if view.inside else "leave-out")
    target.write_text("canary")
    site = site_packages(venv)
    record = site / "leaver-1.0.dist-info" / "RECORD"
    with open(record, "a") as file:
        file.write(os.path.relpath(target, site) + ",,\n")
    pip(view, "uninstall", "-y", "leaver")
    return "kept" if target.exists() else "gone"


def many_scripts(view):
    folder = view.parent / "wheels"
    folder.mkdir(exist_ok=True)
    path = packages.wheel(
        folder,
        "crowd",
        files={"crowd.py": "def main(): pass\n"},
        scripts={f"crowd-{n}": "crowd:main" for n in range(1000)},
    )
    begin = time.monotonic()
    done = pip(view, "install", path)
    seconds = time.monotonic() - begin
    pip(view, "uninstall", "-y", "crowd")
    return "in time" if done.returncode == 0 and seconds < harness.TIMEOUT else f"{seconds:.0f} s"


def bare_states():
    import subprocess

    show = "import re; print(re.search('Seccomp:.*?([0-9])', open('/proc/self/status').read())[1])"
    seen = {
        "-I -S -E": subprocess.check_output([sys.executable, "-I", "-S", "-E", "-c", show])
        .decode()
        .strip()
    }
    if os.path.exists("/usr/bin/perl"):
        seen["perl"] = (
            subprocess.check_output(
                ["/usr/bin/perl", "-ne", "print $1 if /^Seccomp:\\s+(\\d)/", "/proc/self/status"]
            )
            .decode()
            .strip()
        )
    return seen


REFUSED = ("EROFS", "EACCES", "EPERM", "ENOENT")
TRIED = that("refused", lambda v: all(r in REFUSED for r in v.values()))
WORKED = that("possible", lambda v: "ok" in v.values())

PROBES = [
    Probe(
        "PIP-01",
        "a build backend appends to activate*, pyvenv.cfg, policy, manifest",
        results(
            "append activate",
            "append activate.fish",
            "append activate.csh",
            "append Activate.ps1",
            "pyvenv.cfg",
            "policy",
            "manifest",
            "venv home",
        ),
        ANY,
        WORKED,
        activate_same,
        world="pip",
    ),
    Probe(
        "PIP-05",
        "links, FIFOs, sockets, directories, odd shebangs and names in bin",
        Host(host_bin),
        [],
        that("scripts", lambda v: len(v) > 10),
        world="pip",
    ),
    Probe(
        "PIP-03",
        "scripts that claim to be wrapped",
        Host(marked_script),
        every("stub"),
        ANY,
        world="pip",
    ),
    Probe("PIP-10", "a static program is as confined", Call("io_uring_setup"), "ENOSYS"),
    Probe(
        "PIP-11",
        "scripts named git, ls, sudo, ssh, docker",
        Host(reserved),
        [],
        that("there", lambda v: len(v) == len(RESERVED)),
        world="pip",
    ),
    Probe(
        "PIP-18",
        "python -I -S -E and perl are filtered",
        Python(bare_states),
        every("2"),
        every("0"),
    ),
    Probe(
        "PIP-19",
        "pip itself replaced by hostile code",
        Host(forged_pip),
        "SEEN False",
        "SEEN True",
        world="pip",
    ),
    Probe(
        "PIP-23", "stub and launcher load no library", Host(static_programs), ["static"], ["loads"]
    ),
    Probe(
        "PIP-25",
        "a build backend opens a TCP connection",
        results("network"),
        that("refused", lambda v: v["network"] != "ok"),
        {"network": "ok"},
        world="pip",
        missing="the broker (network.connect: [index, arguments] for installers)",
    ),
    Probe(
        "PIP-26",
        "... looks into the user's home",
        results("host home"),
        {"host home": "ENOENT"},
        {"host home": "ok"},
        world="pip",
    ),
    Probe(
        "PIP-27",
        "pip.conf that a program wrote into its home",
        Host(own_configuration),
        False,
        True,
        world="pip",
    ),
    Probe(
        "PIP-28a",
        "a wheel in the cache that a program filled",
        filled_place(".cache"),
        "not found",
        "found",
        world="pip",
    ),
    Probe(
        "PIP-28b",
        "a wheel in the temporary directory of programs",
        filled_place("/tmp"),
        "not found",
        "found",
        world="pip",
    ),
    Probe("PIP-28c", ".env that a program wrote", Host(steering_dotenv), False, True, world="pip"),
    Probe(
        "PIP-29",
        "pip install from within a running program",
        Host(install_at_run_time),
        "refused",
        "installed",
        world="pip",
    ),
    Probe(
        "PIP-30",
        "a tool on the host adds an entry",
        Host(overwritten_on_host),
        "stub",
        "script",
        world="pip",
    ),
    Probe("PIP-32", "SIGKILL during installs", Host(killed_install), [], ANY, world="pip"),
    Probe(
        "PIP-33",
        "a process left behind by the backend",
        Host(lambda v: install(v)["left"]),
        False,
        True,
        world="pip",
    ),
    Probe(
        "PIP-34",
        "the installer's end is bounded",
        Host(lambda v: install(v)["seconds"] < harness.TIMEOUT),
        True,
        True,
        world="pip",
    ),
    Probe(
        "PIP-36",
        "a third-party install sees the project",
        results("project file", "project write", "parent"),
        that("absent", lambda v: v["project file"] == "ENOENT"),
        that("there", lambda v: v["project file"] == "ok"),
        project_same,
        world="pip",
    ),
    Probe(
        "PIP-45",
        "a build plants a repository and its launcher is killed",
        Host(killed_after_planting),
        "gone",
        "there",
        world="pip",
    ),
    Probe(
        "PIP-37",
        "an uninstall whose RECORD names a file outside",
        Host(uninstall_escape),
        "kept",
        ANY,
        world="pip",
    ),
    Probe("PIP-39", "1000 scripts", Host(many_scripts), "in time", "in time", world="pip"),
]
