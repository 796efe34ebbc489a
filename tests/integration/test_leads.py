"""Protected things lead to others by links, git's configuration, other names of a file."""

import json
import os
import subprocess
import time

from test_repositories import git

from lib.plants import Planting
from lib.processes import wait_for
from lib.programs import SECONDS


class Leads(Planting):
    def repository(self, *config):
        """A project with hooks of its own, and scripts that the configuration may name."""
        p = self.project()
        git("init", "-q", cwd=p.path)
        p.write(".githooks/pre-commit", "#!/bin/sh\ntouch ran\n", 0o755)
        p.write("scripts/run.sh", "#!/bin/sh\ntouch ran\n", 0o755)
        p.write("scripts/other.py", "x = 1\n")
        p.venv()
        for key, value in config:
            git("config", key, value, cwd=p.path)
        return p

    HOOKS = ("core.hooksPath", ".githooks")

    def told(self, p, *names):
        return list(self.write(p, *names).values())

    def leads(self, p):
        said = json.loads(p.tool("status", p.env_dir, "--json", check=True).stdout)
        return [line.removeprefix(str(p.path) + "/") for line in said["leads"]]

    def commits(self, p):
        git("commit", "-q", "--allow-empty", "-m", "x", cwd=p.path)
        ran = (p.path / "ran").exists()
        (p.path / "ran").unlink(missing_ok=True)
        return ran

    def test_the_user_commits_and_programs_read(self):
        p = self.repository(self.HOOKS)
        p.wrap()
        self.assertEqual(
            p.code("print(open('.githooks/pre-commit').read()[:9])").stdout, "#!/bin/sh\n"
        )
        self.assertEqual(self.told(p, ".githooks/pre-commit", ".githooks/new"), ["EROFS", "EROFS"])
        self.assertEqual(self.told(p, "scripts/run.sh", "new.txt"), ["ok", "ok"])
        process = p.spawn("python", "-c", "input()", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            time.sleep(0.3)
            self.assertTrue(self.commits(p), "the hook ran")
            p.write(".githooks/post-commit", "#!/bin/sh\ntouch ran\n", 0o755)
        finally:
            _, said = process.communicate(b"\n", timeout=SECONDS)
        self.assertEqual((process.returncode, said), (0, b""))
        self.assertTrue((p.path / ".githooks" / "post-commit").exists(), "the user's own file")
        self.assertEqual(self.leads(p), [".githooks (named by .git/config)"])

    def test_the_configuration_counts_as_it_is(self):
        """A configuration by the user counts from the next start on."""
        p = self.repository()
        p.wrap()
        self.assertEqual(self.told(p, ".githooks/new", "scripts/run.sh"), ["ok", "ok"])
        git("config", *self.HOOKS, cwd=p.path)
        git("config", "alias.go", "!sh scripts/run.sh", cwd=p.path)
        self.assertEqual(self.told(p, ".githooks/new", "scripts/run.sh"), ["EROFS", "EROFS"])
        self.assertEqual(self.told(p, "scripts/other.py"), ["ok"])
        git("config", "--unset", "core.hooksPath", cwd=p.path)
        self.assertEqual(self.told(p, ".githooks/new", "scripts/run.sh"), ["ok", "EROFS"])
        (p.path / ".git" / "hooks" / "pre-push").symlink_to("../../scripts/other.py")
        self.assertEqual(self.told(p, "scripts/other.py"), ["EROFS"])
        (p.path / ".git" / "hooks" / "pre-push").unlink()
        self.assertEqual(self.told(p, "scripts/other.py"), ["ok"])

    def test_an_included_file_counts_by_its_content(self):
        p = self.repository(("include.path", "../shared"))
        p.write("shared", "[user]\n\tname = x\n")
        p.wrap()
        self.assertEqual(self.told(p, "shared", ".githooks/new"), ["EROFS", "ok"])
        p.write("shared", "[core]\n\thooksPath = .githooks\n")
        self.assertEqual(self.told(p, "shared", ".githooks/new"), ["EROFS", "EROFS"])
        self.assertIn(".githooks (named by shared)", self.leads(p))

    def test_a_person_opens_it(self):
        p = self.repository(self.HOOKS)
        p.wrap()
        p.policy("filesystem: {write: [.githooks]}\n")
        self.assertEqual(self.told(p, ".githooks/new"), ["ok"])
        self.assertEqual(self.leads(p), [])
        p.policy("filesystem: {protect: ['!.git']}\n")
        self.assertEqual(self.told(p, ".githooks/new"), ["ok"])
        p.policy("filesystem: {unguarded: [.githooks]}\n")
        self.assertEqual(self.told(p, ".githooks/new"), ["ok"])
        p.policy("")
        self.assertEqual(self.told(p, ".githooks/new"), ["EROFS"])

    def test_what_is_not_there_yet(self):
        p = self.repository(("core.hooksPath", "build/hooks"), ("core.fsmonitor", "./watch"))
        p.wrap()
        self.assertIn("programs on the host obey", self.make(p, "watch", "build/hooks/pre-commit"))
        for name in ("watch", "build/hooks"):
            self.assertFalse(os.path.lexists(p.path / name), name)
        self.assertEqual(self.make(p, "build/other/pre-commit"), "")
        self.assertFalse(self.commits(p))

    def test_the_same_while_it_runs(self):
        p = self.repository(("core.fsmonitor", "./watch"))
        p.write("middle/target", "")
        (p.path / ".vscode").mkdir()
        (p.path / ".vscode" / "tasks.json").symlink_to("../link")
        (p.path / "link").symlink_to("middle/target")
        p.wrap()
        code = (
            "import os\nprint('up', flush=True); input()\nopen('watch', 'w')\n"
            "os.unlink('link'); open('link', 'w')\nprint('made', flush=True); input()\n"
        )
        process = p.spawn(
            "python",
            "-c",
            code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            process.stdout.readline()
            time.sleep(0.3)
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            for name in ("watch", "link"):
                gone = wait_for(lambda name=name: not os.path.lexists(p.path / name), SECONDS)
                self.assertTrue(gone, name)
        finally:
            process.communicate(b"\n", timeout=SECONDS)

    def test_a_name_of_another_case(self):
        """The user's own file beside one that git obeys stays, and can be written."""
        p = self.repository(("alias.go", "!sh scripts/run.sh"))
        p.write("scripts/Run.SH", "mine\n")
        p.write("Scripts/run.sh", "mine\n")
        if (p.path / "scripts" / "run.sh").read_text() == "mine\n":
            self.skipTest("the file system tells no case apart")
        p.wrap()
        names = ("scripts/run.sh", "scripts/Run.SH", "Scripts/run.sh")
        for _ in range(2):
            self.assertEqual(self.told(p, *names), ["EROFS", "ok", "ok"])
        self.assertTrue((p.path / "scripts" / "Run.SH").exists())
        self.assertTrue((p.path / "Scripts" / "run.sh").exists())

    def test_the_hooks_are_the_project(self):
        p = self.repository(("core.hooksPath", "."))
        p.wrap()
        self.assertEqual(self.told(p, "new.txt"), ["ok"])
        self.assertIn("obey 'pre-commit'", self.make(p, "pre-commit"))

    def test_the_hooks_hold_the_venv(self):
        p = self.project()
        git("init", "-q", cwd=p.path)
        git("config", "core.hooksPath", "env", cwd=p.path)
        p.write("env/pre-commit", "#!/bin/sh\n", 0o755)
        p.venv(name="env/.venv")
        p.wrap("--project", p.path)
        for _ in range(2):
            self.assertEqual(
                self.told(p, "env/pre-commit", "env/new", "x"), ["EROFS", "EROFS", "ok"]
            )

    def test_a_repository_around_the_project(self):
        p = self.project(name="outer/project")
        outer = p.path.parent
        git("init", "-q", cwd=outer)
        git("config", "core.hooksPath", "project/hooks", cwd=outer)
        p.write("hooks/pre-commit", "#!/bin/sh\n", 0o755)
        p.venv()
        p.wrap()
        self.assertEqual(self.told(p, "hooks/pre-commit", "new"), ["EROFS", "ok"])

    def test_a_submodule(self):
        p = self.repository()
        (p.path / ".git" / "modules").mkdir()
        git("init", "-q", "--separate-git-dir", ".git/modules/lib", "lib", cwd=p.path)
        git("config", *self.HOOKS, cwd=p.path / "lib")
        p.write("lib/.githooks/pre-commit", "#!/bin/sh\n", 0o755)
        p.wrap()
        self.assertEqual(self.told(p, "lib/.githooks/pre-commit", "lib/code.py"), ["EROFS", "ok"])

    def test_other_names_of_a_file(self):
        p = self.repository()
        p.write(".env.production", "SECRET=canary\n")
        p.write(".envrc", "\n")
        (p.path / "scripts" / "seen").hardlink_to(p.path / ".env.production")
        (p.path / "scripts" / "rc").hardlink_to(p.path / ".envrc")
        p.wrap()
        p.policy("filesystem: {hide: [.env.production]}\n")
        self.assertEqual(p.code("print(repr(open('scripts/seen').read()))").stdout, "''\n")
        self.assertEqual(self.told(p, "scripts/rc", "scripts/other.py"), ["EROFS", "ok"])
        self.assertIn("scripts/rc (the same file as .envrc)", self.leads(p))
        # A file of its own from now on: no start finds fault with it.
        (p.path / "scripts" / "rc").unlink()
        p.write("scripts/rc", "own\n")
        self.assertEqual(self.told(p, "scripts/rc"), ["ok"])
        self.assertEqual((p.path / ".envrc").read_text(), "\n")
