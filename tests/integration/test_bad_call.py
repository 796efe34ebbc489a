"""Odd ways of being called: arguments, descriptors, directories, variables."""

import ctypes
import os
import pathlib

from lib.case import Case
from lib.environment import environment
from lib.installed import PREFIX, TOOL
from lib.programs import run, tool
from lib.skips import skip
from lib.trees import snapshot

# bubblewrap options: unknown, refused, incomplete, nonsense.
BAD_OPTIONS = [
    (["--no-such-option"], 2, "--no-such-option"),
    (["--seccomp", "3"], 2, "--seccomp"),
    (["--userns", "3"], 2, "--userns"),
    (["--args", "3"], 2, "--args"),
    (["--block-fd", "3"], 2, "--block-fd"),
    (["--overlay-src", "/tmp"], 2, "--overlay-src"),
    (["--ro-bind", "/usr"], 2, "--ro-bind"),
    (["--", "--ro-bind", "/nonexistent/x", "/x"], 125, "/nonexistent/x"),
    (["--", "--no-such-option"], 2, "--no-such-option"),
    (["--", "--bind", "/", "/"], 125, ""),
    (["--setenv", "A"], 2, "--setenv"),
    (["--", "python"], 2, "python"),
    (["--ro-bind", "", "/x"], 2, ""),
]


class Caller(Case):
    """Odd ways of being called."""

    @classmethod
    def setUpClass(cls):
        cls.p = cls.project_of_class().venv()
        cls.p.script("tool", "import sys\nprint('tool', sys.argv[1:])\n")
        cls.p.wrap()

    def test_closed_descriptors(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed):
                out = self.p.path / "out"
                out.unlink(missing_ok=True)
                code = f"open({str(out)!r}, 'w').write('ran')"
                done = run("sh", "-c", f'exec "$@" {closed}', "sh", self.p.bin(), "-c", code)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
                self.assertEqual(out.read_text(), "ran")
                before = (self.p.env_dir / "sandbox/policy.yaml").read_bytes()
                self.p.script("fresh", "pass\n")
                done = run("sh", "-c", f'exec "$@" {closed}', "sh", TOOL, "wrap", self.p.env_dir)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((self.p.env_dir / "sandbox/policy.yaml").read_bytes(), before)
                self.assertEqual(tool("status", self.p.env_dir, "--check").returncode, 0)
                # An error has nowhere to go, least of all into a file.
                done = run(
                    "sh",
                    "-c",
                    f'exec "$@" {closed}',
                    "sh",
                    TOOL,
                    "wrap",
                    self.p.env_dir,
                    "--policy",
                    "/nonexistent.yaml",
                )
                self.assertEqual(done.returncode, 125)
                self.assertEqual((self.p.env_dir / "sandbox/policy.yaml").read_bytes(), before)

    def execve(self, path, argv, **options):
        """execve with an argv that Python would not pass."""
        words = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
        env = (ctypes.c_char_p * 2)(b"PATH=/usr/bin:/bin", None)
        libc = ctypes.CDLL(None, use_errno=True)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.dup2(write, 1)
                os.dup2(write, 2)
                libc.execve(os.fsencode(path), words, env)
            finally:
                os._exit(99)
        os.close(write)
        with os.fdopen(read) as stream:
            text = stream.read()
        _, status = os.waitpid(child, 0)
        return status, text

    def test_empty_argv(self):
        for path in (self.p.bin("tool"), TOOL, self.p.bin("python")):
            status, text = self.execve(path, [])
            self.assertFalse(os.WIFSIGNALED(status), text)
            self.assertNotEqual(os.WEXITSTATUS(status), 99)

    def test_odd_argv0(self):
        for argv0 in (b"", b"nonsense", b"/nonexistent/x", b"\xff", b"x" * 100000):
            status, text = self.execve(self.p.bin("tool"), [argv0, b"a"])
            self.assertEqual((os.WEXITSTATUS(status), text), (0, "tool ['a']\n"), argv0[:20])

    def test_many_and_long_arguments(self):
        words = ["x" * 100000, "", "\n", "-", "--", "ünï", "'"] + [str(n) for n in range(5000)]
        done = self.p.run("tool", *words)
        self.assert_clean(done)
        self.assertEqual(done.stdout, f"tool {words}\n")

    def test_deleted_directory(self):
        where = self.p.top / "gone"
        for command in ([self.p.bin("tool"), "a"], [self.p.bin("python"), "-c", "print('ran')"]):
            where.mkdir()
            script = 'cd "$1"; rmdir "$1"; shift; exec "$@"'
            done = run("sh", "-c", script, "sh", where, *command)
            if done.returncode == 0:
                self.assertEqual(done.stderr, "")
            else:
                self.assert_refused(done, saying="directory")
        where.mkdir()
        done = run("sh", "-c", 'cd "$1"; rmdir "$1"; exec "$2"', "sh", where, TOOL)
        self.assert_refused(done, saying=".venv")
        where.mkdir()
        done = run(
            "sh",
            "-c",
            'cd "$1"; rmdir "$1"; exec "$2" wrap "$3"',
            "sh",
            where,
            TOOL,
            self.p.env_dir,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unreadable_directory(self):
        where = self.p.top / "closed"
        where.mkdir(exist_ok=True)
        done = run(
            "sh", "-c", 'cd "$1"; chmod 0 "$1"; exec "$2" -c "print(1)"', "sh", where, self.p.bin()
        )
        where.chmod(0o755)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "1\n", ""))

    def test_bubblewrap_options(self):
        """On a wrapped venv the policy stays, and one that is not wrapped stays so."""
        names = set(os.listdir(self.p.env_dir / "sandbox"))
        policy = self.p.env_dir / "sandbox/policy.yaml"
        kept = policy.read_bytes()
        other = self.plain()
        before = snapshot(other.env_dir)
        for words, status, saying in BAD_OPTIONS:
            with self.subTest(words=words):
                done = tool("wrap", self.p.env_dir, *words)
                self.assert_refused(done, status=status, saying=saying)
                self.assertEqual(set(os.listdir(self.p.env_dir / "sandbox")), names)
                self.assertEqual(policy.read_bytes(), kept)
                done = tool("wrap", other.env_dir, *words)
                self.assert_unharmed(other, before, done, saying=saying, status=status)

    def test_bwrap_args(self):
        for text, saying in (
            ("--no-such", "BWRAP_ARGS, word 1"),
            ("--seccomp 3", "--seccomp"),
            ("--setenv A b --ro-bind /x", "BWRAP_ARGS, word 4"),
            ("--ro-bind /nonexistent/x /y", "/nonexistent/x"),
            ("--" + "x" * 100000, "BWRAP_ARGS"),
        ):
            done = self.p.code("print('ran')", env=environment(BWRAP_ARGS=text))
            self.assert_refused(done)
            self.assertIn(saying, done.stderr)
        self.assertEqual(self.p.code("print(1)", env=environment(BWRAP_ARGS="")).stdout, "1\n")
        done = self.p.code("print('ran')", env=environment(SANDBOX_SECCOMP_ALLOW="no_such_call"))
        self.assert_refused(done, saying="no_such_call")

    def test_dotenv(self):
        dotenv = self.p.path / ".env"
        harmless = {
            "weird": b"\xff\xfe=\x00\n",
            "steering": b"BWRAP_ARGS=--bind / /\nSANDBOX_X=1\n",
            "open quote": b"A='never closed\n",
            "large": b"A=b\n" * 200000,
            "long": b"A=" + b"x" * 500000 + b"\n",
            "no equals": b"nonsense\n",
        }
        for name, data in harmless.items():
            with self.subTest(name):
                dotenv.write_bytes(data)
                done = self.p.code(
                    "import os; print(os.environ.get('BWRAP_ARGS'), os.environ.get('SANDBOX_X'))"
                )
                self.assertEqual((done.returncode, done.stdout), (0, "None None\n"), done.stderr)
                self.assertLessEqual(done.stderr.count("\n"), 1, done.stderr)
        dotenv.unlink()
        for make in (
            os.mkfifo,
            os.mkdir,
            lambda path: path.symlink_to("/etc/passwd"),
            lambda path: path.symlink_to("nowhere"),
        ):
            make(dotenv)
            done = self.p.code("print(1)", env=environment(PIP_FIND_LINKS=None))
            self.assertEqual((done.returncode, done.stdout), (0, "1\n"), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(".env", done.stderr)
            dotenv.rmdir() if dotenv.is_dir() and not dotenv.is_symlink() else dotenv.unlink()

    def test_called_without_the_tool(self):
        """The launcher by hand says whose it is."""
        launcher = PREFIX / "libexec/sandbox-venv/launcher"
        found = [
            path for path in (PREFIX / "libexec/sandbox-venv").glob("*") if "stub" not in path.name
        ]
        launcher = launcher if launcher.exists() else found[0]
        for words in (
            [],
            ["x"],
            ["stub"],
            ["run"],
            ["stub", "a"],
            ["stub", "a", "b", "c"],
            ["run", "/", "x", "y", "z"],
        ):
            with self.subTest(words=words):
                self.assert_refused(run(launcher, *words))

    def test_launcher_gone(self):
        """The stub alone runs nothing."""
        stub = pathlib.Path(self.p.bin()).read_bytes()
        path = str(
            next(
                path
                for path in (PREFIX / "libexec/sandbox-venv").glob("*")
                if "stub" not in path.name
            )
        ).encode()
        if path not in stub:
            skip("the stub does not hold the launcher's path as text")
        other = self.p.top / "venv2/bin/python"
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(stub.replace(path, b"/nonexistent/" + b"x" * (len(path) - 13)))
        other.chmod(0o755)
        done = run(other, "-c", "print('ran')")
        self.assert_refused(done, saying="nothing was started")
        self.assertEqual(done.stdout, "")
