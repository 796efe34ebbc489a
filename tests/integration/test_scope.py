"""`sandbox-venv internal-scope` asks systemd for a control group; the launcher never does.

That a group comes of it is shown in test_limits.py, where the machine can have one.
"""

import os
import pathlib
import shutil
import struct
import subprocess

from lib import bus
from lib.case import Case
from lib.installed import LAUNCHER, TOOL
from lib.processes import descendants, wait_for
from lib.programs import run, tool
from lib.skips import impossible, skip
from lib.user import AS_ROOT

D_BUS = (b"StartTransientUnit", b"org.freedesktop.systemd1", b"AUTH EXTERNAL", b"JobRemoved")


class Launcher(Case):
    """The launcher's part in it."""

    def test_it_speaks_no_d_bus(self):
        launcher, command = LAUNCHER.read_bytes(), TOOL.read_bytes()
        for text in D_BUS:
            self.assertIn(text, command)
            self.assertNotIn(text, launcher)
        self.assertIn(b"internal-scope", launcher)

    def commands(self, project):
        """The commands of sandbox-venv that one start runs."""
        trace = project.top / "trace"
        strace = ("strace", "-f", "-s", "4096", "-o", trace, "-e", "trace=execve")
        done = run(*strace, project.bin("python"), "-c", "pass", cwd=str(project.path))
        if "ptrace" in done.stderr:
            skip("nothing can be traced here: " + done.stderr.splitlines()[0])
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = trace.read_text().splitlines()
        self.assertTrue([line for line in lines if str(LAUNCHER) in line], lines)
        return [line.split('", "')[1] for line in lines if f'execve("{TOOL}", ' in line]

    def test_a_start_without_such_limits_runs_no_helper(self):
        if not shutil.which("strace"):
            skip("needs strace")
        project = self.wrapped(policy="limits: {processes: 400}\n")
        self.assertEqual(self.commands(project), ["internal-refresh"])
        self.assertEqual(self.commands(project), [])


class Refusals(Case):
    """The command moves a child of its caller's, and nothing else."""

    def setUp(self):
        top = pathlib.Path(self.project().top)
        self.socket, self.env = bus.listener(self, top)
        null = subprocess.DEVNULL  # the sleeper outlives its shell, and must not hold our output
        self.child = subprocess.Popen(
            ["sh", "-c", "sleep 60 & wait"], stdin=null, stdout=null, stderr=null
        )
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.kill)
        self.name = f"sandbox-venv-{os.getpid()}-1"

    def ask(self, pid=None, name=None, limits=(1 << 30, 0, 0)):
        return tool(
            "internal-scope", pid or self.child.pid, name or self.name, *limits, env=self.env
        )

    def assert_not_asked(self, done, reason):
        self.assertEqual(done.returncode, 125)
        self.assertIn(reason, done.stdout)
        self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
        self.assertEqual(done.stderr, "")
        self.assertFalse(bus.was_asked(self.socket))

    def test_a_child(self):
        asked = bus.serve(self.socket, bus.lie)
        done = self.ask(limits=(1 << 30, 2, 77))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertTrue(wait_for(lambda: asked))
        self.assertIn(self.name.encode() + b"-0.scope\0", asked[0])
        for number in (
            struct.pack("<II", 4, self.child.pid),
            struct.pack("<Q", 1 << 30),
            struct.pack("<Q", 77),
            struct.pack("<Q", 2000000),
        ):
            self.assertIn(number, asked[0])

    def test_processes_of_others(self):
        self.assertTrue(wait_for(lambda: descendants(self.child.pid)))
        grandchild = descendants(self.child.pid)[0]
        self.addCleanup(os.kill, grandchild, 9)
        for pid in (1, os.getppid(), os.getpid(), grandchild):
            self.assert_not_asked(self.ask(pid), "no child of the one that asks")

    def test_a_process_that_is_gone(self):
        self.child.kill()
        self.child.wait()
        self.assert_not_asked(self.ask(), "cannot look at process")

    def test_names_of_others(self):
        for name in (
            f"sandbox-venv-{os.getppid()}-1",
            "dbus.service",
            self.name + ".service",
            f"sandbox-venv-{os.getpid()}-1/../x",
        ):
            self.assert_not_asked(self.ask(name=name), "is no name for a group")

    def test_a_caller_that_asks_for_another(self):
        """One level deeper the same words mean somebody else's child."""
        self.assert_not_asked(
            run(
                "sh",
                "-c",
                '"$@"; exit $?',
                "sh",
                TOOL,
                "internal-scope",
                self.child.pid,
                self.name,
                1,
                0,
                0,
                env=self.env,
            ),
            "name",
        )

    def test_words_that_are_none(self):
        for words in (
            (),
            ("1",),
            (self.child.pid, self.name, 1, 0),
            ("-1", self.name, 1, 0, 0),
            (self.child.pid, self.name, "1G", 0, 0),
            (0, self.name, 1, 0, 0),
            (self.child.pid, self.name, 1, 0, 0, 0),
        ):
            done = tool("internal-scope", *words, env=self.env)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(done.stdout, "")
            self.assertFalse(bus.was_asked(self.socket))

    def test_nobody_is_there(self):
        """The message where no systemd can be reached."""
        if AS_ROOT:
            impossible("root reaches the system's own systemd, whatever the environment says")
        self.env.update(
            DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent/bus", XDG_RUNTIME_DIR="/nonexistent"
        )
        self.assert_not_asked(self.ask(), "cannot reach the bus '/nonexistent/bus'")

    def test_a_refusal(self):
        if AS_ROOT:
            impossible("root goes on to ask the system's own systemd")
        bus.serve(self.socket, bus.refuse)
        done = self.ask()
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr), (125, "systemd refuses: not today\n", "")
        )
