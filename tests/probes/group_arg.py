"""ARG: arguments, names and places. DOT: .env files."""

import hashlib
import os
import subprocess
import time

import harness
from harness import Host, Probe, that

SHOW = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"


def pass_through(view, words):
    python = view.venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
    argv = [python, SHOW_FILE(view), *words]
    done = subprocess.run(
        [os.fspath(word) for word in argv],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=view.project,
        env=harness.clean_environment(),
        timeout=harness.TIMEOUT,
        check=False,
    )
    return done.returncode, hashlib.sha256(done.stdout).hexdigest(), done.stderr.decode()


def SHOW_FILE(view):
    path = view.project / "show.py"
    path.write_text(SHOW)
    return path


def same_bytes(words):
    def play(view):
        code, digest, error = pass_through(view, words)
        wanted = hashlib.sha256(b"\0".join(os.fsencode(word) for word in words)).hexdigest()
        return "same" if code == 0 and digest == wanted else f"{code} {error[-200:]}"

    return Host(play)


OURS = [
    "--bind",
    "/",
    "/",
    "--",
    "--unshare-none",
    "@file",
    "--policy=x",
    "--share-net",
    "--no-sandbox",
    "run",
    "stub",
    "-",
]


def by_links(view):
    """Through a symlink, a hard link, a copy, a relative path, from another directory."""
    python = view.venv / "bin" / "python3"
    places = view.parent / ("links" + ("-in" if view.inside else "-out"))
    places.mkdir(exist_ok=True)
    code = "import sys; print(open('/proc/self/status').read().split('Seccomp:')[1].split()[0])"
    results = {}
    for name in ("symlink", "hard link", "copy"):
        link = places / name.replace(" ", "-")
        link.unlink(missing_ok=True)
        if name == "symlink":
            link.symlink_to(python)
        elif name == "hard link":
            os.link(python, link)
        else:
            link.write_bytes(python.read_bytes())
            link.chmod(0o755)
        results[name] = harness.run([link, "-c", code], cwd="/")
    results["relative"] = harness.run(
        ["../.venv/bin/python3", "-c", code], cwd=view.world.project / "sub"
    )
    results["elsewhere"] = harness.run([python, "-c", code], cwd=places)
    return {
        name: "confined"
        if done.stdout.strip() == "2"
        else "refused"
        if done.returncode == 125 and "sandbox-venv: " in done.stderr
        else f"status {done.returncode}: {done.stdout}{done.stderr}"
        for name, done in results.items()
    }


def outside_links(view):
    return {"native": "free"} if not view.inside else by_links(view)


STRANGE = (
    "with blank",
    "$(touch x)",
    "quote'\"",
    "new\nline",
    "colon:comma,",
    "back\\slash",
    "100%s%n",
    "-rf",
    "n" * 200,
    "ünï",
    "esc\x1b[0m",
    "semi;colon",
    "*?[a]",
)


def strange_places(view):
    """The venv and its project lie at every kind of path."""
    results = {}
    for name in STRANGE:
        base = view.parent / "strange" / name
        base.mkdir(parents=True)
        try:
            venv = base / ".venv"
            done = harness.run(
                [harness.SYSTEM_PYTHON, "-m", "venv", "--without-pip", "--symlinks", venv], cwd=base
            )
            if done.returncode:
                results[name] = "no venv"
                continue
            if view.inside:
                wrapped = harness.run([harness.TOOL, "wrap", venv])
                if wrapped.returncode:
                    clean = (
                        wrapped.stderr.startswith("sandbox-venv: ") and "\x1b" not in wrapped.stderr
                    )
                    results[name] = "refused" if clean else "raw: " + wrapped.stderr
                    continue
            done = harness.run(
                [
                    venv / "bin" / "python",
                    "-c",
                    "import os; print(os.path.exists(os.getcwd() + '/.venv'),"
                    f" os.path.lexists({str(view.home_file)!r}))",
                ],
                cwd=base,
            )
            results[name] = done.stdout.strip() or done.stderr.strip()
            harness.run([harness.TOOL, "unwrap", venv, "--purge"])
        finally:
            harness.remove_tree(base)
    return results


def dotenv(prepare):
    """A strange .env; what the program sees of it, or the message, and that it is quick."""

    def play(view):
        path = view.project / ".env"
        path.unlink(missing_ok=True)
        try:
            prepare(view, path)
            begin = time.monotonic()
            code = "import os; print(os.environ.get('SVENV_FROM', 'unset'))"
            if not view.inside:
                return "not read"
            done = view.world.python("-c", code)
            if time.monotonic() - begin > harness.TIMEOUT / 2:
                return "slow"
            if done.returncode == 125:
                return "refused" if done.stderr.startswith("sandbox-venv: ") else done.stderr
            return done.stdout.strip()
        finally:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
            path.write_text("FROM_DOTENV=yes\n")

    return Host(play)


def link_to_secret(view, path):
    secret = view.parent / "credentials"
    secret.write_text(f"SVENV_FROM={view.canary}\n")
    path.symlink_to(secret)


def text(data):
    return lambda view, path: path.write_bytes(data)


def unreadable(view, path):
    path.write_text("SVENV_FROM=x\n")
    path.chmod(0)


def kept_back(view):
    """A line of .env names a variable of the caller's that stays outside, and one that goes in."""
    path = view.project / ".env"
    path.write_text('SVENV_FROM="<${SVENV_TEST_TOKEN}> <${LANG}>"\n')
    env = {**harness.clean_environment(), "SVENV_TEST_TOKEN": view.canary, "LANG": "C.UTF-8"}
    code = "import os; print(os.environ.get('SVENV_FROM', 'unset'))"
    outside = ["sh", "-c", '. ./.env; echo "$SVENV_FROM"']
    try:
        if view.inside:
            done = view.world.python("-c", code, env=env)
        else:
            done = harness.run(outside, cwd=view.project, env=env)
        return done.stdout.strip().replace(view.canary, "secret")
    finally:
        path.write_text("FROM_DOTENV=yes\n")


def with_variables(view, variables, target, named=True):
    """A start with variables that a tool of the user's loaded from .env (named), as a program could
    have written it; what becomes of `target`, which they would show."""
    path = view.project / ".env"
    if named:
        path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    code = (
        "import sys\ntry:\n    text = open(sys.argv[-1][::-1]).read()\nexcept OSError:\n"
        "    print('absent'); sys.exit()\n"
        "try:\n    open(sys.argv[-1][::-1], 'a').write('!')\nexcept OSError:\n"
        "    print('read'); sys.exit()\nprint('written')"
    )
    # Backwards, so that the argument shows nothing.
    words = ["-c", code, str(target)[::-1]]
    env = {**harness.clean_environment(), **variables}
    try:
        if view.inside:
            done = view.world.python(*words, env=env)
        else:
            done = harness.run([harness.SYSTEM_PYTHON, *words], cwd=view.project, env=env)
        refused = done.returncode == 125 and done.stderr.startswith("sandbox-venv: ")
        return "refused" if refused else done.stdout.strip() or done.stderr
    finally:
        path.write_text("FROM_DOTENV=yes\n")


def letter(view):
    """A document outside the project, on each side one of its own."""
    path = view.parent / ("letter-in" if view.inside else "letter-out")
    path.write_text("dear\n")
    return path


def shown_by(name, value="{}", named=True):
    def play(view):
        target = letter(view)
        return with_variables(view, {name: value.format(target)}, target, named)

    return Host(play)


SANE = that("nothing, and the start goes on", lambda v: v == "unset")
BOUNDED = that("bounded", lambda v: v in ("unset", "x"))

PROBES = [
    Probe("ARG-02", "words that look like our options", same_bytes(OURS), "same", "same"),
    Probe(
        "ARG-03a", "20 000 arguments", same_bytes([str(n) for n in range(20000)]), "same", "same"
    ),
    Probe(
        "ARG-03b", "one argument of 128 KiB less one", same_bytes(["x" * 131071]), "same", "same"
    ),
    Probe(
        "ARG-03c",
        "newlines, empty words, bytes that are no UTF-8",
        same_bytes(["", "a\nb", os.fsdecode(b"\xff\xfe"), "\x1b[31m", "--", ""]),
        "same",
        "same",
    ),
    Probe(
        "ARG-04",
        "stubs through links, copies and relative paths",
        Host(outside_links),
        that("confined or refused", lambda v: set(v.values()) <= {"confined", "refused"}),
        {"native": "free"},
        world="links",
    ),
    Probe(
        "ARG-05",
        f"{len(STRANGE)} strange paths",
        Host(strange_places),
        that("right or refused", lambda v: set(v.values()) <= {"True False", "refused", "no venv"}),
        that("right", lambda v: set(v.values()) <= {"True True", "no venv"}),
    ),
    Probe("DOT-02", ".env is a symlink to credentials", dotenv(link_to_secret), SANE, "not read"),
    Probe(
        "DOT-04a",
        ".env: an unterminated quote",
        dotenv(text(b"SVENV_FROM='x\n")),
        BOUNDED,
        "not read",
    ),
    Probe("DOT-04b", ".env: NUL bytes", dotenv(text(b"SVENV_FROM=x\0y\n")), SANE, "not read"),
    Probe(
        "DOT-04c",
        ".env: a line of 10 MB",
        dotenv(text(b"A=" + b"x" * 10_000_000)),
        BOUNDED,
        "not read",
    ),
    Probe(
        "DOT-04d",
        ".env: 10^5 names",
        dotenv(text(b"".join(b"N%d=1\n" % n for n in range(100_000)))),
        BOUNDED,
        "not read",
    ),
    Probe(
        "DOT-04e",
        ".env: CRLF and a byte order mark",
        dotenv(text(b"\xef\xbb\xbfSVENV_FROM=x\r\n")),
        BOUNDED,
        "not read",
    ),
    Probe(
        "DOT-04f",
        ".env: a private key, a name alone, a trailing comma",
        dotenv(text(b"-----BEGIN KEY-----\nAA\n-----END KEY-----\nN\nA='it\\'s',\nSVENV_FROM=x\n")),
        "x",
        "not read",
    ),
    Probe("DOT-05a", ".env is a FIFO", dotenv(lambda v, path: os.mkfifo(path)), SANE, "not read"),
    Probe("DOT-05b", ".env is a directory", dotenv(lambda v, path: path.mkdir()), SANE, "not read"),
    Probe("DOT-05c", ".env is not readable", dotenv(unreadable), SANE, "not read", root=False),
    Probe(
        "DOT-07",
        ".env names a variable that is kept back",
        Host(kept_back),
        "<> <C.UTF-8>",
        "<secret> <C.UTF-8>",
    ),
    Probe(
        "DOT-08a",
        ".env that the user's tool loads: BWRAP_ARGS",
        shown_by("BWRAP_ARGS", "--bind {0} {0}"),
        "refused",
        "written",
    ),
    Probe(
        "DOT-08b",
        ".env that the user's tool loads: SSL_CERT_FILE",
        shown_by("SSL_CERT_FILE"),
        "absent",
        "written",
    ),
    Probe(
        "DOT-09",
        "TEST_RUN_PIPE names a file",
        shown_by("TEST_RUN_PIPE", named=False),
        "absent",
        "written",
    ),
]
