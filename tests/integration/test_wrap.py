"""Wrapping a venv: what is asked for, what is in it, and where it has gone since."""

import json
import os
import re
import shutil

from lib.case import Case
from lib.environment import environment
from lib.installed import TOOL
from lib.interpreters import SYSTEM_PYTHON, interpreters
from lib.programs import processor_time, run, tool
from lib.skips import impossible
from lib.terminal import Terminal
from lib.trees import snapshot


class Wrap(Case):
    def test_bare_form(self):
        project = self.plain()
        env = project.own_state()
        project.will_be_wrapped()
        done = tool(cwd=project.path, env=env)
        self.assert_clean(done)
        self.assertTrue(done.stdout.startswith("Wrapped .venv: "), done.stdout)
        for word in ("project", "policy", "network", "undo"):
            self.assertIn(f"\n  {word} ", done.stdout)
        self.assert_wrapped(project.env_dir)
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
                project.will_be_wrapped()
                done = tool(name, cwd=project.path)
                self.assertIn(f"Wrapped {name}", done.stdout, done.stderr)
                self.assertEqual(project.code("print(1)").stdout, "1\n")

    def test_policy_and_identity_are_kept(self):
        project = self.plain()
        project.wrap("--unshare-net")
        policy = project.env_dir / "sandbox/policy.yaml"
        policy.write_text(policy.read_text() + "\n# mine\nlimits: {processes: 77}\n")
        before = (policy.read_bytes(), project.manifest["id"], snapshot(project.env_dir / "bin"))
        for _ in range(2):
            self.assertIn("kept as it was", project.wrap().stdout)
            after = (policy.read_bytes(), project.manifest["id"], snapshot(project.env_dir / "bin"))
            self.assertEqual(after, before)

    def test_options_become_policy(self):
        project = self.plain()
        data = project.top / "data dir"
        out = project.top / "out"
        data.mkdir()
        out.mkdir()
        (data / "x").write_text("seen")
        project.wrap(
            "--ro-bind",
            data,
            data,
            "--bind",
            out,
            out,
            "--unshare-net",
            "--setenv",
            "COLOUR",
            "green # not: a comment",
        )
        text = (project.env_dir / "sandbox/policy.yaml").read_text()
        self.assertIn("mode: none", text)
        self.assertIn("data dir", text)
        self.assert_clean(tool("policy", "check", project.env_dir))
        code = (
            "import os, socket, json\n"
            f"open({str(out / 'y')!r}, 'w').write('written')\n"
            f"try:\n    open({str(data / 'z')!r}, 'w')\n    bad = True\n"
            "except OSError:\n    bad = False\n"
            f"print(json.dumps([open({str(data / 'x')!r}).read(), bad, os.environ['COLOUR'],\n"
            "  [n for _, n in socket.if_nameindex()]]))"
        )
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
                done = project.wrap(check=False, env=project.own_state())
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn("\nbreak", done.stdout)
                self.assertEqual(
                    project.value("import sys, json; print(json.dumps(sys.prefix))"),
                    str(project.env_dir),
                )
        project = self.plain()
        link = project.top / "link"
        link.symlink_to(project.path)
        project.will_be_wrapped()
        self.assert_clean(tool("wrap", ".venv", cwd=link))
        done = run(link / ".venv/bin/python", "-c", "import os; print(os.getcwd())", cwd=link)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_many_entries_in_time(self):
        project = self.project().venv()
        for number in range(1000):
            project.script(f"entry-{number}", "pass\n")
        before = snapshot(project.env_dir)
        used = processor_time()
        project.wrap()
        self.assertLess(processor_time() - used, 5.0)
        self.assert_wrapped(project.env_dir)
        self.assert_clean(project.run("entry-999"))
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_progress_on_a_terminal(self):
        project = self.project().venv()
        for number in range(400):
            project.script(f"entry-{number}", "pass\n")
        project.will_be_wrapped()
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
        project.will_be_wrapped()
        env = environment(TERM="xterm", NO_COLOR="1")
        with Terminal(TOOL, "wrap", project.env_dir, env=env) as terminal:
            self.assertNotIn("\x1b[3", terminal.rest())

    def test_create(self):
        project = self.project()
        project.will_be_wrapped(project.path / "made")
        done = tool("create", "made", "--python", SYSTEM_PYTHON, "--without-pip", cwd=project.path)
        self.assert_clean(done)
        self.assertIn("Wrapped made", done.stdout)
        done = run(project.path / "made/bin/python", "-c", "import sys; print(sys.prefix)")
        self.assertEqual(done.stdout, f"{project.path}/made\n")
        self.assert_refused(tool("create", "made", "--without-pip", cwd=project.path))
        self.assert_refused(
            tool("create", "other", "--python", "/nonexistent/python", cwd=project.path)
        )

    def test_create_where_something_lies(self):
        """Files that a program left there would count in the virtualenv."""
        project = self.project()
        made = project.path / "made"
        project.will_be_wrapped(made)
        policy = made / "sandbox" / "policy.yaml"
        policy.parent.mkdir(parents=True)
        policy.write_text("version: 1\nfilesystem: {read: [~/.ssh]}\n")
        words = ["create", "made", "--without-pip"]
        self.assert_refused(tool(*words, cwd=project.path), saying="is not empty")
        self.assertFalse((made / "pyvenv.cfg").exists())
        self.assert_clean(tool(*words, "--clear", cwd=project.path))
        self.assertNotIn(".ssh", policy.read_text())
        (project.path / "empty").mkdir()
        project.will_be_wrapped(project.path / "empty")
        self.assert_clean(tool("create", "empty", "--without-pip", cwd=project.path))

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
        self.assert_wrapped(project.env_dir)
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


class Moved(Case):
    def test_moved(self):
        project = self.plain()
        project.wrap()
        moved = project.path / "moved"
        project.env_dir.rename(moved)
        project.will_be_wrapped(moved)
        done = run(moved / "bin/python", "-c", "print(1)")
        self.assert_refused(done, saying="wrap")
        done = tool("status", moved, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("moved", done.stdout)
        tool("wrap", moved, check=True)
        self.assertEqual(
            run(moved / "bin/python", "-c", "import sys; print(sys.prefix)").stdout, f"{moved}\n"
        )
        self.assert_wrapped(moved)

    def test_moved_project(self):
        project = self.plain()
        project.write("f", "x")
        project.wrap()
        other = project.top / "other place"
        project.path.rename(other)
        venv = other / ".venv"
        project.will_be_wrapped(venv)
        self.assert_refused(run(venv / "bin/python", "-c", "pass"))
        self.assertEqual(tool("wrap", venv, check=True).stderr, "")
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
        ident = project.manifest["id"]
        copy = project.path / "copy"
        run("cp", "-a", project.env_dir, copy, check=True)
        project.will_be_wrapped(copy)
        self.assert_refused(run(copy / "bin/python", "-c", "pass"))
        tool("wrap", copy, check=True)
        other = json.loads((copy / "sandbox/manifest.json").read_text())
        self.assertNotEqual(other["id"], ident)
        self.assertEqual(other["path"], str(copy))
        self.assertEqual(project.manifest["id"], ident)
        for venv in (copy, project.env_dir):
            done = run(venv / "bin/python", "-c", "import sys; print(sys.prefix)")
            self.assertEqual((done.stdout, done.stderr), (f"{venv}\n", ""))

    CUSTOM = "version: 1\nprofile: default\nfilesystem: {project: none}\n"

    def assert_is_asked_for(self, venv):
        """A policy that lies there is taken when a person says so, and not before."""
        policy = venv / "sandbox/policy.yaml"
        done = tool("wrap", venv)
        self.assert_refused(done, saying=f"--policy '{policy}'")
        self.assertEqual(policy.read_text(), self.CUSTOM)
        done = tool("wrap", "--policy", policy, venv, check=True)
        self.assertIn("not shown (filesystem.project: none)", done.stdout)
        tool("wrap", venv, check=True)
        self.assertEqual(policy.read_text(), self.CUSTOM)

    def test_a_policy_of_somebody_else(self):
        """It came with a repository, or a program put it where a venv was to be made."""
        project = self.plain()
        (project.env_dir / "sandbox").mkdir()
        (project.env_dir / "sandbox/policy.yaml").write_text(self.CUSTOM)
        project.will_be_wrapped()
        self.assert_is_asked_for(project.env_dir)

    def test_a_list_that_cannot_be_read(self):
        if os.geteuid() == 0:
            self.skipTest("root reads every file")
        project = self.plain()
        env = project.own_state()
        tool("wrap", project.env_dir, env=env, check=True)
        state = project.top / "state" / "sandbox-venv"
        (state / "venvs").chmod(0)
        done = tool("wrap", project.env_dir, env=env, check=True)
        self.assertIn("'sandbox-venv list' will not know this one", done.stderr)
        (project.env_dir / "sandbox/policy.yaml").write_text(self.CUSTOM)
        self.assert_refused(tool("wrap", project.env_dir, env=env), saying="--policy")
        (state / "venvs").chmod(0o600)
        tool("wrap", project.env_dir, env=env, check=True)

    def test_records_of_somebody_else(self):
        """By one of them a program may write a virtualenv that the user made."""
        project = self.plain()
        project.wrap()
        record = project.env_dir / "sandbox/made-inside"
        record.write_text("1:2:3 4\n")
        project.wrap()
        self.assertEqual(record.read_text(), "1:2:3 4\n")
        tool("wrap", project.env_dir, env=project.own_state(), check=True)
        self.assertFalse(record.exists())

    def test_a_directory_that_looks_wrapped_starts_nothing(self):
        """Somebody put the directory there, and the account has wrapped nothing."""
        project = self.plain()
        project.wrap()
        pip = project.env_dir / "sandbox/installer/home/.config/pip"
        pip.mkdir(parents=True)
        env = project.own_state()
        for words in (["run", project.env_dir, "--", "true"], ["shell", project.env_dir]):
            self.assert_refused(tool(*words, env=env), saying="has not wrapped")
        self.assert_clean(tool("run", project.env_dir, "--", "true"))
        self.assertTrue(pip.exists())
        tool("wrap", project.env_dir, env=env, check=True)
        self.assertFalse(pip.exists())
        self.assert_clean(tool("run", project.env_dir, "--", "true", env=env))

    def test_a_policy_in_the_place_of_an_earlier_venv(self):
        project = self.plain()
        project.wrap()
        shutil.rmtree(project.env_dir / "sandbox")
        (project.env_dir / "sandbox").mkdir()
        (project.env_dir / "sandbox/policy.yaml").write_text(self.CUSTOM)
        self.assert_is_asked_for(project.env_dir)

    def test_a_policy_of_a_copy(self):
        project = self.plain()
        project.wrap()
        (project.env_dir / "sandbox/policy.yaml").write_text(self.CUSTOM)
        copy = project.path / "copy"
        run("cp", "-a", project.env_dir, copy, check=True)
        project.will_be_wrapped(copy)
        self.assert_is_asked_for(copy)

    def test_a_project_of_somebody_else(self):
        project = self.plain()
        other = project.top / "other"
        other.mkdir()
        project.wrap("--project", other)
        env = project.own_state()  # an account that has wrapped nothing
        done = tool("wrap", project.env_dir, env=env, check=True)
        self.assertIn(f"--project '{other}'", done.stderr)
        self.assertIn(f"{project.path} (", done.stdout)
        done = tool("wrap", "--project", other, project.env_dir, env=env, check=True)
        self.assertEqual(done.stderr, "")
        self.assertIn(f"{other} (", done.stdout)

    def test_made_anew_over_a_wrapped_one(self):
        project = self.plain()
        project.wrap()
        python = SYSTEM_PYTHON
        run(python, "-m", "venv", "--clear", "--without-pip", project.env_dir, check=True)
        self.assertIn("not wrapped", tool("status", project.env_dir).stdout)
        self.assert_clean(project.code("pass"))
        project.wrap()
        self.assert_wrapped(project.env_dir)
        self.assertEqual(project.code("print(1)").stdout, "1\n")

    def test_upgraded_in_place(self):
        """python -m venv --upgrade copies an interpreter over the stub, in place."""
        project = self.plain()
        project.wrap()
        python = SYSTEM_PYTHON
        run(python, "-m", "venv", "--upgrade", "--without-pip", project.env_dir, check=True)
        overwritten = [
            name
            for name in ("python", "python3")
            if (project.env_dir / "bin" / name).stat().st_size > 100000
        ]
        self.assertEqual(len(overwritten), 1, "venv has done what this test is about")
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 1)
        self.assertEqual(project.run("tool").stdout, "tool\n")
        self.assert_wrapped(project.env_dir)
        code = "import os; print(os.path.exists('/.sandbox-venv'))"
        for name in ("python", "python3"):
            done = project.run(name, "-c", code)
            self.assertEqual((done.stdout, done.stderr), ("True\n", ""))
        project.unwrap("--purge")
        self.assert_clean(project.code("pass"))

    def test_new_base_interpreter(self):
        """The venv is made anew by another Python without --clear: wrapping notices."""
        others = [one for one in interpreters() if one.maker == "venv" and not one.copies]
        if len(others) < 2:
            impossible("only one Python for this user")
        project = self.project().venv(others[0])
        project.wrap()
        run(others[1].path, "-m", "venv", "--clear", "--without-pip", project.env_dir, check=True)
        project.wrap()
        version = run(others[1].path, "-V").stdout
        self.assertEqual(project.run("python", "-V").stdout, version)
