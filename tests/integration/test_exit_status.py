"""Exit statuses of programs, and the limit on their time."""

import os
import resource
import signal
import subprocess
import textwrap
import time

from lib.case import Case
from lib.pair import Compared
from lib.processes import wait_for
from lib.programs import SECONDS, run, tool


class ExitStatus(Compared):
    def status(self, project, code, cwd=None):
        """The waitpid status of `python -c code`, and whether a core was dumped."""
        process = self.popen(
            project,
            "python",
            "-c",
            code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=cwd or str(project.path),
        )
        process.wait(SECONDS)
        return process.returncode

    def test_codes(self):
        for code in (0, 1, 2, 7, 124, 125, 126, 127, 128, 255):
            with self.subTest(code):
                self.assertEqual(self.status(self.project, f"raise SystemExit({code})"), code)

    def test_exceptions_and_messages(self):
        for code in (
            "1 / 0",
            "raise SystemExit('gone')",
            "import sys; sys.exit(-1)",
            "import os; os._exit(300)",
            "raise KeyboardInterrupt",
        ):
            with self.subTest(code):
                wrapped, native = self.both(lambda one, c=code: one.code(c))
                self.assert_same(wrapped, native, self.project, self.twin)

    def test_fatal_signals(self):
        for name in (
            "KILL",
            "TERM",
            "SEGV",
            "ABRT",
            "INT",
            "HUP",
            "PIPE",
            "QUIT",
            "USR1",
            "XCPU",
            "BUS",
            "FPE",
            "ILL",
            "SYS",
            "TRAP",
            "ALRM",
            "RTMIN",
        ):
            code = (
                f"import os, signal; n = signal.SIG{name}; "
                "n in (signal.SIGKILL,) or signal.signal(n, signal.SIG_DFL); "
                "os.kill(os.getpid(), n)"
            )
            with self.subTest(name):
                self.assertEqual(
                    self.same(lambda one, c=code: self.status(one, c)),
                    -getattr(signal, "SIG" + name),
                )

    def test_crashes(self):
        for code in (
            "import os; os.abort()",
            "import ctypes; ctypes.string_at(0)",
            "import faulthandler; faulthandler._sigsegv()",
        ):
            with self.subTest(code):
                self.assertLess(self.same(lambda one, c=code: self.status(one, c)), 0)

    def test_no_core_is_left(self):
        work = self.project.path / "core-test"
        work.mkdir()
        process = self.popen(
            self.project,
            "python",
            "-c",
            "import os; os.abort()",
            cwd=str(work),
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
            ),
        )
        pid, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual((pid, os.WTERMSIG(status)), (process.pid, signal.SIGABRT))
        self.assertFalse(os.WCOREDUMP(status))
        self.assertEqual(os.listdir(work), [])

    def test_shell_sees_the_signal(self):
        wrapped, native = self.both(
            lambda one: run(
                "bash",
                "-c",
                ".venv/bin/python -c 'import os; os.kill(os.getpid(), 9)'; echo $?",
                cwd=one.path,
            )
        )
        self.assertEqual(wrapped.stdout, native.stdout)
        self.assertEqual(wrapped.stdout.split()[-1], "137")

    def test_run_says_what_it_cannot_run(self):
        text = self.project.write("no-program", "text", 0o644)
        for word, status in (
            ("/no/such/program", 127),
            ("no-such-program", 127),
            (str(text), 126),
            (str(self.project.path), 126),
        ):
            with self.subTest(word):
                done = tool("run", self.project.env_dir, "--", word, cwd=self.project.path)
                self.assert_refused(done, status, word)
        done = tool(
            "run",
            self.project.env_dir,
            "--",
            "sh",
            "-c",
            "echo $0 $1; exit 3",
            "a",
            "b",
            cwd=self.project.path,
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "a b\n", ""))

    def test_run_finds_programs_of_the_venv(self):
        done = tool(
            "run",
            self.project.env_dir,
            "--",
            "python",
            "-c",
            "import sys; print(sys.prefix)",
            cwd=self.project.path,
        )
        self.assert_clean(done)
        self.assertEqual(done.stdout.strip(), str(self.project.env_dir))


class WallTime(Case):
    def test_limit(self):
        project = self.wrapped(policy="limits: {wall-time: 100}\n")
        self.assert_clean(project.code("pass"))
        done = project.code("raise SystemExit(124)")
        self.assertEqual((done.returncode, done.stderr), (124, ""))
        for limit in (1, 4, 16, 64):  # a busy machine takes longer to begin
            project.policy(f"limits: {{wall-time: {limit}}}\n")
            done = project.code("import time; print('on', flush=True); time.sleep(600)")
            if done.stdout:
                break
        self.assertEqual((done.returncode, done.stdout), (124, "on\n"))
        self.assertRegex(done.stderr, rf"^sandbox-venv: .*\b{limit} second.*\n$")

    def test_limit_holds_for_what_the_program_leaves(self):
        project = self.wrapped()
        marker = project.path / "beat"
        code = textwrap.dedent(f"""
            import os, time
            if os.fork() == 0:
                for stream in (0, 1, 2): os.close(stream)
                os.setsid()
                while True:
                    open({str(marker)!r}, 'w').close(); time.sleep(0.05)
            while not os.path.exists({str(marker)!r}): time.sleep(0.01)
            """)
        for limit in (2, 8, 32):
            project.policy(f"limits: {{wall-time: {limit}}}\nlifetime: tree\n")
            done = project.code(code)
            if done.returncode == 0:
                break
        self.assert_clean(done)

        def silent():
            marker.unlink(missing_ok=True)
            time.sleep(0.3)
            return not marker.exists()

        self.assertTrue(wait_for(silent))
