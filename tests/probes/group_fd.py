"""FD: inherited descriptors and magic links."""

import hashlib
import os
import resource
import socket
import subprocess

import harness
from harness import ANY, Host, Probe, Python, every, that


def inherited(view):
    """Descriptors that no program should get: directories, O_PATH, sockets, namespaces, pidfds."""
    ends = socket.socketpair()
    numbers = [
        os.open("/", os.O_RDONLY | os.O_DIRECTORY),
        os.open(harness.HOME, os.O_PATH),
        os.open("/proc/self/ns/mnt", os.O_RDONLY),
        ends[0].fileno(),
        os.pidfd_open(os.getpid()),
        os.eventfd(0),
    ]
    try:
        return sorted(set(leads_to(view, numbers)))
    finally:
        for number in numbers:
            if number != ends[0].fileno():
                os.close(number)
        ends[0].close()
        ends[1].close()


def leads_to(view, numbers):
    code = (
        "import os\n"
        "for n in sorted(os.listdir('/proc/self/fd')):\n"
        "    try: print(n, os.readlink('/proc/self/fd/' + n))\n"
        "    except OSError: pass\n"
    )
    options = {"pass_fds": tuple(numbers)}
    if view.inside:
        done = view.world.python("-c", code, **options)
    else:
        done = harness.run([harness.SYSTEM_PYTHON, "-c", code], **options)
    if done.returncode:
        raise harness.Dead(done.stderr)
    return [line.split()[0] for line in done.stdout.splitlines() if "/fd" not in line.split()[1]]


def reopen(number, flags):
    return opened(f"/proc/self/fd/{number}", flags)


def redirected(view):
    """Standard output goes to a host file; the program opens it again with more rights."""
    path = view.parent / "redirected"
    path.write_text(view.canary + "\n")
    results = {}
    for name, flags in (
        ("read", os.O_RDONLY),
        ("read-write", os.O_RDWR),
        ("truncate", os.O_WRONLY | os.O_TRUNC),
    ):
        with open(path, "ab") as file:
            results[name] = view.world.value(reopen, 1, flags, inside=view.inside, stdout=file)
    if view.canary not in path.read_text() and view.inside:
        results["content"] = "lost"
    return results


def input_file(view):
    path = view.parent / "input"
    path.write_text(view.canary)
    with open(path, "rb") as file:
        return view.world.value(reopen, 0, os.O_RDWR, inside=view.inside, stdin=file)


def directory_input(view):
    """A directory as standard input would lead out of the sandbox."""
    number = os.open(view.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        words = ["/bin/ls", "/proc/self/fd/0/"]
        if view.inside:
            done = view.world.start(*words, stdin=number)
        else:
            done = harness.run(words, stdin=number)
    finally:
        os.close(number)
    return done.returncode


def own_binaries(launcher, venv):
    write = os.O_WRONLY
    return {
        "/proc/1/exe": opened("/proc/1/exe", write),
        "/proc/1/root": listed("/proc/1/root/") if os.path.isdir("/proc/1/root/") else "<ENOENT>",
        "launcher": opened(launcher, write),
        "stub": opened(venv + "/sandbox/stub", write),
        "entry": opened(venv + "/bin/python3", write),
    }


def leads():
    return sorted(descriptors())


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


LAUNCHER_WAS = digest(harness.LAUNCHER) if harness.LAUNCHER.exists() else ""


def launcher_effect(world):
    return None if digest(harness.LAUNCHER) == LAUNCHER_WAS else "the launcher has changed"


def closed_streams(view):
    """0, 1, 2 closed by the caller; the program writes what it finds into the project."""
    note = view.project / "streams"
    note.unlink(missing_ok=True)
    code = (
        "import os\n"
        "seen = []\n"
        "for n in range(3):\n"
        "    try: seen.append(os.readlink('/proc/self/fd/%d' % n))\n"
        "    except OSError as error: seen.append('closed')\n"
        f"open({str(note)!r}, 'w').write(' '.join(seen))\n"
    )

    def shut():
        for number in range(3):
            os.close(number)

    argv, options = (
        view.world.command("python", "-c", code)
        if view.inside
        else ([harness.SYSTEM_PYTHON, "-c", code], {})
    )
    subprocess.run(
        [str(word) for word in argv],
        preexec_fn=shut,
        timeout=harness.TIMEOUT,
        cwd=view.project,
        env=harness.clean_environment(),
        close_fds=not options,
        check=False,
        **options,
    )
    view.world.release(options)
    seen = note.read_text() if note.exists() else "no program"
    note.unlink(missing_ok=True)
    return seen


def few_descriptors(view):
    """Under tight limits the launcher may fail, but never start the program half-confined."""
    results = {}
    for limit in (3, 4, 5, 6, 8, 10, 12, 16):

        def tighten(limit=limit):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        code = "print([l for l in open('/proc/self/status') if l.startswith('Seccomp:')])"
        if view.inside:
            done = view.world.python("-S", "-c", code, preexec_fn=tighten)
        else:
            done = harness.run([harness.SYSTEM_PYTHON, "-S", "-c", code], preexec_fn=tighten)
        sane = "\\t2" in done.stdout or (done.returncode != 0 and "\\t0" not in done.stdout)
        results[limit] = "confined or refused" if sane else "half-confined"
    return results


PROBES = [
    Probe(
        "FD-02",
        "directories, O_PATH, sockets, namespaces, pidfds of the caller",
        Host(inherited),
        ["0", "1", "2"],
        that("more", lambda v: len(v) > 3),
    ),
    Probe(
        "FD-03",
        "re-opening a redirected standard output with more rights",
        Host(redirected),
        that("EACCES or ENOENT", lambda v: set(v.values()) <= {"EACCES", "ENOENT"}),
        every("ok"),
    ),
    Probe(
        "FD-04",
        "re-opening a redirected standard input for writing",
        Host(input_file),
        ("EACCES", "ENOENT"),
        "ok",
    ),
    Probe("FD-05", "a directory as standard input is refused", Host(directory_input), 125, 0),
    Probe(
        "FD-06",
        "log, plan, policy, pidfds and pipes of the launcher: only 0, 1, 2 are open",
        Python(leads),
        ["0", "1", "2"],
        ANY,
        world="audited",
    ),
    Probe(
        "FD-08",
        "writing to the launcher, a stub, or the entry in use",
        Python(own_binaries, lambda v: [str(harness.LAUNCHER), str(v.venv)]),
        that("refused", lambda v: all(r != "ok" and not isinstance(r, list) for r in v.values())),
        ANY,
        launcher_effect,
    ),
    Probe(
        "FD-09",
        "started with 0, 1, 2 closed",
        Host(closed_streams),
        that("closed or /dev/null", lambda v: set(v.split()) <= {"closed", "/dev/null"}),
        ANY,
    ),
    Probe(
        "FD-11",
        "RLIMIT_NOFILE from 3 to 16",
        Host(few_descriptors),
        every("confined or refused"),
        that("unconfined", lambda v: "half-confined" in v.values()),
    ),
]
