"""A process's inheritance but for streams: ids, limits, directories, argv."""

import os
import pathlib
import resource
import tempfile
import textwrap

from lib.interpreters import SYSTEM_PYTHON
from lib.pair import Compared
from lib.programs import run


class Surroundings(Compared):
    """A process's inheritance."""

    def test_parent_and_ids(self):
        code = (
            "import os, json; print(json.dumps([os.getppid() != 1, os.getuid(), os.geteuid(),"
            " os.getgid(), os.getegid(), os.getresuid()]))"
        )
        self.same(lambda one: one.value(code))

    def test_process_group_and_session(self):
        code = "import os; print(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid())"
        self.assertIn("False", self.same(lambda one: one.code(code).stdout))

    def test_user_name_and_home(self):
        code = (
            "import os, getpass, pwd, grp, json; print(json.dumps([getpass.getuser(),"
            " pwd.getpwuid(os.getuid()).pw_dir, os.path.expanduser('~'),"
            " grp.getgrgid(os.getgid()).gr_name]))"
        )
        self.same(lambda one: one.value(code))

    def test_limits_nice_affinity_umask(self):
        code = textwrap.dedent("""
            import json, os, resource
            names = ('AS', 'CPU', 'DATA', 'FSIZE', 'STACK')
            print(json.dumps([
                [resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in names],
                resource.getrlimit(resource.RLIMIT_NOFILE)[0], os.nice(0),
                sorted(os.sched_getaffinity(0)), os.umask(0o77), os.cpu_count(),
                os.sched_getscheduler(0)]))
            """)

        def prepare():
            resource.setrlimit(resource.RLIMIT_NOFILE, (700, 700))
            resource.setrlimit(resource.RLIMIT_FSIZE, (10**9, 10**9))
            resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 4 << 20))
            os.nice(3)
            os.umask(0o27)
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

        seen = self.same(lambda one: one.value(code, preexec_fn=prepare))
        self.assertEqual(seen[1:5], [700, min(19, os.nice(0) + 3), seen[3], 0o27])
        self.same(lambda one: one.value(code))

    def test_usage_of_children_is_counted(self):
        code = "n = 0\nwhile n < 4000000: n += 1\n"

        def ask(one):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.assert_clean(one.code(code))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime - before.ru_utime

        wrapped, native = self.both(ask)
        self.assertGreater(wrapped, native * 0.5)

    def test_time_of_a_shell(self):
        done = run(
            "bash",
            "-c",
            "TIMEFORMAT=%U; time .venv/bin/python -c 'n = 0\nwhile n < 3000000: n += 1'",
            cwd=self.project.path,
        )
        self.assertGreater(float(done.stderr), 0.05)

    def test_working_directory(self):
        code = "import os; print(os.getcwd(), os.environ['PWD'], len(os.listdir('.')) > 0)"
        below = {one: one.path / "some where" for one in (self.project, self.twin)}
        for path in below.values():
            path.mkdir()
            (path / "file").write_text("")

        def ask(one):
            done = run("bash", "-c", 'exec "$0" -c "$1"', one.bin(), code, cwd=below[one])
            return (
                done.returncode,
                done.stderr,
                done.stdout.replace(str(self.twin.path), str(self.project.path)),
            )

        self.same(ask)

    def test_working_directory_that_is_not_shown(self):
        with tempfile.TemporaryDirectory(dir=self.project.top) as outside:
            pathlib.Path(outside, "private").write_text("")
            done = self.project.code(
                "import os; print(os.getcwd()); print(os.listdir('.'))", cwd=outside
            )
            self.assert_clean(done)
            self.assertEqual(done.stdout.splitlines(), [outside, "[]"])
            self.project.code("open('x', 'w')", cwd=outside)
            self.assertEqual(os.listdir(outside), ["private"])

    def test_deleted_working_directory(self):
        gone = self.project.path / "gone"
        gone.mkdir()
        done = run(
            "sh",
            "-c",
            'cd gone && rmdir ../gone && exec "$0" -c pass',
            self.project.bin(),
            cwd=self.project.path,
        )
        self.assert_refused(done, 125, "working directory")

    def test_empty_argv(self):
        """execve with no argv[0] at all: refused or run, in one piece, and never our crash."""
        helper = (
            "import ctypes, os, sys\n"
            "libc = ctypes.CDLL(None)\n"
            "argv = (ctypes.c_char_p * 1)(None)\n"
            "env = (ctypes.c_char_p * 2)(b'PATH=/usr/bin:/bin', None)\n"
            "libc.execve(sys.argv[1].encode(), argv, env)\n"
        )
        done = run(
            SYSTEM_PYTHON,
            "-c",
            helper,
            self.project.bin(),
            input="print('fine')",
            cwd=self.project.path,
        )
        if done.returncode == 125:
            self.assert_refused(done)
        else:
            self.assertEqual((done.returncode, done.stdout), (0, "fine\n"))

    def test_empty_environment(self):
        done = self.project.run(
            "/usr/bin/env", "-i", self.project.bin(), "-c", "import os, sys; print(sys.prefix)"
        )
        self.assert_clean(done)
        self.assertEqual(done.stdout.strip(), str(self.project.env_dir))
