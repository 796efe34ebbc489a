"""What keeps a program inside beyond its view of files: pid 1, late mounts, descriptors, signals."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

import support
from support import AS_ROOT, Case, impossible, run, wait_for

SECRET = "svenv-test-secret-value-4711"


def scan(pid, needle):
    """How often the bytes stand in the process's readable memory."""
    count = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            at, end = (int(text, 16) for text in span.split("-"))
            memory.seek(at)
            while at < end:
                piece = memory.read(min(1 << 20, end - at))
                if not piece:
                    break
                count += piece.count(needle)
                at += len(piece)
    return count


class PidOne(Case):
    def start(self, project):
        """A start by a parent whose environment holds the secret; returns launcher and pid 1."""
        code = "import sys; print('up', flush=True); sys.stdin.read()"
        started = project.spawn("python", "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env=support.environment(SVENV_TEST_TOKEN=SECRET))
        self.addCleanup(started.wait)
        self.addCleanup(started.stdin.close)
        self.addCleanup(started.stdout.close)
        self.assertEqual(started.stdout.readline(), b"up\n")
        children = [pid for pid in support.descendants(started.pid)
                    if pathlib.Path(f"/proc/{pid}/comm").read_text() == "sandbox-venv\n"]
        self.assertEqual(len(children), 1)
        return started.pid, children[0]

    def test_its_memory_holds_nothing_of_the_callers_environment(self):
        if not AS_ROOT:
            impossible("reads the memory of a process that is not dumpable: needs root")
        launcher, init = self.start(self.wrapped())
        self.assertGreater(scan(launcher, SECRET.encode()), 0)
        self.assertEqual(scan(init, SECRET.encode()), 0)
        self.assertEqual(pathlib.Path(f"/proc/{init}/environ").read_bytes().strip(b"\0"), b"")

    def test_it_shares_no_memory_with_the_launcher(self):
        if not AS_ROOT:
            impossible("looks at the maps of a process that is not dumpable: needs root")
        launcher, init = self.start(self.wrapped())
        shared = {}
        for pid in (launcher, init):
            lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
            shared[pid] = [line for line in lines if line.split()[1][3] == "s"]
        self.assertTrue(shared[launcher])
        self.assertEqual(shared[init], [])

    def test_it_is_closed_to_the_user_it_runs_as(self):
        if AS_ROOT:
            impossible("root may look at every process")
        launcher, init = self.start(self.wrapped())
        self.assertTrue(pathlib.Path(f"/proc/{launcher}/environ").read_bytes())
        with self.assertRaises(PermissionError):
            pathlib.Path(f"/proc/{init}/environ").read_bytes()


# In a mount namespace of its own, which it may change as root may the host's: something is mounted
# in the tree at argv[1] before the program starts, something else when it runs, and then it looks.
LATE_MOUNT = """
import ctypes, json, os, subprocess, sys
tree, command = sys.argv[1], sys.argv[2:]

def mount(name):
    path = os.path.join(tree, name)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", path.encode(), b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")
    open(path + "/mark", "w").close()

look = (
    "import json, os, sys\\n"
    "print('ready', flush=True); sys.stdin.readline()\\n"
    "for name in ('early', 'late'):\\n"
    "    path = os.path.join(sys.argv[1], name)\\n"
    "    try: open(path + '/new', 'w').close(); wrote = 'written'\\n"
    "    except OSError: wrote = 'read-only'\\n"
    "    print(name, os.path.exists(path + '/mark'), wrote)\\n"
)
mount("early")
child = subprocess.Popen([*command, "-c", look, tree], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True, cwd="/")
assert child.stdout.readline() == "ready\\n"
mount("late")
print(child.communicate("\\n")[0], end="")
sys.exit(child.returncode)
"""


class LateMounts(Case):
    def setUp(self):
        self.unshare = ["unshare", "-U", "--map-current-user", "--keep-caps", "-m",
                        "--propagation", "shared"]
        if not shutil.which("unshare") or run(*self.unshare, "true").returncode:
            impossible("needs user namespaces, and an unshare(1) that keeps capabilities")

    def look(self, project, *command):
        tree = project.top / "tree"
        for name in ("early", "late"):
            (tree / name).mkdir(parents=True)
        done = run(*self.unshare, sys.executable, "-c", LATE_MOUNT, tree, *command)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_what_was_mounted_before_is_read_only_and_what_comes_later_stays_outside(self):
        p = self.wrapped()
        p.policy(f"filesystem: {{read: [{p.top}/tree]}}\n")
        self.assertEqual(self.look(p, p.bin()), ["early True read-only", "late False read-only"])

    def test_a_mount_namespace_that_propagates_shows_both(self):
        outside = ["unshare", "-m", "--propagation", "slave", sys.executable]
        self.assertEqual(self.look(self.project(), *outside),
                         ["early True written", "late True written"])


class KernelFiles(Case):
    """Regular files of the kernel's own file systems are no files: they lead to what they show."""

    CODE = "import os; print([os.path.exists('/proc/self/fd/%d' % n) for n in (7, 8, 9)])"

    def test_they_are_closed_and_plain_files_stay(self):
        p = self.wrapped()
        plain = p.write("plain", "text")
        knobs = ("/proc/self/environ", "/proc/self/mountinfo")
        shown = []
        for command in ([p.bin()], [sys.executable]):
            files = [os.open(path, os.O_RDONLY) for path in (*knobs, plain)]
            for number, file in zip((7, 8, 9), files):
                os.dup2(file, number + 100)
            script = "exec 7<&107 8<&108 9<&109 107<&- 108<&- 109<&-; exec \"$@\""
            done = run("bash", "-c", script, "bash", *command, "-c", self.CODE, cwd=str(p.path),
                       pass_fds=(107, 108, 109))
            for file in (*files, 107, 108, 109):
                os.close(file)
            self.assert_clean(done)
            shown.append(done.stdout)
        self.assertEqual(shown, ["[False, False, True]\n", "[True, True, True]\n"])


SIGNAL_GROUP = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: None)
try:
    os.kill(0, signal.SIGUSR1)
except PermissionError:
    pass
"""


class ProcessGroup(Case):
    """kill(0) means the own process group, of which the caller and its pipeline are members."""

    def reached(self, *command):
        """Does a process beside the program, in the same group, get the signal?"""
        script = ("trap 'echo reached' USR1; \"$@\"; wait; echo end")
        done = run("bash", "-c", script, "bash", *command, start_new_session=True)
        self.assertIn("end\n", done.stdout, done.stderr)
        return "reached" in done.stdout

    def test_a_signal_to_the_group_stays_inside(self):
        p = self.wrapped()
        self.assertFalse(self.reached(p.bin(), "-c", SIGNAL_GROUP))

    def test_the_same_reaches_the_caller_without_a_sandbox(self):
        self.assertTrue(self.reached(sys.executable, "-c", SIGNAL_GROUP))

    def test_a_group_of_its_own_can_be_signalled(self):
        p = self.wrapped()
        code = ("import os, signal\n"
                "pid = os.fork()\n"
                "if pid == 0:\n"
                "    os.setpgid(0, 0)\n"
                "    signal.pause()\n"
                "while os.getpgid(pid) != pid: pass\n"
                "os.killpg(pid, signal.SIGTERM)\n"
                "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n")
        done = p.code(code)
        self.assertEqual((done.stdout, done.stderr), (f"-{signal.SIGTERM.value}\n", ""))

    def test_priorities_of_the_group_stay_inside(self):
        code = ("import os\n"
                "try: os.setpriority(os.PRIO_PGRP, 0, 19); print('set')\n"
                "except PermissionError: print('refused')\n")
        p = self.wrapped()
        self.assertEqual(p.code(code, start_new_session=True).stdout, "refused\n")
        self.assertEqual(run(sys.executable, "-c", code, start_new_session=True).stdout, "set\n")
        done = p.code("import os; os.setpriority(os.PRIO_PROCESS, 0, 19); print('set')")
        self.assertEqual(done.stdout, "set\n")


if __name__ == "__main__":
    unittest.main()
