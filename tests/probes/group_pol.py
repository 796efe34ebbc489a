"""POL: policy, state, and paths that the host side follows."""

import os
import time

import harness
from group_prj import mini
from harness import HOME, Host, Probe, Python, that


def with_policy(text):
    """Starts a program under a policy: what it says, or "ran"."""

    def play(view):
        if not view.inside:
            return "ran"
        policy = view.venv / "sandbox" / "policy.yaml"
        before = policy.read_bytes()
        try:
            data = text(view) if callable(text) else text
            policy.write_bytes(data if isinstance(data, bytes) else data.encode())
            begin = time.monotonic()
            done = view.world.python("-c", "print('ran')")
            if time.monotonic() - begin > harness.TIMEOUT / 2:
                return "slow"
            if done.returncode == 125 and done.stderr.startswith("sandbox-venv: "):
                return "refused"
            return done.stdout.strip() or done.stderr[-200:]
        finally:
            policy.write_bytes(before)

    return Host(play)


def damaged(change, undo):
    """Starts a program after something was done to the state directory."""

    def play(view):
        if not view.inside:
            return "ran"
        keep = change(view)
        try:
            done = view.world.python("-c", "print('ran')")
            return "refused" if done.returncode == 125 else done.stdout.strip()
        finally:
            undo(view, keep)

    return Host(play)


def open_policy(view):
    path = view.venv / "sandbox" / "policy.yaml"
    path.chmod(0o666)
    return path


def close_policy(view, path):
    path.chmod(0o600)


def open_sandbox(view):
    path = view.venv / "sandbox"
    path.chmod(0o777)
    return path


def close_sandbox(view, path):
    path.chmod(0o700)


def link_home(name):
    """A directory that is mounted as the private home or cache leads to the real home instead."""

    def change(view):
        path = view.venv / name
        (view.home_dir / ".cache").mkdir(exist_ok=True)  # as homes have one
        os.rename(path, view.parent / "kept-dir")
        path.symlink_to(view.home_dir)
        return path

    def undo(view, path):
        path.unlink()
        os.rename(view.parent / "kept-dir", path)
        (view.home_dir / ".cache").rmdir()

    return damaged(change, undo)


def fifo_policy(view):
    if not view.inside:
        return "ran"
    path = view.venv / "sandbox" / "policy.yaml"
    keep = view.parent / "policy.kept"
    os.rename(path, keep)
    os.mkfifo(path)
    try:
        done = view.world.python("-c", "print('ran')")
        return "refused" if done.returncode == 125 else done.stdout.strip()
    finally:
        path.unlink()
        os.rename(keep, path)


def forged_plan(view):
    """A damaged compiled plan is made anew, never half used."""
    if not view.inside:
        return ["ran"]
    path = view.venv / "sandbox" / "plan"
    good = path.read_bytes()
    seen = set()
    for at in (0, 8, 64, len(good) // 2, len(good) - 9):
        data = bytearray(good)
        data[at] ^= 0xFF
        path.write_bytes(bytes(data))
        done = view.world.python(
            "-c", "print(open('/proc/self/status').read().split('Seccomp:')[1].split()[0])"
        )
        seen.add(done.stdout.strip() if done.returncode == 0 else "refused")
    path.write_bytes(good[: len(good) // 2])
    done = view.world.python("-c", "print(2)")
    seen.add(done.stdout.strip() if done.returncode == 0 else "refused")
    path.unlink()
    return sorted(seen)


def moved(view):
    """A venv that was moved after it was wrapped."""

    def act(base, venv):
        if not view.inside:
            return "ran"
        other = base / "moved"
        os.rename(venv, other)
        try:
            done = harness.run([other / "bin" / "python", "-c", "print('ran')"], cwd=base)
            return "refused" if done.returncode == 125 else done.stdout.strip()
        finally:
            os.rename(other, venv)

    return mini(view, lambda base: None, act)


def project_policy(view):
    """A policy file that lies in the project counts for nothing at a start."""
    path = view.project / "sandbox-venv.yaml"
    path.write_text(f"version: 1\nfilesystem: {{read: [{view.home_dir}]}}\n")
    code = f"import os; print(os.path.exists({str(view.home_dir / 'secret.txt')!r}))"
    try:
        if view.inside:
            return view.world.python("-c", code).stdout.strip()
        return harness.must([harness.SYSTEM_PYTHON, "-c", code]).stdout.strip()
    finally:
        path.unlink()


def state(venv):
    return {
        "sandbox": listed(venv + "/sandbox"),
        "home": listed(venv + "/home"),
        "cache": listed(venv + "/cache"),
        "write": created(venv + "/sandbox/x"),
    }


def swapped(other):
    """A protected directory became another one, or a link, after the plan was compiled."""

    def play(view):
        path = view.project / ".idea"
        kept = view.project / ".idea-kept"
        os.rename(path, kept)
        try:
            if other == "link":
                path.symlink_to(view.home_dir)
            else:
                path.mkdir()
            if not view.inside:
                return "ran"
            done = view.world.python("-c", "print('ran')")
            return "refused" if done.returncode == 125 else done.stdout.strip()
        finally:
            path.unlink() if path.is_symlink() else path.rmdir()
            os.rename(kept, path)

    return Host(play)


def private_files(view):
    """The venv, with something in each of its private directories."""
    for name in ("home", "cache"):
        (view.venv / name / "private-file").touch()
    return [str(view.venv)]


def widening(view):
    """Arguments and variables of the program cannot widen, BWRAP_ARGS of the user's shell can."""
    code = f"import os; print(os.path.exists({str(view.home_dir / 'secret.txt')!r}))"
    if not view.inside:
        return ["True", "True"]
    plain = view.world.python("-c", code, "--bind", "/", "/")
    env = harness.clean_environment(BWRAP_ARGS=f"--ro-bind {view.home_dir} {view.home_dir}")
    asked = view.world.python("-c", code, env=env)
    return [plain.stdout.strip(), asked.stdout.strip()]


def hidden_later(name, pattern):
    """hide names a file that does not exist when the first run starts."""

    def play(view):
        code = f"print(open({name!r}).read())"
        policy = view.venv / "sandbox" / "policy.yaml"
        before = policy.read_text()
        secret = view.project / name
        try:
            policy.write_text(f"version: 1\nfilesystem: {{hide: [{pattern}]}}\n")
            if view.inside:
                view.world.python("-c", "pass")
            secret.write_text(view.canary)
            done = (
                view.world.python("-c", code)
                if view.inside
                else harness.run([harness.SYSTEM_PYTHON, "-c", code], cwd=view.project)
            )
            return "seen" if view.canary in done.stdout else "hidden"
        finally:
            policy.write_text(before)
            secret.unlink(missing_ok=True)

    return Host(play)


def odd_grants(view):
    """Wildcards and markers in a granted path are no more than its letters."""
    odd = [view.home_dir.parent / "svenv-canary-*", "%h", "$HOME/x", "svenv canary"]
    code = f"import os; print(os.path.exists({str(view.home_dir / 'secret.txt')!r}))"
    if not view.inside:
        return harness.must([harness.SYSTEM_PYTHON, "-c", code]).stdout.strip()
    policy = view.venv / "sandbox" / "policy.yaml"
    before = policy.read_text()
    try:
        seen = set()
        for path in odd:
            policy.write_text(f"version: 1\nfilesystem: {{read: ['{path}']}}\n")
            done = view.world.python("-c", code)
            seen.add("False" if done.returncode == 125 else done.stdout.strip())
        return "True" if "True" in seen else "False"
    finally:
        policy.write_text(before)


MASKS = ("keys", "key-users", "kallsyms", "interrupts", "config.gz")


def masks(files, folders):
    """Which masks hold something, and how many file systems they lie on."""
    full, devices = [], set()
    for path in files + folders:
        try:
            st = os.stat(path)
        except OSError:
            continue
        devices.add(st.st_dev)
        if os.listdir(path) if path in folders else content(path, 1):
            full.append(path)
    return {"full": full, "devices": len(devices)}


def networks():
    import socket

    return [name for _, name in socket.if_nameindex()]


def no_namespaces(view):
    """A start where the kernel has no more user namespaces to give."""
    code = "print('ran')"
    argv, options = (
        view.world.command("python", "-c", code)
        if view.inside
        else ([harness.SYSTEM_PYTHON, "-c", code], {})
    )
    closed = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    argv[0] = options.pop("executable", argv[0])
    try:
        done = harness.run(
            [
                "unshare",
                "--user",
                "--map-current-user",
                "--keep-caps",
                "sh",
                "-c",
                closed,
                "sh",
                *argv,
            ],
            cwd=view.project,
            **options,
        )
    finally:
        view.world.release(options)
    if "ran" in done.stdout:
        return "ran"
    told = "user namespaces" in done.stderr and "max_user_namespaces" in done.stderr
    return "refused, and says why" if done.returncode == 125 and told else done.stderr


def ambient_caller(view):
    """Started with capabilities that an ordinary exec would keep."""
    code = "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')])"
    argv = [view.venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON, "-c", code]
    done = harness.must(
        [
            "setpriv",
            "--inh-caps",
            "+net_raw,+sys_ptrace",
            "--ambient-caps",
            "+net_raw,+sys_ptrace",
            *argv,
        ],
        cwd=view.project,
    )
    return "none" if set(done.stdout) <= set("[]' ,0\n") else "some"


WEAKER = (
    "sandbox-venv.yaml",
    ".sandbox-venv.yaml",
    ".sandbox-venv.toml",
    "policy.yaml",
    "pyproject.toml",
    ".venv.yaml",
)


def weaker_in_project(view):
    """The venv's policy hides a file; nothing that lies in the project takes that back."""
    policy = view.venv / "sandbox" / "policy.yaml"
    before = policy.read_text()
    secret = view.project / "mine.txt"
    secret.write_text(view.canary)
    for name in WEAKER:
        (view.project / name).write_text(
            "version: 1\nfilesystem: {hide: ['!*']}\n[tool.sandbox-venv]\n"
        )
    code = "print(open('mine.txt').read())"
    try:
        policy.write_text("version: 1\nfilesystem: {hide: [mine.txt]}\n")
        done = (
            view.world.python("-c", code)
            if view.inside
            else harness.run([harness.SYSTEM_PYTHON, "-c", code], cwd=view.project)
        )
        return "seen" if view.canary in done.stdout else "hidden"
    finally:
        policy.write_text(before)
        for name in (*WEAKER, "mine.txt"):
            (view.project / name).unlink(missing_ok=True)


def link_in_write(view):
    """filesystem.write names a path that became a symlink to somewhere else."""
    if not view.inside:
        return "ran"
    policy = view.venv / "sandbox" / "policy.yaml"
    before = policy.read_text()
    place = view.project / "data"
    place.mkdir()
    try:
        policy.write_text(f"version: 1\nfilesystem: {{write: [{place}]}}\n")
        first = view.world.python("-c", "print('ran')")
        place.rmdir()
        place.symlink_to(view.home_dir)
        done = view.world.python("-c", f"print(__import__('os').listdir({str(view.home_dir)!r}))")
        return f"{first.stdout.strip()}, then " + ("refused" if done.returncode else "ran")
    finally:
        policy.write_text(before)
        place.unlink(missing_ok=True) if place.is_symlink() else place.rmdir()


DANGEROUS = {
    "a": ("$HOME for reading", f"version: 1\nfilesystem: {{read: ['{HOME}']}}\n"),
    "b": ("/ for reading", "version: 1\nfilesystem: {read: [/]}\n"),
    "c": ("/proc for writing", "version: 1\nfilesystem: {write: [/proc]}\n"),
    "d": ("/dev for writing", "version: 1\nfilesystem: {write: [/dev]}\n"),
    "e": ("the venv for writing", "version: 1\nfilesystem: {write: [.venv/sandbox]}\n"),
}
MISTYPED = {
    "a": ("an unknown key", "version: 1\nfile-system: {}\n"),
    "b": ("a wrong type", "version: 1\nfilesystem: 7\n"),
    "c": ("a mistyped value", "version: 1\nfilesystem: {project: rx}\n"),
    "d": ("a mistyped key below another", "version: 1\nnetwork: {moda: none}\n"),
    "e": ("a number for a word", "version: 1\nlimits: {processes: many}\n"),
}
# Paths that a policy could name. Each grants nothing of the host that it does not spell out.
PATHS = {
    "a": ("..", "[/usr/../root]"),
    "b": ("an empty path", "['']"),
    "c": ("a relative ..", "[../x]"),
    "d": ("//", "[//]"),
    "e": ("a trailing /..", "[/usr/..]"),
    "f": ("/", "[/]"),
    "g": ("the home by ~", "['~/']"),
    "h": ("a path with NUL", '["/usr\\0/x"]'),
}
BROKEN = {
    "d": ("a key twice", "version: 1\nfilesystem: {project: ro}\nfilesystem: {project: rw}\n"),
    "e": ("no version", "filesystem: {}\n"),
    "f": ("a later version", "version: 2\n"),
    "g": ("NUL bytes", b"version: 1\n\0\n"),
    "h": ("bytes that are no UTF-8", b"version: 1\nprofile: \xff\xfe\n"),
    "i": ("10 000 levels", "version: 1\nfilesystem: " + "[" * 10000 + "\n"),
    "j": ("an alias", "version: 1\na: &x [1]\nb: *x\n"),
    "k": ("1 MB", "version: 1\n#" + "x" * 1_000_000 + "\n"),
    "n": ("no mapping", "- 1\n"),
    "o": ("mode broker, which is not there yet", "version: 1\nnetwork: {mode: broker}\n"),
}

PROBES = [
    Probe("POL-01", "a policy file in the project", Host(project_policy), "False", "True"),
    Probe(
        "POL-02",
        "state seen from inside",
        Python(state, private_files),
        that(
            "empty and read-only",
            lambda v: (
                v["sandbox"] == []
                and v["home"] == []
                and v["cache"] == []
                and v["write"] in ("EROFS", "EACCES")
            ),
        ),
        that("there", lambda v: "policy.yaml" in v["sandbox"]),
        lambda world: (world.venv / "sandbox" / "x").unlink(missing_ok=True),
    ),
    Probe(
        "POL-03",
        "a granted directory became a symlink",
        Host(link_in_write),
        "ran, then refused",
        "ran",
    ),
    Probe(
        "PIP-21",
        "the private home is a symlink to the real one",
        link_home("home"),
        "refused",
        "ran",
    ),
    Probe(
        "PIP-22",
        "the private cache is a symlink to the real home",
        link_home("cache"),
        "refused",
        "ran",
    ),
    *[
        Probe(
            f"POL-09{letter}", f"a policy that grants {what}", with_policy(text), "refused", "ran"
        )
        for letter, (what, text) in DANGEROUS.items()
    ],
    *[
        Probe(f"POL-10{letter}", f"a policy with {what}", with_policy(text), "refused", "ran")
        for letter, (what, text) in BROKEN.items()
    ],
    *[
        Probe(f"POL-11{letter}", f"a policy with {what}", with_policy(text), "refused", "ran")
        for letter, (what, text) in MISTYPED.items()
    ],
    *[
        Probe(
            f"POL-08{letter}",
            f"filesystem.read: {what}",
            with_policy(f"version: 1\nfilesystem: {{read: {text}}}\n"),
            "refused",
            "ran",
        )
        for letter, (what, text) in PATHS.items()
    ],
    Probe(
        "POL-08z",
        "filesystem.read: names with *, %h and blanks grant what they spell",
        Host(odd_grants),
        "False",
        "True",
    ),
    Probe("POL-10z", "a policy that is a FIFO", Host(fifo_policy), "refused", "ran"),
    Probe(
        "POL-13a",
        "a policy that others can write",
        damaged(open_policy, close_policy),
        "refused",
        "ran",
    ),
    Probe(
        "POL-13b",
        "a state directory that others can write",
        damaged(open_sandbox, close_sandbox),
        "refused",
        "ran",
    ),
    Probe(
        "POL-04",
        "a damaged compiled plan",
        Host(forged_plan),
        that("confined or refused", lambda v: set(v) <= {"2", "refused"}),
        ["ran"],
    ),
    Probe(
        "POL-15",
        "only BWRAP_ARGS of the user's shell widens",
        Host(widening),
        ["False", "True"],
        ["True", "True"],
    ),
    Probe(
        "POL-06a",
        "a mount's source became another directory",
        swapped("directory"),
        "refused",
        "ran",
        world="fixed",
    ),
    Probe(
        "POL-06b",
        "a mount's source became a link to the user's home",
        swapped("link"),
        "refused",
        "ran",
        world="fixed",
    ),
    Probe("POL-17", "a venv that was moved", Host(moved), "refused", "ran"),
    Probe(
        "POL-18",
        "hide: a file that appears between two runs",
        hidden_later("secrets.toml", "secrets.toml"),
        "hidden",
        "seen",
    ),
    Probe(
        "POL-20",
        "hide: a wildcard, and a file that appears between two runs",
        hidden_later("late-secret.pem", "'*.pem'"),
        "hidden",
        "seen",
    ),
    Probe(
        "POL-07",
        "masks are what we made: empty, and all on one file system of our own",
        Python(
            masks,
            lambda v: [
                [f"/proc/{name}" for name in MASKS],
                [str(v.venv / name) for name in ("sandbox", "home", "cache")],
            ],
        ),
        that("ours", lambda v: v["full"] == [] and v["devices"] == 1),
        that("the host's", lambda v: v["full"] != []),
    ),
    Probe(
        "POL-12a",
        "network.connect: [] with mode none",
        Python(networks),
        ["lo"],
        that("more", lambda v: v != ["lo"]),
        world="deny-all",
    ),
    Probe(
        "POL-12b",
        "profile strict names no destination",
        Python(networks),
        ["lo"],
        that("more", lambda v: v != ["lo"]),
        world="strict",
    ),
    Probe(
        "POL-14",
        "a kernel that refuses user namespaces",
        Host(no_namespaces),
        "refused, and says why",
        "ran",
    ),
    Probe(
        "POL-16",
        "ambient and inheritable capabilities of the caller",
        Host(ambient_caller),
        "none",
        "some",
        root=True,
    ),
    Probe(
        "POL-19",
        "files in the project against the venv's stricter policy",
        Host(weaker_in_project),
        "hidden",
        "seen",
    ),
]
