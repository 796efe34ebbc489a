"""Each key of the policy with its restriction and its honest use."""

import json
import tempfile
import textwrap

from lib.user import HOME
from lib.view import READ_ONLY, TRY, View


class Policy(View):
    """Each key with its restriction and its honest use."""

    def test_project_read_only(self):
        project = self.wrapped(policy="filesystem: {project: ro}\n")
        project.write("data", "x")
        self.assertEqual(
            self.attempts(project, ("read", project.path / "data"), ("list", project.path)),
            ["ok", "ok"],
        )
        self.assert_read_only(project, project.path / "data", project.path / "new")

    def test_project_none(self):
        project = self.wrapped(policy="filesystem: {project: none}\n")
        project.write("data", "x")
        seen = self.attempts(project, ("read", project.path / "data"), cwd="/")
        self.assertNotEqual(seen, ["ok"])
        self.assert_clean(project.code("import sys; print(sys.prefix)", cwd="/"))

    def test_read_and_write(self):
        project = self.project()
        project.venv().wrap()
        data = project.top / "data"
        results = project.top / "results"
        for path in (data, results):
            path.mkdir()
            (path / "file").write_text("x")
        project.policy(f"filesystem:\n  read: [{data}]\n  write: [{results}]\n")
        seen = self.attempts(
            project, ("read", data / "file"), ("write", results / "file"), ("make", results)
        )
        self.assertEqual(seen, ["ok"] * 3)
        self.assert_read_only(project, data / "file", data / "new")
        project.policy("lifetime: tree\n")
        self.assertEqual(self.attempt(project, "read", data / "file"), "ENOENT")

    def test_read_of_what_does_not_exist_is_refused(self):
        project = self.wrapped(policy="filesystem: {read: [/no/such/dir]}\n")
        done = project.code("pass")
        self.assertEqual(done.returncode, 125)
        self.assertIn("/no/such/dir", done.stderr)

    def test_hide(self):
        project = self.wrapped(policy="filesystem: {hide: [.env.production, secrets, '*.pem']}\n")
        project.write(".env.production", "canary")
        project.write("secrets/key", "canary")
        project.write("server.pem", "canary")
        project.write("open.txt", "shown")
        code = textwrap.dedent("""
            import json, os
            def text(p):
                try: return open(p).read()
                except OSError as e: return e.errno
            print(json.dumps([text('.env.production'), os.listdir('secrets'), text('server.pem'),
                              text('open.txt')]))
            """)
        seen = project.value(code)
        self.assertNotIn("canary", json.dumps(seen))
        self.assertEqual((seen[1], seen[3]), ([], "shown"))
        self.assertEqual((project.path / "secrets/key").read_text(), "canary")

    def test_protect(self):
        project = self.project()
        project.venv()
        project.write(".git/config", "[core]")
        project.write(".git/hooks/keep", "")
        project.write(".vscode/settings.json", "{}")
        project.wrap()
        seen = self.attempts(
            project, ("read", project.path / ".git/config"), ("list", project.path / ".vscode")
        )
        self.assertEqual(seen, ["ok", "ok"])
        self.assert_read_only(
            project,
            project.path / ".git/config",
            project.path / ".git/hooks/post-checkout",
            project.path / ".vscode/settings.json",
        )
        code = (
            "import os\n"
            "for f in (lambda: os.rename('.git', '.git2'), lambda: os.rmdir('.vscode'),\n"
            "          lambda: os.unlink('.git/config')):\n"
            "    try: f(); print('done')\n    except OSError: print('refused')\n"
        )
        self.assertEqual(project.code(code).stdout.split(), ["refused"] * 3)

    def test_protect_more_and_less(self):
        project = self.project()
        project.venv()
        project.write(".git/config", "[core]")
        project.write("Makefile", "all:")
        project.wrap()
        project.policy("filesystem: {protect: ['!.git', Makefile]}\n")
        self.assertEqual(self.attempt(project, "write", project.path / ".git/config"), "ok")
        self.assert_read_only(project, project.path / "Makefile")

    def test_cwd(self):
        project = self.project()
        project.venv().wrap()
        work = project.top / "work"
        work.mkdir()
        (work / "input").write_text("x")
        inside = {"cwd": str(work)}
        self.assertEqual(self.attempt(project, "read", "input", **inside), "ENOENT")
        project.policy("filesystem: {cwd: ro}\n")
        self.assertEqual(self.attempt(project, "read", "input", **inside), "ok")
        self.assertIn(self.attempt(project, "write", "input", **inside), READ_ONLY)
        project.policy("filesystem: {cwd: rw}\n")
        self.assertEqual(self.attempt(project, "write", "new", **inside), "ok")
        self.assertTrue((work / "new").exists())

    def test_cwd_never_shows_the_home_directory(self):
        project = self.wrapped(policy="filesystem: {cwd: rw}\n")
        with tempfile.NamedTemporaryFile(dir=HOME, prefix="svenv-canary-") as canary:
            done = project.code(TRY, json.dumps([("stat", canary.name)]), cwd=HOME)
        if done.returncode == 0:
            self.assertEqual(json.loads(done.stdout), ["ENOENT"])
        else:
            self.assert_refused(done)

    def test_script_outside_the_project_is_shown(self):
        project = self.project()
        project.venv().wrap()
        script = project.top / "elsewhere" / "job.py"
        script.parent.mkdir()
        script.write_text("import sys, helper; print(helper.x, sys.argv[1:])")
        (script.parent / "helper.py").write_text("x = 5")
        done = project.python(script, "a")
        self.assert_clean(done)
        self.assertEqual(done.stdout, "5 ['a']\n")

    def test_refinement_for_one_command(self):
        project = self.project()
        project.venv()
        project.script("report", "import os; print(os.environ.get('WHO'))\n")
        project.wrap()
        project.policy("commands:\n  - match: [report]\n    environment: {set: {WHO: report}}\n")
        self.assertEqual(project.run("report").stdout, "report\n")
        self.assertEqual(project.code("import os; print(os.environ.get('WHO'))").stdout, "None\n")

    def test_bad_policy_names_the_place(self):
        project = self.wrapped(policy="filesystem:\n  projekt: ro\n")
        done = project.code("print('ran')")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("policy.yaml:3:3", done.stderr)

    def test_limits(self):
        project = self.wrapped(policy="limits: {open-files: 100, processes: 0, file-size: 1M}\n")
        code = (
            "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE)[0],"
            " r.getrlimit(r.RLIMIT_FSIZE)[0])"
        )
        self.assertEqual(project.code(code).stdout, "100 1048576\n")

    def test_profiles(self):
        for name in ("default", "strict", "open", "debug"):
            with self.subTest(name):
                project = self.project()
                project.venv().wrap("--policy", name)
                self.assert_clean(project.code("import ssl, json, sqlite3; print(1)"))
