"""LIFE: signals, ends, limits."""

import os
import signal
import subprocess
import time

import harness
from harness import ANY, Host, Probe, Python, every, that

from lib.processes import mentioning, wait_for
from lib.programs import SECONDS


def gone(view, word):
    """Whether all that bear the word end; outside they never do, so half a second is enough."""
    if view.inside:
        return wait_for(lambda: not mentioning(word))
    return wait_for(lambda: not mentioning(word), 0.5)


def dies(view, victim):
    """Whether a process of the host ends, which it must outside."""
    return wait_for(lambda: victim.poll() is not None, 0.1 if view.inside else SECONDS) or False


def spawn(view, code, **options):
    if view.inside:
        return view.world.spawn("python", "-c", code, **options)
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen([harness.SYSTEM_PYTHON, "-c", code], **options)


def group_signal(target):
    """A signal to the own group, or to everybody, with a process of the host in that group."""

    def play(view):
        if not view.inside and target == -1:
            return "victim dead"  # never tried outside: it would reach every process of the user
        victim = subprocess.Popen(["/bin/sleep", "600"], preexec_fn=lambda: os.setpgid(0, 0))
        # A signal to everybody is sent in a pid namespace of its own only, whatever is broken.
        host = os.readlink("/proc/self/ns/pid")
        code = (
            "import os, signal, sys, time\n"
            f"if {target} == -1 and os.readlink('/proc/self/ns/pid') == {host!r}: sys.exit()\n"
            "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
            f"try: os.kill({target}, signal.SIGUSR1)\n"
            "except OSError: pass\n"
            "time.sleep(0.2)\n"
        )
        try:
            child = spawn(
                view, code, preexec_fn=lambda: os.setpgid(0, victim.pid), stdout=subprocess.DEVNULL
            )
            child.wait(timeout=harness.TIMEOUT)
            return "victim dead" if dies(view, victim) else "victim alive"
        finally:
            victim.kill()
            victim.wait()

    return Host(play)


def direct_signal(view):
    """A signal to a process of the host by its pid."""
    victim = subprocess.Popen(["/bin/sleep", "600"])
    try:
        view.world.value(shoot, victim.pid, inside=view.inside)
        return "victim dead" if dies(view, victim) else "victim alive"
    finally:
        victim.kill()
        victim.wait()


def shoot(pid):
    return attempt(os.kill, pid, 15)


DAEMON = (
    "import os, signal, sys, time\n"
    "word = {word!r}\n"
    "if os.fork() == 0:\n"
    "    os.setsid(); signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "    if os.fork() == 0:\n"
    "        os.execv(sys.executable, [sys.executable, '-c',"
    " 'import time; time.sleep(600)', word])\n"
    "    os._exit(0)\n"
    "time.sleep({wait})\n"
)


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def daemon(view):
    word = "svenv-daemon-" + view.token + str(view.inside)
    child = spawn(view, DAEMON.format(word=word, wait=0.5), stdout=subprocess.DEVNULL)
    child.wait(timeout=harness.TIMEOUT)
    left = not gone(view, word)
    end(mentioning(word))
    return "left" if left else "gone"


def killed_launcher(delay):
    def play(view):
        for turn in range(12 if delay < 0.1 else 1):
            word = f"svenv-tree-{view.token}-{turn}-{delay}-{view.inside}"
            child = spawn(view, DAEMON.format(word=word, wait=600), stdout=subprocess.DEVNULL)
            time.sleep(delay * (turn + 1))
            child.kill()
            child.wait()
            left = not gone(view, word)
            end(mentioning(word))
            if left:
                return "left"
        return "gone"

    return Host(play)


def first_process(host):
    """The host's own pid 1 is left alone, both in the control and should the namespace be gone."""
    if os.readlink("/proc/self/ns/pid") == host:
        return ["the host's"]
    results = [attempt(os.kill, 1, number) for number in (9, 15, 19, 1)]
    import time

    time.sleep(0.1)
    return results


def forks(count):
    """How many children can live at once."""
    made = []
    try:
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                import time

                time.sleep(600)
                os._exit(0)
            made.append(pid)
    except OSError as error:
        return [name_of(error), len(made)]
    finally:
        for pid in made:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return ["ok", len(made)]


def still_forks(world):
    try:
        subprocess.run(["/bin/true"], check=True)
    except OSError as error:
        return f"the host cannot fork: {error}"
    return None


def descriptors_limit():
    made = []
    try:
        while len(made) < 1000:
            made.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        return [name_of(error), len(made) < 64]
    finally:
        for number in made:
            os.close(number)
    return ["ok", False]


def large_file(path):
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open(path, "wb", buffering=0) as file:
        file.seek(8 << 20)
        result = attempt(file.write, b"x")
    os.unlink(path)
    return result


def exit_codes(view):
    seen = []
    for code in (
        "raise SystemExit(0)",
        "raise SystemExit(7)",
        "raise SystemExit(255)",
        "import os; os.kill(os.getpid(), 15)",
        "import os; os.kill(os.getpid(), 11)",
        "import os; os.abort()",
    ):
        child = spawn(view, code, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen.append(child.wait(timeout=harness.TIMEOUT))
    return seen


EXACT = [0, 7, 255, -15, -11, -6]


def odd_caller(view):
    """SIGCHLD ignored and everything blocked by the caller: the status stays exact."""

    def odd():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        os.umask(0)
        os.nice(3)

    child = spawn(view, "raise SystemExit(9)", preexec_fn=odd, stdout=subprocess.DEVNULL)
    return child.wait(timeout=harness.TIMEOUT)


def wall_time(view):
    if not view.inside:
        return "late"
    policy = view.world.venv / "sandbox" / "policy.yaml"
    before = policy.read_text()
    try:
        policy.write_text("version: 1\nlimits: {wall-time: 1}\n")
        begin = time.monotonic()
        done = view.world.python("-c", "import time; time.sleep(600)", timeout=900)
        return (
            "in time"
            if done.returncode == 124 and time.monotonic() - begin < harness.TIMEOUT
            else "late"
        )
    finally:
        policy.write_text(before)


PLACES = (
    "/var/spool/cron",
    "/var/spool/at",
    "/run/systemd/private",
    "/run/atd.pid",
    "/run/dbus/system_bus_socket",
    "/etc/cron.d",
    "/etc/systemd",
    "/var/lib/systemd",
)


def presence(paths):
    return {path: attempt(os.lstat, path) for path in paths}


def setuid_effect():
    """A set-user-id program of the system gives nothing."""

    seen = status()
    return {
        "NoNewPrivs": seen["NoNewPrivs"],
        "uid": seen["Uid"].split()[1] == str(os.getuid()),
        "nosuid": bool(os.statvfs("/usr/bin").f_flag & os.ST_NOSUID),
    }


PROBES = [
    Probe(
        "LIFE-01a",
        "kill(0) with a process of the host in the group",
        group_signal(0),
        "victim alive",
        "victim dead",
    ),
    Probe(
        "LIFE-01b",
        "kill(-1) with a process of the host in the group",
        group_signal(-1),
        "victim alive",
        "victim dead",
    ),
    Probe(
        "LIFE-02",
        "kill(pid) of a process of the host",
        Host(direct_signal),
        "victim alive",
        "victim dead",
    ),
    Probe(
        "LIFE-03",
        "lifetime program: double fork, setsid, SIGHUP and SIGTERM ignored",
        Host(daemon),
        "gone",
        "left",
        world="program",
    ),
    Probe(
        "LIFE-04a",
        "SIGKILL to the launcher while the program runs",
        killed_launcher(1.0),
        "gone",
        "left",
    ),
    Probe(
        "LIFE-04b",
        "SIGKILL to the launcher in its first milliseconds",
        killed_launcher(0.003),
        "gone",
        ANY,
    ),
    Probe(
        "LIFE-05",
        "KILL, TERM, STOP, HUP to pid 1",
        Python(first_process, lambda v: [os.readlink("/proc/self/ns/pid")]),
        that("refused", lambda v: "ok" not in v and len(v) == 4),
        ["the host's"],
    ),
    Probe(
        "LIFE-06",
        "more processes than limits.processes",
        Python(forks, lambda v: [200]),
        that("EAGAIN before 64", lambda v: v[0] == "EAGAIN" and v[1] < 64),
        ["ok", 200],
        still_forks,
        world="few",
        root=False,
    ),
    Probe(
        "LIFE-07",
        "more descriptors than limits.open-files",
        Python(descriptors_limit),
        ["EMFILE", True],
        that("more", lambda v: not v[1]),
        world="few",
    ),
    Probe(
        "LIFE-08",
        "a larger file than limits.file-size",
        Python(large_file, lambda v: [str(v.project / "large")]),
        "EFBIG",
        world="few",
    ),
    Probe("LIFE-09", "limits.wall-time", Host(wall_time), "in time", "late"),
    Probe(
        "LIFE-10", "SIGCHLD ignored, signals blocked, umask 0 by the caller", Host(odd_caller), 9, 9
    ),
    Probe("LIFE-11", "exit statuses and fatal signals", Host(exit_codes), EXACT, EXACT),
    Probe(
        "LIFE-12",
        "cron, at, systemd",
        Python(presence, lambda v: [list(PLACES)]),
        every("ENOENT"),
        that("some", lambda v: "ok" in v.values()),
    ),
    Probe(
        "LIFE-13",
        "set-user-id programs give nothing",
        Python(setuid_effect),
        {"NoNewPrivs": "1", "uid": True, "nosuid": True},
        that("they would", lambda v: not v["nosuid"] and v["NoNewPrivs"] == "0"),
    ),
]
