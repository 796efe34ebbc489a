"""Looking at wrapped venvs and their policies."""

import json

from lib.case import Case
from lib.programs import tool


class Look(Case):
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
            "missing": ((project.env_dir / "bin/tool").unlink, "tool has no stub"),
            "orphan": ((sandbox / "bin/tool").unlink, "nothing behind it"),
            "tampered": (
                lambda: (project.env_dir / "bin/tool").write_bytes(stub + b"x"),
                "tool runs outside the sandbox",
            ),
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
                self.assert_wrapped(project.env_dir)

    def test_list(self):
        first, second = self.plain(), self.plain()
        env = first.own_state()
        for project in (first, second):
            project.wrap(env=env)
        done = tool("list", env=env)
        self.assert_clean(done)
        self.assertEqual(
            done.stdout.splitlines(), [f"wrapped  {project.env_dir}" for project in (first, second)]
        )
        second.env_dir.rename(second.path / "moved")
        (first.env_dir / "sandbox/manifest.json").write_text("{")
        rows = {
            row["path"]: row["state"] for row in json.loads(tool("list", "--json", env=env).stdout)
        }
        self.assertEqual(rows, {str(first.env_dir): "damaged", str(second.env_dir): "gone"})
        tool("unwrap", first.env_dir, env=env, check=True)
        rows = json.loads(tool("list", "--json", env=env).stdout)
        self.assertNotIn(str(first.env_dir), [row["path"] for row in rows])

    def test_list_of_nothing(self):
        project = self.project()
        env = project.own_state()
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
        self.assert_refused(
            tool("policy", "show", project.env_dir, "--diff", "--origins"), status=2
        )

    def test_policy_check(self):
        project = self.plain()
        project.wrap()
        self.assertEqual(tool("policy", "check", project.env_dir).stdout, "ok\n")
        bad = project.write("bad.yaml", "version: 1\nfilesystem:\n  projekt: ro\n")
        self.assert_refused(tool("policy", "check", bad), saying="bad.yaml:3:3")
        project.policy("filesystem: {read: [/nonexistent/dir]}\n")
        self.assert_refused(tool("policy", "check", project.env_dir), saying="/nonexistent/dir")
