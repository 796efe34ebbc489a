"""The walls around a program beside its view: pid 1, late mounts, descriptors, signals."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from lib.case import Case
from lib.environment import environment
from lib.processes import descendants
from lib.programs import run, tool
from lib.skips import impossible
from lib.user import AS_ROOT

SECRET = "svenv-test-secret-value-4711"


def scan_once(pid, needle):
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


def scan(pid, needle):
    """How often the bytes stand in the process's readable memory. A launcher gives memory back a
    moment after the start: what is gone while it is read is looked for anew."""
    for _ in range(20):
        with contextlib.suppress(OSError):
            return scan_once(pid, needle)
        time.sleep(0.1)
    return scan_once(pid, needle)


def is_first(pid):
    """Is it pid 1 of a namespace of its own? The guard has the same name."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return any(line.startswith("NSpid:") and line.endswith("\t1") for line in status)


class PidOne(Case):
    def start(self, project):
        """A start by a parent whose environment holds the secret; returns launcher and pid 1."""
        code = "import sys; print('up', flush=True); sys.stdin.read()"
        started = project.spawn(
            "python",
            "-c",
            code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(SVENV_TEST_TOKEN=SECRET),
        )
        self.addCleanup(started.wait)
        self.addCleanup(started.stdin.close)
        self.addCleanup(started.stdout.close)
        self.assertEqual(started.stdout.readline(), b"up\n")
        children = [
            pid
            for pid in descendants(started.pid)
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "sandbox-venv\n" and is_first(pid)
        ]
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


class OwnMounts(Case):
    """In a user and mount namespace of its own a test may mount."""

    def setUp(self):
        self.unshare = [
            "unshare",
            "-U",
            "--map-current-user",
            "--keep-caps",
            "-m",
            "--propagation",
            "shared",
        ]
        if not shutil.which("unshare") or run(*self.unshare, "true").returncode:
            impossible("needs user namespaces, and an unshare(1) that keeps capabilities")


class LateMounts(OwnMounts):
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
        self.assertEqual(
            self.look(self.project(), *outside), ["early True written", "late True written"]
        )


# argv: project, python of it or of the host. Another file system is mounted inside the project.
INNER_MOUNT = """
import os, pathlib, subprocess, sys
project, python = pathlib.Path(sys.argv[1]), sys.argv[2]
disk = project / "disk"
done = subprocess.run(["mount", "-t", "tmpfs", "none", disk])
if done.returncode: sys.exit(done.returncode)
(disk / "repo/.git").mkdir(parents=True)
(disk / "repo/.git/config").write_text("[core]\\n")
code = (
    "import os\\n"
    "for name in ('disk/repo/.git/config', 'disk/data', 'disk/new/.envrc'):\\n"
    "    try:\\n"
    "        os.makedirs(os.path.dirname(name), exist_ok=True)\\n"
    "        open(name, 'a').close(); print('written')\\n"
    "    except OSError as error: print(error.strerror)\\n"
)
done = subprocess.run([python, "-B", "-c", code], cwd=project, stdout=subprocess.PIPE, text=True)
print(done.stdout, end="")
print(done.returncode, (disk / "new/.envrc").exists())
"""


class InnerMounts(OwnMounts):
    """Tools of the host look into file systems that are mounted in the project like anywhere."""

    def look(self, project, python):
        (project.path / "disk").mkdir()
        done = run(*self.unshare, sys.executable, "-c", INNER_MOUNT, project.path, python)
        return done.stdout.splitlines(), done.stderr

    def test_a_repository_in_it_is_protected_and_names_that_appear_go(self):
        said, told = self.look(self.wrapped(), ".venv/bin/python")
        self.assertEqual(said, ["Read-only file system", "written", "written", "0 False"], told)
        self.assertIn("disk/new/.envrc", told)

    def test_outside_all_of_it_can_be_written(self):
        said, told = self.look(self.project(), sys.executable)
        self.assertEqual(said, ["written", "written", "written", "0 True"], told)


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
            for number, file in zip((7, 8, 9), files, strict=True):
                os.dup2(file, number + 100)
            script = 'exec 7<&107 8<&108 9<&109 107<&- 108<&- 109<&-; exec "$@"'
            done = run(
                "bash",
                "-c",
                script,
                "bash",
                *command,
                "-c",
                self.CODE,
                cwd=str(p.path),
                pass_fds=(107, 108, 109),
            )
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
        script = "trap 'echo reached' USR1; \"$@\"; wait; echo end"
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
        code = (
            "import os, signal\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    os.setpgid(0, 0)\n"
            "    signal.pause()\n"
            "while os.getpgid(pid) != pid: pass\n"
            "os.killpg(pid, signal.SIGTERM)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        )
        done = p.code(code)
        self.assertEqual((done.stdout, done.stderr), (f"-{signal.SIGTERM.value}\n", ""))

    def test_priorities_of_the_group_stay_inside(self):
        code = (
            "import os\n"
            "try: os.setpriority(os.PRIO_PGRP, 0, 19); print('set')\n"
            "except PermissionError: print('refused')\n"
        )
        p = self.wrapped()
        self.assertEqual(p.code(code, start_new_session=True).stdout, "refused\n")
        self.assertEqual(run(sys.executable, "-c", code, start_new_session=True).stdout, "set\n")
        done = p.code("import os; os.setpriority(os.PRIO_PROCESS, 0, 19); print('set')")
        self.assertEqual(done.stdout, "set\n")


class EntryPoints(Case):
    """The filter, no_new_privs and the namespaces hold whatever an entry is, not only Python: each
    says so itself with the first thing that it does."""

    def confinement(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
        return lines["NoNewPrivs"], lines["Seccomp"]

    def entries(self, project):
        """Name and words of one entry of each kind; all of them print a status of theirs."""
        bin_dir = project.env_dir / "bin"
        status = "/proc/self/status"

        def script(name, text):
            (bin_dir / name).write_text(text)
            (bin_dir / name).chmod(0o755)
            return name, ()

        shutil.copy(shutil.which("grep"), bin_dir / "native")
        os.symlink(shutil.which("cat"), bin_dir / "linked")
        python = f"print(open({status!r}).read())"
        return [
            ("python", ("-I", "-S", "-E", "-c", python)),
            ("native", ("-E", "^(NoNewPrivs|Seccomp):", status)),
            ("linked", (status,)),
            script("console", f"#!{bin_dir / 'python'}\n{python}\n"),
            script("shell-script", f"#!/bin/sh\nexec cat {status}\n"),
            script("no-line", f"exec cat {status}\n"),
            script("through-env", f"#!/usr/bin/env python3\n{python}\n"),
        ]

    def test_every_kind(self):
        project = self.project().venv()
        entries = self.entries(project)
        native = {
            name: self.confinement(
                run("/bin/sh", project.bin(name), *words)
                if name == "no-line"
                else run(project.bin(name), *words)
            )
            for name, words in entries
        }
        project.wrap()
        inside = {name: self.confinement(run(project.bin(name), *words)) for name, words in entries}
        self.assertEqual(inside, {name: ("1", "2") for name, _ in entries})
        for name, (_, filtered) in native.items():
            self.assertEqual(filtered, "0", f"{name} is filtered without us: proves nothing")

    def test_any_command_and_a_shell(self):
        project = self.wrapped()
        for words in (
            ("run", project.env_dir, "--", "cat", "/proc/self/status"),
            ("run", project.env_dir, "--", "/bin/sh", "-c", "cat /proc/$$/status"),
        ):
            self.assertEqual(self.confinement(tool(*words)), ("1", "2"))
        done = tool("shell", project.env_dir, input="cat /proc/$$/status\n")
        self.assertEqual(self.confinement(done), ("1", "2"))


REOPEN = """
import os, sys
number, answers = int(sys.argv[1]), []
for flags in (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY | os.O_APPEND, os.O_RDWR,
              os.O_WRONLY | os.O_TRUNC, os.O_RDONLY | os.O_TRUNC):
    try:
        os.close(os.open(f"/proc/self/fd/{number}", flags))
        answers.append("ok")
    except OSError as error:
        answers.append(type(error).__name__)
sys.stderr.write(" ".join(answers))
"""


OK, NO = "ok", "PermissionError"


class Redirected(Case):
    """A redirected file of the host opens again by its descriptor's name for what the descriptor
    can do, and for nothing else: a look at an input must not empty it."""

    def ask(self, command, file, number, mode):
        file.write_text("content")
        name = {0: "stdin", 1: "stdout"}[number]
        with open(file, mode) as stream:
            done = run(*command, "-c", REOPEN, str(number), **{name: stream})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr.split(), file.read_text()

    def compare(self, number, mode, expected):
        p = self.wrapped()
        file = p.top / "host-file"
        inside, left = self.ask([p.bin()], file, number, mode)
        self.assertEqual(inside, expected)
        outside, _ = self.ask([sys.executable], file, number, mode)
        self.assertEqual(outside, [OK] * 6)
        return left

    def test_an_input_stays_as_it_is(self):
        self.assertEqual(self.compare(0, "r", [OK, NO, NO, NO, NO, NO]), "content")

    def test_an_output_is_written_only(self):
        self.compare(1, "w", [NO, OK, OK, NO, OK, NO])

    def test_what_is_appended_to_is_not_emptied(self):
        self.assertEqual(self.compare(1, "a", [NO, OK, OK, NO, NO, NO]), "content")

    def test_honest_programs_write_to_dev_stdout(self):
        p = self.wrapped()
        file = p.top / "host-file"
        code = "open('/dev/stdout', 'w').write('one\\n'); print('two')"
        with open(file, "w") as stream:
            done = run(p.bin(), "-c", code, stdout=stream)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("two\n", file.read_text())
        file.write_text("")
        with open(file, "a") as stream:
            done = run(
                "/bin/sh",
                "-c",
                f"{p.bin()} -c \"open('/dev/stdout', 'a').write('one')\"",
                stdout=stream,
            )
        self.assertEqual((done.returncode, done.stderr, file.read_text()), (0, "", "one"))

    def test_by_other_numbers_and_not_what_was_closed(self):
        p = self.wrapped()
        file = p.top / "host-file"
        file.write_text("content")
        code = "print(open('/dev/fd/7').read())"
        done = run("/bin/sh", "-c", f'exec {p.bin()} -c "{code}" 7<{file}')
        self.assertEqual((done.stdout, done.stderr), ("content\n", ""))


class ShownFilter(Case):
    """`policy show --filter`: the program that the kernel gets, for people."""

    def sections(self, project):
        done = tool("policy", "show", "--filter", project.env_dir)
        self.assert_clean(done)
        calls, at = {}, None
        for line in done.stdout.split("\n\n")[0].splitlines():
            if line.startswith("    "):
                calls[at] += line.split()
            else:
                at = line.partition(":")[0]
                calls.setdefault(at, [])
        return calls, done.stdout

    def test_it_says_what_the_kernel_answers(self):
        p = self.wrapped()
        before = sorted(os.listdir(p.env_dir / "sandbox"))
        calls, text = self.sections(p)
        self.assertIn("read", calls["allow"])
        self.assertIn("statx", calls["allow"])
        self.assertIn("ptrace", calls["EPERM"])
        self.assertIn("clone3", calls["ENOSYS"])
        self.assertTrue(
            any(
                word.startswith("ioctl(")
                for word in calls["by their arguments, from the instruction in brackets on"]
            )
        )
        self.assertIn("\n   0  load architecture\n", text)
        self.assertEqual(sorted(os.listdir(p.env_dir / "sandbox")), before)

    def test_it_follows_the_policy(self):
        p = self.wrapped()
        p.policy("syscalls: {allow: [splice], deny: [statx]}\n")
        calls, _ = self.sections(p)
        self.assertIn("splice", calls["allow"])
        self.assertIn("statx", calls["EPERM"])
        p.policy("syscalls: {profile: debug}\n")
        calls, text = self.sections(p)
        self.assertIn("ptrace", calls["allow"])
        self.assertIn(": debug: ", text.splitlines()[0])

    def test_one_question_at_a_time(self):
        done = tool("policy", "show", "--filter", "--diff", self.wrapped().env_dir)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
