"""The writable project as a way to programs of the host: what appears in it."""

import json
import os

from lib import venvs
from lib.plants import MAKE, Planting
from lib.processes import wait_for
from lib.programs import tool


class Appearing(Planting):
    def test_protected_names_go_to_the_quarantine(self):
        p = self.wrapped()
        names = [".envrc", ".vscode/tasks.json", "sub/.idea/x.xml", "a/b/c/.git/hooks/post-commit"]
        said = self.make(p, "kept.txt", "sub/kept.txt", *names)
        for name in names:
            self.assertFalse((p.path / name).exists(), name)
        self.assertEqual((p.path / "kept.txt").read_text(), "evil")
        self.assertEqual((p.path / "sub" / "kept.txt").read_text(), "evil")
        self.assertEqual(self.quarantined(p), sorted(names))
        # One line, or more on a busy machine, where some are taken while the program runs.
        self.assertIn(len(said.splitlines()), range(1, len(names) + 1), said)
        self.assertTrue(all(line.startswith("sandbox-venv: ") for line in said.splitlines()), said)
        self.assertIn("'.envrc'", said)

    def test_outside_they_can_be_made(self):
        p = self.project()
        self.native(p, MAKE, ".envrc", "a/.git/config")
        self.assertTrue((p.path / "a" / ".git" / "config").exists())

    def test_a_directory_beyond_the_look_is_read_only(self):
        p = self.plain()
        deepest = p.path / "deep" / "/".join("d" * 47)
        (deepest / "repo").mkdir(parents=True)
        said = p.wrap()
        self.assertIn("read-only inside", said.stderr)
        self.assertIn(str(deepest), said.stderr)
        code = "import sys; open(sys.argv[1], 'w').write('x')"
        names = [deepest / "repo/HEAD", deepest.parent / "beside", p.path / "top"]
        answers = [p.code(code, str(name)).returncode for name in names]
        self.assertEqual(answers, [1, 0, 0])
        self.assertEqual(tool("status", p.env_dir, "--check").returncode, 1)
        for key, tree in (("write", str(deepest.parent)), ("unguarded", "deep/d")):
            p.policy(f"filesystem: {{{key}: ['{tree}']}}\n")
            self.assert_clean(p.code(code, str(names[0])))
            self.assertEqual(tool("status", p.env_dir, "--check").returncode, 0)
            names[0].unlink()

    def test_a_closed_directory_stands_in_the_log_once(self):
        p = self.project()
        p.env = p.own_state()
        deepest = p.path / "deep" / "/".join("d" * 47)
        (deepest / "repo").mkdir(parents=True)
        p.venv()
        p.wrap()
        for _ in range(2):
            self.assert_clean(p.code("pass", env=p.env))
        lines = (p.top / "state/sandbox-venv/audit.jsonl").read_text().splitlines()
        denied = [json.loads(line)["denied"] for line in lines]
        self.assertEqual([(one["what"], one["name"]) for one in denied], [("closed", str(deepest))])
        self.assertIn("closed", p.tool("log", p.env_dir, check=True).stdout)
        # Without such a directory there is no line.
        q = self.wrapped()
        self.assertNotIn("closed", q.tool("log", q.env_dir, check=True).stdout)

    def test_a_project_beyond_the_look_is_read_only(self):
        p = self.plain()
        for number in range(20001):
            (p.path / f"d{number}").mkdir()
        self.assertIn(f"'{p.path}' is read-only inside", p.wrap().stderr)
        code = "import os; print(len(os.listdir('.')) > 20000); open('new', 'w')"
        done = p.code(code)
        self.assertEqual(done.stdout, "True\n")
        self.assertIn("Read-only file system", done.stderr)
        p.policy("filesystem: {unguarded: ['d*']}\n")
        self.assert_clean(p.code("open('new', 'w')"))

    def test_a_directory_that_can_be_entered_and_not_listed_closes_the_project(self):
        """A tool that knows a name in it gets to that, and by a link to anything."""
        if os.geteuid() == 0:
            self.skipTest("root lists every directory")
        p = self.plain()
        shut = p.path / "sub" / "shut"
        shut.mkdir(parents=True)
        (shut / ".envrc").symlink_to("../../led")
        p.write("led", "mine\n")
        shut.chmod(0o311)
        self.addCleanup(shut.chmod, 0o755)
        self.assertIn("'sub/shut' in the project cannot be looked through", p.wrap().stderr)
        self.assertEqual(set(self.write(p, "led", "new").values()), {"EROFS"})
        p.policy("filesystem: {unguarded: [sub/shut]}\n")
        self.assertEqual(set(self.write(p, "led", "new").values()), {"ok"})
        p.policy("")
        shut.chmod(0o011)
        self.assertEqual(set(self.write(p, "new").values()), {"ok"}, "nor can its owner enter it")

    def test_many_directories_are_looked_at_by_several_processes(self):
        p = self.plain()
        for number in range(2500):
            (p.path / "src" / f"d{number}").mkdir(parents=True)
        p.wrap()
        self.assert_clean(p.code("pass"))
        for number in (0, 1250, 2499):
            (p.path / "src" / f"d{number}" / ".envrc").write_text("mine\n")
        told = self.write(p, *(f"src/d{number}/.envrc" for number in (0, 1250, 2499)))
        self.assertEqual(set(told.values()), {"EROFS"}, told)
        self.make(p, "src/d7/.envrc", "src/d1251/.vscode/x", "src/d2498/.git/config")
        self.assertEqual(
            self.quarantined(p), ["src/d1251/.vscode/x", "src/d2498/.git/config", "src/d7/.envrc"]
        )
        self.assertEqual((p.path / "src/d1250/.envrc").read_text(), "mine\n")
        self.assert_clean(p.code("import os; os.rmdir('src/d2000'); os.mkdir('src/d2000')"))
        self.make(p, "src/d2000/.envrc")
        self.assertFalse((p.path / "src/d2000/.envrc").exists())

    def test_honest_programs_hear_nothing(self):
        p = self.wrapped()
        for _ in range(3):
            self.assert_clean(p.code(MAKE, "build/out.txt", "data.json", "deep/er/x"))
        self.assertEqual(self.quarantined(p), [])

    def test_a_directory_of_one_run_is_watched_in_the_next(self):
        p = self.wrapped()
        self.make(p, "new/dir/file")
        self.make(p, "new/dir/.envrc")
        self.assertFalse((p.path / "new/dir/.envrc").exists())
        self.assertTrue((p.path / "new/dir/file").exists())

    def test_links_and_other_kinds_of_files(self):
        p = self.wrapped()
        code = "import os; os.symlink('/etc', '.vscode'); os.symlink('x', '.git'); "
        done = p.code(code + "os.mkfifo('.envrc')")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in (".vscode", ".git", ".envrc"):
            self.assertFalse(os.path.lexists(p.path / name), name)

    def test_a_renamed_directory_is_found(self):
        p = self.wrapped()
        code = "import os; os.makedirs('x/y'); open('x/y/config', 'w'); os.rename('x', 'mine'); "
        done = p.code(code + "os.rename('mine/y', 'mine/.git')")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((p.path / "mine/.git").exists())

    def test_permissions_do_not_hold_a_name(self):
        p = self.wrapped()
        code = (
            "import os; os.makedirs('d/g/x'); open('d/g/config', 'w'); os.chmod('d/g/x', 0); "
            "os.chmod('d/g', 0); os.rename('d/g', 'd/.git'); os.chmod('d', 0o500)"
        )
        done = p.code(code)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.lexists(p.path / "d/.git"))
        os.chmod(p.path / "d", 0o700)

    def test_a_deep_tree_goes_in_parts(self):
        p = self.wrapped()
        code = (
            "import os; os.makedirs('x/' + 'd/' * 200); open('x/config', 'w').close(); "
            "os.rename('x', '.git')"
        )
        done = p.code(code)
        said = done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertFalse((p.path / ".git").exists())
        self.assertIn(".git/config", self.quarantined(p))
        self.assertNotIn(".sandbox-venv-taken-", said)
        self.assertEqual(list(p.path.glob(".sandbox-venv-taken-*")), [])

    def test_the_project_does_not_become_writable_for_others(self):
        p = self.wrapped()
        p.path.chmod(0o755)
        done = p.code("import os; os.chmod('.', 0o777)")
        self.assertEqual(p.path.stat().st_mode & 0o777, 0o755)
        self.assertIn("writable for other users", done.stderr)
        self.assert_clean(p.code("import os; os.chmod('.', 0o700)"))
        self.assertEqual(p.path.stat().st_mode & 0o777, 0o700)

    def test_a_name_can_be_allowed(self):
        p = self.wrapped(policy="filesystem: {protect: ['!.envrc']}\n")
        self.assert_clean(p.code(MAKE, ".envrc", "sub/.envrc"))
        self.assertTrue((p.path / "sub/.envrc").exists())

    def test_one_line_opens_exactly_one_name(self):
        p = self.wrapped(policy="filesystem: {protect: ['!AGENTS.md']}\n")
        self.assert_clean(p.code(MAKE, "AGENTS.md", "sub/agents.md"))
        self.assertTrue((p.path / "sub/agents.md").exists())
        names = ["AGENTS.local.md", "CLAUDE.md", "sub/AGENT.md", "sub/.ropeproject/config.py"]
        self.make(p, *names)
        self.assertEqual(self.quarantined(p), sorted(names))

    def test_instructions_may_be_a_link_to_others(self):
        p = self.project()
        (p.path / "AGENTS.md").write_text("mine")
        (p.path / "CLAUDE.md").symlink_to("AGENTS.md")
        p.venv()
        p.wrap()
        done = p.code("open('CLAUDE.md', 'a')")
        self.assertIn("Read-only file system", done.stderr)
        p.code("import os; os.unlink('CLAUDE.md'); open('CLAUDE.md', 'w')")
        self.assertEqual(self.quarantined(p), ["CLAUDE.md"])
        self.assertEqual((p.path / "AGENTS.md").read_text(), "mine")

    def test_a_name_of_the_top(self):
        p = self.wrapped(policy="filesystem: {protect: ['./conf/x.ini', ./TOP]}\n")
        self.make(p, "conf/X.ini", "sub/conf/x.ini", "top", "sub/top")
        self.assertEqual(self.quarantined(p), ["conf/X.ini", "top"])

    def test_a_name_of_another_case_that_was_there_is_read_only(self):
        p = self.project()
        names = ("Agents.MD", "sub/.RopeProject/Config.py", "sub/.VSCODE/settings.json")
        self.native(p, MAKE, *names)
        p.venv()
        p.wrap()
        for name in names:
            done = p.code("import sys; open(sys.argv[1], 'a')", name)
            self.assertIn("Read-only file system", done.stderr, name)

    def test_a_granted_name_stays(self):
        p = self.project()
        p.venv()
        (p.path / ".vscode").mkdir()
        p.wrap()
        p.policy(f"filesystem: {{write: ['{p.path}/.vscode']}}\n")
        self.assert_clean(p.code(MAKE, ".vscode/settings.json"))
        self.assertTrue((p.path / ".vscode/settings.json").exists())

    def test_names_with_control_bytes_are_escaped(self):
        p = self.wrapped()
        said = self.make(p, "evil\x1b]0;x\x07/.envrc")
        self.assertIn("sandbox-venv: ", said)
        self.assertNotIn("\x1b", said)

    def test_the_log_and_status_tell(self):
        p = self.wrapped()
        self.make(p, ".envrc")
        shown = tool("log", p.env_dir, check=True).stdout
        self.assertIn("appeared .envrc", shown)
        self.assertIn("sandbox/quarantine", tool("status", p.env_dir, check=True).stdout)

    def test_what_fails_is_cleaned_up_after_too(self):
        p = self.wrapped()
        done = p.code(MAKE + "\nos.abort()", ".envrc")
        self.assertEqual(done.returncode, -6)
        self.assertFalse((p.path / ".envrc").exists())

    def test_a_working_directory_in_the_quarantine_leads_nowhere(self):
        """A daemon whose directory is taken away must not get to where the sandbox is decided."""
        p = self.wrapped()
        (p.path / "out").mkdir()
        code = """
import json, os, sys, time
os.makedirs("v/inner"); open("v/inner/x", "w"); os.chdir("v/inner")
os.rename("../../v", "../../.vscode")
if os.fork(): sys.exit(0)
os.setsid()
for fd in (0, 1, 2): os.close(fd)
found = []
for _ in range(150):
    up = ""
    for _ in range(7):
        up += "../"
        try: found += [name for name in os.listdir(up) if name in ("policy.yaml", "manifest.json")]
        except OSError: pass
    time.sleep(0.01)
with open(sys.argv[1] + "/out/told", "w") as file: file.write(json.dumps(found))
"""
        done = p.code(code, str(p.path))
        self.assertEqual(done.returncode, 0, done.stderr)
        told = p.path / "out" / "told"
        self.assertTrue(wait_for(lambda: told.exists() and told.read_text()))
        self.assertEqual(json.loads(told.read_text()), [])
        self.assertFalse((p.path / ".vscode").exists())

    def test_what_the_user_made_between_runs_stays(self):
        p = self.wrapped()
        self.make(p, "sub/file")
        (p.path / "sub" / ".vscode").mkdir()
        (p.path / "sub" / ".vscode" / "mine.json").write_text("{}")
        self.assertEqual(self.write(p, "sub/.vscode/mine.json"), {"sub/.vscode/mine.json": "EROFS"})
        self.assertEqual((p.path / "sub/.vscode/mine.json").read_text(), "{}")
        self.assertEqual(self.quarantined(p), [])


class Links(Planting):
    """Protected and hidden names that are links, at the project's top and below it."""

    def linked(self, *links, policy=None):
        p = self.project()
        p.write("data/settings.json", "mine")
        p.write("mine.rc", "mine")
        for name, target in links:
            path = p.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        p.venv()
        p.wrap()
        if policy:
            p.policy(policy)
        return p

    def test_a_link_to_a_directory(self):
        p = self.linked((".vscode", "data"), ("sub/.vscode", "../data"))
        names = [".vscode/settings.json", "sub/.vscode/new", "data/settings.json"]
        self.assertEqual(self.write(p, *names), dict.fromkeys(names, "EROFS"))
        self.assertEqual(self.quarantined(p), [])

    def test_a_link_to_a_file(self):
        p = self.linked((".envrc", "mine.rc"), (".bashrc", "mine.rc"))
        names = [".envrc", ".bashrc", "mine.rc"]
        self.assertEqual(self.write(p, *names), dict.fromkeys(names, "EROFS"))

    def test_a_link_out_of_the_project(self):
        outside = self.project()
        outside.write("rc", "outside")
        p = self.linked((".envrc", outside.path / "rc"), (".git", outside.path))
        self.assertEqual(
            self.write(p, ".envrc", ".git/rc"), {".envrc": "ENOENT", ".git/rc": "ENOENT"}
        )
        self.assertEqual((outside.path / "rc").read_text(), "outside")

    def test_a_link_that_leads_nowhere(self):
        p = self.linked((".envrc", "later.rc"), (".vscode", "not/yet"), (".idea", ".idea"))
        self.assert_clean(p.code("pass"))
        self.make(p, "later.rc")
        self.assertEqual(self.quarantined(p), ["later.rc"])
        self.assertTrue((p.path / ".envrc").is_symlink())

    def test_what_comes_in_the_place_of_a_link_is_taken(self):
        p = self.linked((".envrc", "mine.rc"))
        p.code("import os; os.unlink('.envrc'); open('.envrc', 'w').write('evil')")
        self.assertEqual(self.quarantined(p), [".envrc"])
        self.assertEqual((p.path / "mine.rc").read_text(), "mine")

    def test_each_link_of_a_chain(self):
        p = self.linked((".envrc", "one"), ("one", "two"), ("two", "mine.rc"))
        self.assert_clean(p.code("pass"))
        self.assertEqual(self.write(p, ".envrc"), {".envrc": "EROFS"})
        p.code("import os; os.unlink('two'); open('two', 'w').write('evil')")
        self.assertEqual(self.quarantined(p), ["two"])

    def test_a_hidden_link(self):
        hide = "filesystem: {hide: [secret, gone, circle]}\n"
        links = (("secret", "mine.rc"), ("gone", "nowhere"), ("circle", "circle"))
        p = self.linked(*links, policy=hide)
        done = p.code("print(open('mine.rc').read() + open('secret').read())")
        self.assertEqual((done.returncode, done.stdout), (0, "\n"), done.stderr)

    def test_links_with_other_names_are_nobodys_business(self):
        """The control."""
        p = self.linked(("other", "mine.rc"))
        self.assertEqual(self.write(p, "other"), {"other": "ok"})


class Venvs(Planting):
    def test_one_below_a_directory_is_read_only(self):
        p = self.project()
        p.venv()
        venvs.make(p.path / "envs" / "other")
        p.wrap()
        told = self.write(
            p, "envs/other/bin/activate", "envs/other/pyvenv.cfg", "envs/other/bin/new"
        )
        self.assertEqual(set(told.values()), {"EROFS"}, told)

    def test_one_that_programs_made_stays_theirs(self):
        p = self.wrapped()
        code = "import sys, venv; venv.create('made', symlinks=True)"
        for _ in range(2):
            done = p.code(code)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("a virtualenv appeared", done.stderr)
        self.assertEqual(self.write(p, "made/bin/activate"), {"made/bin/activate": "ok"})
        self.make(p, "made/.envrc")
        self.assertFalse((p.path / "made/.envrc").exists())

    def test_one_of_a_tool_is_not_worth_a_line(self):
        p = self.wrapped()
        code = "import sys, venv; venv.create('.tox/py', symlinks=True)"
        for _ in range(2):
            self.assert_clean(p.code(code))
        self.assertEqual(self.write(p, ".tox/py/bin/activate"), {".tox/py/bin/activate": "ok"})

    def test_the_usual_one_only_by_the_policy(self):
        p = self.wrapped()
        code = "import sys, venv; venv.create('env', symlinks=True)"
        done = p.code(code)
        self.assertIn("filesystem: {virtualenvs: [env]}", done.stderr)
        self.assertFalse((p.path / "env/pyvenv.cfg").exists())
        p.policy("filesystem: {virtualenvs: [env]}\n")
        self.assertEqual(p.code(code).returncode, 0)
        self.assertTrue((p.path / "env/pyvenv.cfg").exists())
        self.assertEqual(self.write(p, "env/bin/activate"), {"env/bin/activate": "ok"})
