"""Wrapping, unwrapping and looking at a venv: every command, and every way to be interrupted."""

import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

import support
from support import AS_ROOT, TOOL, Case, Terminal, environment, impossible, run, skip, tool

COMMANDS = ["wrap", "create", "unwrap", "status", "list", "run", "shell", "policy show",
            "policy check"]


def snapshot(top):
    """Everything that unwrapping must give back: types, modes, owners, times, links, contents."""
    found = {}
    top = pathlib.Path(top)
    for path in [top, *sorted(top.rglob("*"))]:
        st = path.lstat()
        row = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid,
               st.st_mtime_ns, st.st_nlink if stat.S_ISREG(st.st_mode) else 0]
        if stat.S_ISLNK(st.st_mode):
            row.append(os.readlink(path))
        elif stat.S_ISREG(st.st_mode):
            row.append(hashlib.sha256(path.read_bytes()).hexdigest())
        found[os.fsencode(path.relative_to(top))] = row
    return found


def shown(text):
    """Text without terminal sequences."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class WrapCase(Case):
    def setUp(self):
        self.state = None

    def state_env(self, project, **changes):
        return environment(XDG_STATE_HOME=str(project.top / "state"), **changes)

    def plain(self, **options):
        """A project with an unwrapped venv and a few scripts."""
        project = self.project(**options).venv()
        project.script("tool", "import sys\nprint('tool', *sys.argv[1:])\n")
        return project

    def assert_wrapped(self, project, env_dir=None):
        done = tool("status", env_dir or project.env_dir, "--check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def ids(self, project):
        return json.loads((project.env_dir / "sandbox/manifest.json").read_text())["id"]


class Usage(WrapCase):
    """What can be asked of the command line itself."""

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

    def test_help_of_each(self):
        for command in COMMANDS:
            for words in ([*command.split(), "--help"], [*command.split(), "-h"],
                          ["help", *command.split()]):
                with self.subTest(words=words):
                    done = tool(*words)
                    self.assert_clean(done)
                    self.assertTrue(done.stdout.startswith(f"usage: sandbox-venv {command}"),
                                    done.stdout)
                    self.assertLess(max(map(len, done.stdout.splitlines())), 101)

    def test_misuse(self):
        for words in (["wrap", "--nonsense"], ["--nonsense"], ["wrap", "a", "b"],
                      ["status", "--policy", "x"], ["wrap", "--policy"], ["unwrap", "--purge=1"],
                      ["policy"], ["policy", "nonsense"], ["create"], ["list", "x"],
                      ["wrap", ""], ["status", "--json=x"], ["run", "a", "b"]):
            with self.subTest(words=words):
                self.assert_refused(tool(*words, cwd="/"), status=2)


class Wrap(WrapCase):
    def test_bare_form(self):
        project = self.plain()
        env = self.state_env(project)
        project._wrapped.append(project.env_dir)
        done = tool(cwd=project.path, env=env)
        self.assert_clean(done)
        self.assertTrue(done.stdout.startswith("Wrapped .venv: "), done.stdout)
        for word in ("project", "policy", "network", "undo"):
            self.assertIn(f"\n  {word} ", done.stdout)
        self.assert_wrapped(project)
        again = tool(project.env_dir, env=env)
        self.assertIn("Wrapped again", again.stdout)
        self.assertIn("nothing to change", again.stdout)

    def test_quiet(self):
        project = self.plain()
        self.assertEqual(project.wrap("-q").stdout, "")
        self.assertEqual(project.unwrap("--quiet").stdout, "")

    def test_a_venv_named_like_a_command(self):
        for name in ("list", "run", "policy"):
            with self.subTest(name):
                project = self.project().venv(name=name)
                project._wrapped.append(project.env_dir)
                done = tool(name, cwd=project.path)
                self.assertIn(f"Wrapped {name}", done.stdout, done.stderr)
                self.assertEqual(project.code("print(1)").stdout, "1\n")

    def test_policy_and_identity_are_kept(self):
        project = self.plain()
        project.wrap("--unshare-net")
        policy = project.env_dir / "sandbox/policy.yaml"
        policy.write_text(policy.read_text() + "\n# mine\nlimits: {processes: 77}\n")
        before = (policy.read_bytes(), self.ids(project), snapshot(project.env_dir / "bin"))
        for _ in range(2):
            self.assertIn("kept as it was", project.wrap().stdout)
            after = (policy.read_bytes(), self.ids(project), snapshot(project.env_dir / "bin"))
            self.assertEqual(after, before)

    def test_options_become_policy(self):
        project = self.plain()
        data = project.top / "data dir"
        out = project.top / "out"
        data.mkdir()
        out.mkdir()
        (data / "x").write_text("seen")
        project.wrap("--ro-bind", data, data, "--bind", out, out, "--unshare-net",
                     "--setenv", "COLOUR", "green # not: a comment")
        text = (project.env_dir / "sandbox/policy.yaml").read_text()
        self.assertIn("mode: none", text)
        self.assertIn("data dir", text)
        self.assert_clean(tool("policy", "check", project.env_dir))
        code = ("import os, socket, json\n"
                f"open({str(out / 'y')!r}, 'w').write('written')\n"
                f"try:\n    open({str(data / 'z')!r}, 'w')\n    bad = True\n"
                "except OSError:\n    bad = False\n"
                f"print(json.dumps([open({str(data / 'x')!r}).read(), bad, os.environ['COLOUR'],\n"
                "  [n for _, n in socket.if_nameindex()]]))")
        self.assertEqual(project.value(code), ["seen", False, "green # not: a comment", ["lo"]])
        self.assertEqual((out / "y").read_text(), "written")

    def test_options_after_dashes_and_on_a_wrapped_venv(self):
        project = self.plain()
        project.wrap()
        project.wrap("--", "--setenv", "LATER", "1")
        policy = project.env_dir / "sandbox/policy.yaml"
        self.assertIn("LATER", policy.read_text())
        self.assertNotIn("LATER", (policy.parent / "policy.yaml.old").read_text())
        self.assertEqual(project.code("import os; print(os.environ['LATER'])").stdout, "1\n")

    def test_policy_named_by_profile_and_by_file(self):
        project = self.plain()
        project.wrap("--policy", "strict")
        self.assertIn("profile: strict", (project.env_dir / "sandbox/policy.yaml").read_text())
        mine = project.write("mine.yaml", "version: 1\nenvironment: {set: {FROM: file}}\n")
        project.wrap("--policy", mine)
        self.assertEqual(project.code("import os; print(os.environ['FROM'])").stdout, "file\n")
        self.assertIn("strict", (project.env_dir / "sandbox/policy.yaml.old").read_text())

    def test_project_option(self):
        project = self.plain()
        other = project.top / "other"
        other.mkdir()
        (other / "f").write_text("x")
        project.write("here", "x")
        project.wrap("--project", other)
        code = "import os, json; print(json.dumps([os.path.exists(p) for p in {}]))"
        paths = [str(other / "f"), str(project.path / "here")]
        self.assertEqual(project.value(code.format(paths), cwd=str(other)), [True, False])
        project.wrap()
        self.assertEqual(project.value(code.format(paths), cwd=str(other)), [True, False])

    def test_through_a_link_and_with_odd_names(self):
        for name in ("with space", "quote'\"$HOME`", "ünïcode", "line\nbreak", "-dash", "tab\t"):
            with self.subTest(name):
                project = self.project(name=name).venv()
                done = project.wrap(check=False, env=self.state_env(project))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn("\nbreak", done.stdout)
                self.assertEqual(project.value("import sys, json; print(json.dumps(sys.prefix))"),
                                 str(project.env_dir))
        project = self.plain()
        link = project.top / "link"
        link.symlink_to(project.path)
        project._wrapped.append(project.env_dir)
        self.assert_clean(tool("wrap", ".venv", cwd=link))
        done = run(link / ".venv/bin/python", "-c", "import os; print(os.getcwd())", cwd=link)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_many_entries_in_time(self):
        project = self.project().venv()
        for number in range(1000):
            project.script(f"entry-{number}", "pass\n")
        before = snapshot(project.env_dir)
        start = time.monotonic()
        project.wrap()
        spent = time.monotonic() - start
        self.assertLess(spent, 5.0)
        self.assert_wrapped(project)
        self.assert_clean(project.run("entry-999"))
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_progress_on_a_terminal(self):
        project = self.project().venv()
        for number in range(400):
            project.script(f"entry-{number}", "pass\n")
        project._wrapped.append(project.env_dir)
        with Terminal(TOOL, "wrap", project.env_dir, env=environment(TERM="xterm")) as terminal:
            text = terminal.rest()
            self.assertEqual(terminal.wait(), 0)
        steps = re.findall(r"wrapping (\d+)/(\d+)", text)
        self.assertGreater(len(steps), 1)
        self.assertEqual(len({total for _, total in steps}), 1)
        self.assertEqual([int(done) for done, _ in steps], sorted(int(done) for done, _ in steps))
        self.assertIn("\x1b[32mWrapped", text)
        last = text.rpartition("wrapping ")[2]
        self.assertIn("\r\x1b[K", last, "the progress line is taken away at the end")

    def test_no_colour_when_asked(self):
        project = self.plain()
        project._wrapped.append(project.env_dir)
        env = environment(TERM="xterm", NO_COLOR="1")
        with Terminal(TOOL, "wrap", project.env_dir, env=env) as terminal:
            self.assertNotIn("\x1b[3", terminal.rest())

    def test_create(self):
        project = self.project()
        project._wrapped.append(project.path / "made")
        done = tool("create", "made", "--python", support.system_python(), "--without-pip",
                    cwd=project.path)
        self.assert_clean(done)
        self.assertIn("Wrapped made", done.stdout)
        done = run(project.path / "made/bin/python", "-c", "import sys; print(sys.prefix)")
        self.assertEqual(done.stdout, f"{project.path}/made\n")
        self.assert_refused(tool("create", "made", "--without-pip", cwd=project.path))
        self.assert_refused(tool("create", "other", "--python", "/nonexistent/python",
                                 cwd=project.path))

    def test_entries_of_every_kind(self):
        project = self.project().venv(copies=True)
        bin_dir = project.env_dir / "bin"
        project.script("script", "print('script')\n")
        shutil.copy("/usr/bin/true", bin_dir / "native")
        (bin_dir / "link").symlink_to("script")
        (bin_dir / "outside").symlink_to("/usr/bin/env")
        (bin_dir / "dangling").symlink_to("nowhere")
        (bin_dir / "data.txt").write_text("data")
        (bin_dir / "dir").mkdir()
        (bin_dir / "dir/x").write_text("x")
        project.script("activate.custom", "")
        (bin_dir / "suid").write_bytes(b"#!/bin/sh\n")
        (bin_dir / "suid").chmod(0o4755)
        os.mkfifo(bin_dir / "fifo", 0o644)
        before = snapshot(project.env_dir)
        project.wrap()
        self.assert_wrapped(project)
        rows = json.loads(tool("status", project.env_dir, "--json").stdout)["entries"]
        states = {row["name"]: row["state"] for row in rows}
        for name in ("script", "native", "link", "outside", "python", "suid"):
            self.assertEqual(states[name], "wrapped", name)
        for name in ("dangling", "data.txt", "dir", "fifo", "activate.custom"):
            self.assertEqual(states[name], "ignored", name)
        self.assertEqual(project.run("link").stdout, "script\n")
        self.assert_clean(project.run("native"))
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)


class Look(WrapCase):
    def test_status(self):
        project = self.plain()
        done = tool("status", project.env_dir)
        self.assertEqual(done.returncode, 0)
        self.assertIn("not wrapped", done.stdout)
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 1)
        project.wrap()
        done = tool("status", cwd=project.path)
        self.assert_clean(done)
        for word in ("wrapped", "entries", "python", "policy", "network", "isolation"):
            self.assertIn(word, done.stdout)
        quiet = tool("status", project.env_dir, "--check", "-q")
        self.assertEqual((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""))

    def test_status_json(self):
        project = self.plain()
        answer = json.loads(tool("status", project.env_dir, "--json").stdout)
        self.assertEqual((answer["wrapped"], answer["ok"]), (False, False))
        project.wrap()
        answer = json.loads(tool("status", project.env_dir, "--json").stdout)
        self.assertEqual((answer["wrapped"], answer["ok"]), (True, True))
        self.assertEqual(answer["path"], str(project.env_dir))
        self.assertEqual(answer["project"], str(project.path))
        self.assertEqual(answer["problems"], [])
        self.assertIn("tool", {row["name"] for row in answer["entries"]})

    def test_check_tells_what_is_wrong(self):
        project = self.plain()
        project.wrap()
        sandbox = project.env_dir / "sandbox"
        stub = (sandbox / "stub").read_bytes()
        problems = {
            "bypass": (lambda: project.script("raw", ""), "raw runs outside the sandbox"),
            "missing": (lambda: (project.env_dir / "bin/tool").unlink(), "tool has no stub"),
            "orphan": (lambda: (sandbox / "bin/tool").unlink(), "nothing behind it"),
            "tampered": (lambda: (project.env_dir / "bin/tool").write_bytes(stub + b"x"),
                         "tool runs outside the sandbox"),
            "policy": (lambda: project.policy("nonsense: 1\n"), "policy.yaml:2:1"),
            "stale": (lambda: project.policy("network: {mode: none}\n"), "out of date"),
            "plan": (lambda: (sandbox / "plan").write_bytes(b"x"), "compiled plan"),
        }
        for name, (damage, text) in problems.items():
            with self.subTest(name):
                damage()
                done = tool("status", project.env_dir, "--check")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(text, done.stdout)
                answer = json.loads(tool("status", project.env_dir, "--json").stdout)
                self.assertFalse(answer["ok"])
                project.policy("")
                project.script("tool", "")
                project.wrap()
                self.assert_wrapped(project)

    def test_list(self):
        first, second = self.plain(), self.plain()
        env = self.state_env(first)
        for project in (first, second):
            project.wrap(env=env)
        done = tool("list", env=env)
        self.assert_clean(done)
        self.assertEqual(done.stdout.splitlines(),
                         [f"wrapped  {project.env_dir}" for project in (first, second)])
        second.env_dir.rename(second.path / "moved")
        (first.env_dir / "sandbox/manifest.json").write_text("{")
        rows = {row["path"]: row["state"] for row in json.loads(tool("list", "--json",
                                                                     env=env).stdout)}
        self.assertEqual(rows, {str(first.env_dir): "damaged", str(second.env_dir): "gone"})
        tool("unwrap", first.env_dir, env=env, check=True)
        rows = json.loads(tool("list", "--json", env=env).stdout)
        self.assertNotIn(str(first.env_dir), [row["path"] for row in rows])

    def test_list_of_nothing(self):
        project = self.project()
        env = self.state_env(project)
        self.assertEqual(tool("list", env=env).stdout, "")
        self.assertEqual(json.loads(tool("list", "--json", env=env).stdout), [])

    def test_policy_show(self):
        project = self.plain()
        project.wrap("--unshare-net")
        text = tool("policy", "show", project.env_dir, check=True).stdout
        self.assertIn("mode: none", text)
        self.assertIn("protect:", text)
        origins = tool("policy", "show", project.env_dir, "--origins", check=True).stdout
        self.assertIn("policy.yaml:", origins)
        diff = tool("policy", "show", project.env_dir, "--diff", check=True).stdout
        self.assertIn("mode: none", diff)
        self.assertNotIn("protect:", diff)
        written = project.write("shown.yaml", text)
        self.assert_clean(tool("policy", "check", written))
        self.assert_refused(tool("policy", "show", project.env_dir, "--diff", "--origins"),
                            status=2)

    def test_policy_check(self):
        project = self.plain()
        project.wrap()
        self.assertEqual(tool("policy", "check", project.env_dir).stdout, "ok\n")
        bad = project.write("bad.yaml", "version: 1\nfilesystem:\n  projekt: ro\n")
        self.assert_refused(tool("policy", "check", bad), saying="bad.yaml:3:3")
        project.policy("filesystem: {read: [/nonexistent/dir]}\n")
        self.assert_refused(tool("policy", "check", project.env_dir), saying="/nonexistent/dir")


class Run(WrapCase):
    @classmethod
    def setUpClass(cls):
        cls.p = support.Project()
        cls.addClassCleanup(cls.p.close)
        cls.p.venv()
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
        self.assert_refused(self.tool_run("--", "no-such-command"), status=127,
                            saying="no-such-command")
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
                done = run(*argv, input="echo in $0; cat ~/.ssh/x; exit 5\n", env=env,
                           cwd=self.p.path)
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
            terminal.send("sleep 60\n")
            time.sleep(0.5)
            terminal.send("\x03")
            terminal.send("echo $((8*8))\n")
            terminal.expect(r"\b64\b")
            terminal.send("exit 3\n")
            self.assertEqual(os.WEXITSTATUS(terminal.wait()), 3)


class Unwrap(WrapCase):
    """The tree is as it was before, whatever happened in between."""

    def full(self):
        """A venv with odd modes and times."""
        project = self.plain()
        bin_dir = project.env_dir / "bin"
        project.script("odd", "pass\n").chmod(0o2750)
        project.script("readonly", "pass\n").chmod(0o555)
        (bin_dir / "dangling").symlink_to("../nowhere")
        (bin_dir / "abs").symlink_to("/usr/bin/env")
        for number, path in enumerate(sorted(bin_dir.iterdir())):
            os.utime(path, ns=(10**18, 10**18 + number * 7 + 1), follow_symlinks=False)
        bin_dir.chmod(0o750)
        os.utime(bin_dir, ns=(10**18, 10**18 + 3))
        os.utime(project.env_dir, ns=(10**18, 10**18 + 5))
        return project

    def test_byte_for_byte(self):
        for copies in (False, True):
            project = self.project().venv(copies=copies)
            before = snapshot(project.env_dir)
            project.wrap()
            self.assert_clean(project.code("pass"))
            project.unwrap("--purge")
            self.assertEqual(snapshot(project.env_dir), before)
        project = self.full()
        before = snapshot(project.env_dir)
        project.wrap()
        self.assert_clean(project.run("readonly"))
        project.wrap()
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)
        self.assert_clean(project.code("pass"))

    def test_every_interpreter(self):
        for interpreter in support.interpreters():
            with self.subTest(interpreter.label):
                project = self.project().venv(interpreter)
                before = snapshot(project.env_dir)
                project.wrap()
                project.unwrap("--purge")
                self.assertEqual(snapshot(project.env_dir), before)

    def test_home_is_kept_unless_purged(self):
        project = self.plain()
        project.wrap()
        self.assert_clean(project.code("import os; open(os.path.expanduser('~/f'), 'w')"))
        project.unwrap()
        self.assertTrue((project.env_dir / "home/f").exists())
        self.assertFalse((project.env_dir / "sandbox").exists())
        project.wrap()
        self.assertTrue(project.value("import os, json; print(json.dumps(os.path.exists("
                                      "os.path.expanduser('~/f'))))"))
        ident = self.ids(project)
        project.unwrap("--purge")
        self.assertFalse((project.env_dir / "home").exists())
        for place in ("/tmp", "/dev/shm"):
            self.assertFalse(pathlib.Path(place, f"sandbox-venv-{ident}").exists())

    def test_mount_points_in_the_home_go(self):
        """What was only made to be mounted on does not stay, whatever wrapping and starts made."""
        project = self.plain(home=True)
        elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="svenv-test-", dir=support.HOME))
        self.addCleanup(support.remove_tree, elsewhere)
        before = snapshot(project.env_dir)
        project.wrap()
        self.assert_clean(project.code("pass", cwd=elsewhere))
        self.assertNotEqual(list((project.env_dir / "home").iterdir()), [])
        self.assertNotIn("kept", project.unwrap().stdout)
        self.assertEqual(set(snapshot(project.env_dir)), set(before))

    def temporary(self, ident):
        return [path for path in (pathlib.Path("/tmp", f"sandbox-venv-{ident}"),
                                  pathlib.Path("/dev/shm", f"sandbox-venv-{ident}"))
                if path.exists()]

    def test_temporary_directories_of_deleted_venvs(self):
        """They go with the next wrap or unwrap of anything, but never under a running program."""
        gone, other = self.plain(), self.plain()
        gone.wrap()
        ident = self.ids(gone)
        process = gone.spawn("python", "-c", "open('/tmp/mine', 'w').close(); print('up', "
                             "flush=True); input(); open('/tmp/mine').close(); print('there')",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "up\n")
        support.remove_tree(gone.env_dir)
        other.wrap()
        self.assertEqual(len(self.temporary(ident)), 2)
        self.assertEqual(process.communicate("\n", timeout=30)[0], "there\n")
        kept = self.ids(other)
        other.unwrap()
        self.assertEqual(self.temporary(ident), [])
        self.assertEqual(self.temporary(kept), [])
        other.wrap()
        self.assert_clean(other.code("pass"))
        self.assertEqual(len(self.temporary(self.ids(other))), 2)

    def test_not_wrapped(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        self.assert_refused(project.unwrap(check=False), saying="not wrapped")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_somebody_elses_sandbox_directory(self):
        project = self.plain()
        (project.env_dir / "sandbox").mkdir()
        (project.env_dir / "sandbox/precious").write_text("x")
        before = snapshot(project.env_dir)
        self.assert_refused(project.unwrap("--purge", check=False))
        self.assertEqual(snapshot(project.env_dir), before)

    def test_without_manifest_or_stub(self):
        for gone in ("manifest.json", "stub", "plan", "policy.yaml"):
            with self.subTest(gone):
                project = self.plain()
                before = snapshot(project.env_dir / "bin")
                project.wrap()
                (project.env_dir / "sandbox" / gone).unlink()
                done = project.unwrap(check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                after = snapshot(project.env_dir / "bin")
                before.pop(b"."), after.pop(b".")
                self.assertEqual(after, before)
                self.assertFalse((project.env_dir / "sandbox").exists())

    def test_while_a_program_runs(self):
        project = self.plain()
        project.wrap()
        child = project.spawn("python", "-c", "import sys, subprocess\nprint('up', flush=True)\n"
                              "sys.stdin.read()\nsubprocess.run([sys.executable, '-c', 'pass'])",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "up\n")
        project.unwrap()
        self.assert_clean(project.code("pass"))
        child.communicate("", timeout=20)
        self.assertIsNotNone(child.returncode)


class Together(WrapCase):
    """Commands at once, and commands that are killed."""

    def test_two_wraps_at_once(self):
        for _ in range(4):
            project = self.plain()
            for number in range(60):
                project.script(f"entry-{number}", "pass\n")
            before = snapshot(project.env_dir)
            project._wrapped.append(project.env_dir)
            children = [subprocess.Popen([TOOL, "wrap", "-q", str(project.env_dir)],
                                         stderr=subprocess.PIPE, env=environment(), text=True)
                        for _ in range(3)]
            for child in children:
                _, said = child.communicate(timeout=30)
                self.assertEqual((child.returncode, said), (0, ""))
            # The plan may be the one of the wrap before the last: a start makes it anew.
            self.assert_clean(project.code("pass"))
            self.assert_wrapped(project)
            project.unwrap("--purge")
            self.assertEqual(snapshot(project.env_dir), before)

    def test_wrap_against_unwrap(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        project._wrapped.append(project.env_dir)
        for turn in range(10):
            children = [subprocess.Popen([TOOL, word, "-q", str(project.env_dir)],
                                         stderr=subprocess.PIPE, env=environment(), text=True)
                        for word in ("wrap", "unwrap", "wrap")]
            for child in children:
                _, said = child.communicate(timeout=30)
                self.assertIn(child.returncode, (0, 125), said)
                self.assertLessEqual(len(said.splitlines()), 1, said)
        project.wrap()
        self.assert_wrapped(project)
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_wrap_while_programs_run(self):
        project = self.plain()
        code = "import sys; print('up', flush=True); print(sys.stdin.read(), flush=True)"
        children = []
        for step in range(3):
            child = project.spawn("python", "-c", code, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
            self.assertEqual(child.stdout.readline(), "up\n")
            children.append(child)
            project.wrap(*(["--unshare-net"] if step == 1 else []))
        for child in children:
            out, _ = child.communicate("still here", timeout=20)
            self.assertEqual((child.returncode, out), (0, "still here\n"))

    def test_starts_while_wrapping_again(self):
        project = self.plain()
        project.wrap()
        for turn in range(8):
            child = subprocess.Popen([TOOL, "wrap", "-q", str(project.env_dir)],
                                     env=environment(), stderr=subprocess.PIPE, text=True)
            starts = [project.spawn("python", "-c", "print(1)", stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for _ in range(4)]
            for start in starts:
                out, said = start.communicate(timeout=30)
                self.assertEqual((start.returncode, out, said), (0, "1\n", ""))
            _, said = child.communicate(timeout=30)
            self.assertEqual((child.returncode, said), (0, ""))

    def kill_at(self, argv, delay):
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env=environment())
        time.sleep(delay)
        child.kill()
        child.wait(timeout=10)

    def sized(self):
        project = self.plain()
        for number in range(150):
            project.script(f"entry-{number}", "pass\n")
        project._wrapped.append(project.env_dir)
        return project, snapshot(project.env_dir)

    def assert_restored(self, after, before):
        """All but the time of the venv's own directory, which a kill in the very moment between
        making `sandbox` and noting it loses."""
        self.assertEqual({**after, b".": None}, {**before, b".": None})

    def timing(self, argv):
        start = time.monotonic()
        run(*argv, check=True)
        return time.monotonic() - start

    def test_killed_wrap(self):
        project, before = self.sized()
        wrap = [TOOL, "wrap", "-q", str(project.env_dir)]
        whole = self.timing(wrap)
        project.unwrap("--purge")
        chance = random.Random(1)
        for turn in range(24):
            with self.subTest(turn=turn):
                self.kill_at(wrap, chance.uniform(0, whole * 1.1))
                # Whatever it left runs: natively, or in the sandbox, or not at all with one line.
                done = project.code("print(1)")
                self.assertIn((done.returncode, done.stdout), ((0, "1\n"), (125, "")))
                self.assertLessEqual(len(done.stderr.splitlines()), 1, done.stderr)
                if turn % 2:
                    project.wrap()
                    self.assert_wrapped(project)
                    self.assertEqual(project.code("print(1)").stdout, "1\n")
                project.unwrap("--purge", check=turn % 2 == 1)
                after = snapshot(project.env_dir)
                if turn % 2 == 0 and (project.env_dir / "sandbox").exists():
                    # Killed before there was anything to undo: wrapping goes on from there.
                    project.wrap()
                    project.unwrap("--purge")
                    after = snapshot(project.env_dir)
                self.assert_restored(after, before)

    def test_killed_unwrap(self):
        project, before = self.sized()
        unwrap = [TOOL, "unwrap", "--purge", "-q", str(project.env_dir)]
        project.wrap()
        whole = self.timing(unwrap)
        chance = random.Random(2)
        for turn in range(24):
            with self.subTest(turn=turn):
                project.wrap()
                self.kill_at(unwrap, chance.uniform(0, whole * 1.1))
                if turn % 2:
                    project.wrap()
                    self.assert_wrapped(project)
                    project.unwrap("--purge")
                else:
                    done = project.unwrap("--purge", check=False)
                    self.assertIn(done.returncode, (0, 125))
                    if done.returncode:
                        self.assert_refused(done, saying="not wrapped")
                self.assert_restored(snapshot(project.env_dir), before)

    def test_killed_sync(self):
        """A start that has much to adopt, killed with its helper at any moment."""
        project, before = self.sized()
        project.wrap()
        chance = random.Random(3)
        for turn in range(16):
            for number in range(80):
                path = project.env_dir / "bin" / f"new-{turn}-{number}"
                path.write_text(f"#!{project.bin('python')}\nprint({number})\n")
                path.chmod(0o755)
            child = subprocess.Popen([TOOL, "internal-refresh", str(project.env_dir)],
                                     stderr=subprocess.DEVNULL, env=environment())
            time.sleep(chance.uniform(0, 0.08))
            child.kill()
            child.wait(timeout=10)
            self.assertEqual(project.run(f"new-{turn}-79").stdout, "79\n")
            self.assert_wrapped(project)
        for path in (project.env_dir / "bin").glob("new-*"):
            path.unlink()
        project.wrap()
        project.unwrap("--purge")
        after = snapshot(project.env_dir)
        after[b"bin"] = before[b"bin"] = None
        self.assertEqual(after, before)


class Moved(WrapCase):
    def test_moved(self):
        project = self.plain()
        project.wrap()
        moved = project.path / "moved"
        project.env_dir.rename(moved)
        project._wrapped.append(moved)
        done = run(moved / "bin/python", "-c", "print(1)")
        self.assert_refused(done, saying="wrap")
        done = tool("status", moved, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("moved", done.stdout)
        tool("wrap", moved, check=True)
        self.assertEqual(run(moved / "bin/python", "-c", "import sys; print(sys.prefix)").stdout,
                         f"{moved}\n")
        self.assert_wrapped(project, moved)

    def test_moved_project(self):
        project = self.plain()
        project.write("f", "x")
        project.wrap()
        other = project.top / "other place"
        project.path.rename(other)
        venv = other / ".venv"
        project._wrapped.append(venv)
        self.assert_refused(run(venv / "bin/python", "-c", "pass"))
        tool("wrap", venv, check=True)
        done = run(venv / "bin/python", "-c", "print(open('f').read())", cwd=other)
        self.assertEqual((done.stdout, done.stderr), ("x\n", ""))

    def test_unwrap_of_a_moved_one(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        project.wrap()
        moved = project.path / "moved"
        project.env_dir.rename(moved)
        tool("unwrap", moved, "--purge", check=True)
        self.assertEqual(snapshot(moved), before)

    def test_copied(self):
        project = self.plain()
        project.wrap()
        ident = self.ids(project)
        copy = project.path / "copy"
        run("cp", "-a", project.env_dir, copy, check=True)
        project._wrapped.append(copy)
        self.assert_refused(run(copy / "bin/python", "-c", "pass"))
        tool("wrap", copy, check=True)
        other = json.loads((copy / "sandbox/manifest.json").read_text())
        self.assertNotEqual(other["id"], ident)
        self.assertEqual(other["path"], str(copy))
        self.assertEqual(self.ids(project), ident)
        for venv in (copy, project.env_dir):
            done = run(venv / "bin/python", "-c", "import sys; print(sys.prefix)")
            self.assertEqual((done.stdout, done.stderr), (f"{venv}\n", ""))

    def test_made_anew_over_a_wrapped_one(self):
        project = self.plain()
        project.wrap()
        python = support.system_python()
        run(python, "-m", "venv", "--clear", "--without-pip", project.env_dir, check=True)
        self.assertIn("not wrapped", tool("status", project.env_dir).stdout)
        self.assert_clean(project.code("pass"))
        project.wrap()
        self.assert_wrapped(project)
        self.assertEqual(project.code("print(1)").stdout, "1\n")

    def test_upgraded_in_place(self):
        """python -m venv --upgrade copies an interpreter over the stub, in place."""
        project = self.plain()
        project.wrap()
        python = support.system_python()
        run(python, "-m", "venv", "--upgrade", "--without-pip", project.env_dir, check=True)
        overwritten = [name for name in ("python", "python3") if (project.env_dir / "bin" / name)
                       .stat().st_size > 100000]
        self.assertEqual(len(overwritten), 1, "venv has done what this test is about")
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 1)
        self.assertEqual(project.run("tool").stdout, "tool\n")
        self.assert_wrapped(project)
        code = "import os; print(os.path.exists('/.sandbox-venv'))"
        for name in ("python", "python3"):
            done = project.run(name, "-c", code)
            self.assertEqual((done.stdout, done.stderr), ("True\n", ""))
        project.unwrap("--purge")
        self.assert_clean(project.code("pass"))

    def test_new_base_interpreter(self):
        """The venv is made anew by another Python without --clear: wrapping notices."""
        others = [one for one in support.interpreters() if one.maker == "venv" and not one.copies]
        if len(others) < 2:
            impossible("only one Python for this user")
        project = self.project().venv(others[0])
        project.wrap()
        run(others[1].path, "-m", "venv", "--clear", "--without-pip", project.env_dir, check=True)
        project.wrap()
        version = run(others[1].path, "-V").stdout
        self.assertEqual(project.run("python", "-V").stdout, version)


@unittest.skipIf(shutil.which("unshare") is None, "no unshare(1)")
class Disk(WrapCase):
    """A disk that is full or read-only: one line, and nothing is lost."""

    def in_namespace(self, script, *words):
        """Runs a shell script that may mount, in a new user and mount namespace."""
        done = run("unshare", "-Ucm", "--keep-caps", "sh", "-ec", script, "sh", *words)
        if "unshare:" in done.stderr:
            skip("no user namespaces here: " + done.stderr)
        return done

    def test_full(self):
        project = self.plain()
        for number in range(60):
            project.script(f"entry-{number}", "pass\n")
        script = """
            mount -t tmpfs -o size=$3k tmpfs "$1"
            cp -a "$2/." "$1/"
            cd "$1"
            find . -printf '%P %m %T@ %l\\n' -type f -exec sha256sum {} + | sort >/tmp/before.$$
            code=0; "$4" wrap -q .venv 2>/tmp/said.$$ || code=$?
            find . -printf '%P %m %T@ %l\\n' -type f -exec sha256sum {} + | sort >/tmp/after.$$
            echo "$code"; cat /tmp/said.$$
            if [ $code = 0 ]; then .venv/bin/python -c pass && echo fits; exit; fi
            cmp /tmp/before.$$ /tmp/after.$$ && echo same
            rm -f /tmp/before.$$ /tmp/after.$$ /tmp/said.$$"""
        target = project.top / "disk"
        target.mkdir()
        used = sum(path.lstat().st_size // 4096 * 4 + 4 for path in project.path.rglob("*"))
        failures = 0
        for extra in (0, 16, 60, 200, 600, 1000, 1300, 1500, 6000):
            with self.subTest(extra=extra):
                done = self.in_namespace(script, target, project.path, used + extra + 40, TOOL)
                lines = done.stdout.splitlines()
                self.assertTrue(lines, done.stderr)
                if lines[0] == "0":
                    self.assertEqual(lines[-1], "fits", done.stdout + done.stderr)
                    continue
                failures += 1
                self.assertEqual((lines[0], len(lines), lines[-1]), ("125", 3, "same"),
                                 done.stdout + done.stderr)
                self.assertTrue(lines[1].startswith("sandbox-venv: "))
                self.assertRegex(lines[1], "is full|No space left")
        self.assertGreater(failures, 1)
        self.assertEqual(lines[-1], "fits", "the largest disk is large enough")

    def test_file_size_limit(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        done = run("sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh", TOOL, "wrap",
                   project.env_dir)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(snapshot(project.env_dir), before)

    def test_read_only(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        done = self.in_namespace('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"\n'
                                 'exec "$2" wrap "$1/.venv"', project.path, TOOL)
        self.assert_refused(done, saying="Read-only file system")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_starts_on_a_read_only_disk(self):
        """A wrapped venv on a disk that has become read-only still starts while it is in step."""
        project = self.plain()
        project.wrap()
        self.assert_clean(project.code("pass"))
        done = self.in_namespace('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"\n'
                                 '"$1/.venv/bin/tool" a || true\n"$2" unwrap "$1/.venv" || true',
                                 project.path, TOOL)
        for line in done.stderr.splitlines():
            self.assertTrue(line.startswith("sandbox-venv: "), done.stderr)
        self.assert_wrapped(project)
        self.assertEqual(project.run("tool", "a").stdout, "tool a\n")

    def test_unwritable_directory(self):
        if AS_ROOT:
            impossible("permissions don't hold root")
        project = self.plain()
        before = snapshot(project.env_dir)
        project.env_dir.chmod(0o555)
        try:
            self.assert_refused(project.wrap(check=False), saying=str(project.env_dir))
        finally:
            project.env_dir.chmod(before[b"."][1])
        self.assertEqual(snapshot(project.env_dir), before)


if __name__ == "__main__":
    unittest.main()
