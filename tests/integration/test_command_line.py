"""The command line itself, and single commands run inside."""

import os
import shutil
import signal

from lib.case import Case
from lib.environment import environment
from lib.installed import TOOL
from lib.programs import run, tool
from lib.terminal import Terminal

COMMANDS = [
    "wrap",
    "create",
    "unwrap",
    "status",
    "list",
    "run",
    "shell",
    "policy show",
    "policy check",
]


class Usage(Case):
    """Questions to the command line itself."""

    def test_version(self):
        for word in ("--version", "-V"):
            done = tool(word)
            self.assert_clean(done)
            self.assertRegex(done.stdout, r"^sandbox-venv \d+\.\d+\.\d+\n$")

    def test_overview(self):
        for words in (["--help"], ["help"], ["help", "nonsense"]):
            done = tool(*words)
            self.assert_clean(done)
            self.assertTrue(done.stdout.startswith("usage: sandbox-venv"), done.stdout)
            for command in COMMANDS:
                self.assertIn(f"  {command}", done.stdout)

    def test_output_that_cannot_be_written(self):
        """A full disk is told of; the reader's end of a pipe that is closed is not."""
        project = self.wrapped()
        lists = (["--version"], ["--help"], ["list"], ["status"], ["status", "--json"])
        for words in (*lists, ["policy", "show"], ["policy", "show", "--filter"], ["log"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = tool(*words, cwd=project.path, stdout=full)
            self.assertEqual(done.returncode, 125, words)
            self.assertEqual(
                done.stderr,
                "sandbox-venv: cannot write to the standard output: No space left on device\n",
            )
            self.assert_clean(tool(*words, cwd=project.path))
            read_end, write_end = os.pipe()
            os.close(read_end)
            with open(write_end, "w", encoding="utf-8") as closed:
                done = tool(*words, cwd=project.path, stdout=closed, restore_signals=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)  # SIGPIPE is ignored

    def test_help_of_each(self):
        for command in COMMANDS:
            for words in (
                [*command.split(), "--help"],
                [*command.split(), "-h"],
                ["help", *command.split()],
            ):
                with self.subTest(words=words):
                    done = tool(*words)
                    self.assert_clean(done)
                    self.assertTrue(
                        done.stdout.startswith(f"usage: sandbox-venv {command}"), done.stdout
                    )
                    self.assertLess(max(map(len, done.stdout.splitlines())), 101)

    def test_misuse(self):
        for words in (
            ["wrap", "--nonsense"],
            ["--nonsense"],
            ["wrap", "a", "b"],
            ["status", "--policy", "x"],
            ["wrap", "--policy"],
            ["unwrap", "--purge=1"],
            ["policy"],
            ["policy", "nonsense"],
            ["create"],
            ["list", "x"],
            ["wrap", ""],
            ["status", "--json=x"],
            ["run", "a", "b"],
        ):
            with self.subTest(words=words):
                self.assert_refused(tool(*words, cwd="/"), status=2)


class Run(Case):
    @classmethod
    def setUpClass(cls):
        cls.p = cls.project_of_class().venv()
        cls.p.script("tool", "import sys\nprint('tool', *sys.argv[1:])\n")
        cls.p.wrap()
        cls.data = cls.p.top / "data"
        cls.data.mkdir()
        (cls.data / "x").write_text("seen")

    def tool_run(self, *words, **options):
        return tool("run", self.p.env_dir, *words, cwd=self.p.path, **options)

    def test_any_command(self):
        done = self.tool_run("--", "sh", "-c", 'echo "$1"; exit 7', "sh", "a  b")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "a  b\n", ""))
        done = self.tool_run("--", "cat", input="through\n")
        self.assertEqual(done.stdout, "through\n")
        done = self.tool_run("--", "tool", "--help", "--", "x")
        self.assertEqual(done.stdout, "tool --help -- x\n")
        done = self.tool_run("--", "sh", "-c", "kill -TERM $$")
        self.assertEqual(done.returncode, -signal.SIGTERM)

    def test_default_venv(self):
        done = tool("run", "--", "echo", "hi", cwd=self.p.path)
        self.assertEqual(done.stdout, "hi\n", done.stderr)

    def test_not_found_and_not_executable(self):
        self.assert_refused(
            self.tool_run("--", "no-such-command"), status=127, saying="no-such-command"
        )
        self.assert_refused(self.tool_run("--", "/nonexistent/x"), status=127)
        plain = self.p.write("plain.txt", "x", 0o644)
        self.assert_refused(self.tool_run("--", plain), status=126, saying="plain.txt")

    def test_nothing_to_run(self):
        for words in ([], ["--"]):
            self.assert_refused(self.tool_run(*words), status=2)

    def test_grants_for_one_start(self):
        # A path in an argument of its own would be shown; one in a shell's text is not.
        read = ["--", "sh", "-c", f"cat {self.data}/x"]
        self.assertNotEqual(self.tool_run(*read).returncode, 0)
        self.assertEqual(self.tool_run("--read", self.data, *read).stdout, "seen")
        write = ["--", "sh", "-c", f"echo new >{self.data}/y"]
        self.assertNotEqual(self.tool_run("--read", self.data, *write).returncode, 0)
        self.assertEqual(self.tool_run("--write", self.data, *write).returncode, 0)
        self.assertEqual((self.data / "y").read_text(), "new\n")
        self.assertNotEqual(self.tool_run(*read).returncode, 0)

    def test_network_for_one_start(self):
        names = ["--", "python", "-c", "import socket; print(len(socket.if_nameindex()))"]
        self.assertEqual(self.tool_run("--network", "none", *names).stdout, "1\n")
        self.assert_refused(self.tool_run("--network", "broker", *names), saying="broker")
        self.assert_refused(self.tool_run("--network", "nonsense", *names), saying="nonsense")

    def test_policy_and_bubblewrap_options_for_one_start(self):
        done = self.tool_run("--policy", "strict", "--", "sh", "-c", "echo >new")
        self.assertFalse((self.p.path / "new").exists() and done.returncode != 0, done.stderr)
        done = self.tool_run("--setenv", "A", "b c", "--", "sh", "-c", 'echo "$A"')
        self.assertEqual(done.stdout, "b c\n", done.stderr)
        done = self.tool_run("--ro-bind", self.data, "/data", "--", "cat", "/data/x")
        self.assertEqual(done.stdout, "seen", done.stderr)

    def test_shell(self):
        env = environment(SHELL="/bin/sh")
        for argv in ([TOOL, "shell", self.p.env_dir], [self.p.bin("shell")]):
            with self.subTest(argv=argv):
                done = run(
                    *argv, input="echo in $0; cat ~/.ssh/x; exit 5\n", env=env, cwd=self.p.path
                )
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertIn("in ", done.stdout)
                self.assertIn("No such file", done.stderr)

    def test_shell_on_a_terminal(self):
        shell = shutil.which("bash", path="/bin:/usr/bin") or "/bin/sh"
        env = environment(SHELL=shell, TERM="dumb")
        with Terminal(TOOL, "shell", self.p.env_dir, cwd=self.p.path, env=env) as terminal:
            terminal.send("echo $((6*7)); test -t 0 && echo $((7*7)); sleep 0.1 | cat\n")
            terminal.expect(r"\b42\b")
            terminal.expect(r"\b49\b")
            terminal.send("echo $((5*5))\n")
            terminal.expect(r"\b25\b")
            idle = os.tcgetpgrp(terminal.fd)
            terminal.send("sleep 600\n")
            terminal.wait_for_foreground(other_than=idle)
            terminal.send("\x03")
            terminal.send("echo $((8*8))\n")
            terminal.expect(r"\b64\b")
            terminal.send("exit 3\n")
            self.assertEqual(terminal.wait(), 3)
