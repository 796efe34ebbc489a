"""`sandbox-venv quarantine`: what was taken out of the project, and the way back."""

import json
import os
import subprocess

from lib.plants import MAKE, Planting
from lib.programs import tool


class Quarantine(Planting):
    def taken(self, *names):
        p = self.wrapped()
        self.make(p, *names)
        return p

    def listed(self, p):
        return json.loads(tool("quarantine", "list", p.env_dir, "--json", check=True).stdout)

    def restore(self, p, *words):
        return tool("quarantine", "restore", p.env_dir, *words)

    def test_a_list(self):
        p = self.taken(".envrc", "sub/.vscode/tasks.json")
        (one,) = self.listed(p)
        self.assertEqual(one["names"], [".envrc", "sub/.vscode/tasks.json"])
        self.assertEqual(one["from"], "project")
        self.assertRegex(one["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        text = tool("quarantine", "list", p.env_dir, check=True).stdout
        self.assertIn(one["id"], text)
        self.assertIn("\n  sub/.vscode/tasks.json\n", text)

    def test_an_empty_one(self):
        p = self.wrapped()
        self.assertEqual(self.listed(p), [])
        self.assertEqual(tool("quarantine", "list", p.env_dir, check=True).stdout, "")
        self.assertEqual(self.restore(p, ".envrc").returncode, 125)

    def test_what_comes_back_is_the_users(self):
        p = self.taken(".envrc", "sub/.vscode/tasks.json", "sub/.vscode/more/x.json")
        done = self.restore(p, "sub/.vscode")
        self.assertEqual((done.returncode, done.stdout), (0, "Moved back: 2 files\n"), done.stderr)
        self.assertEqual((p.path / "sub/.vscode/tasks.json").read_text(), "evil")
        self.assertFalse((p.path / ".envrc").exists())
        names = ["sub/.vscode/tasks.json", "sub/.vscode/more/x.json"]
        self.assertEqual(self.write(p, *names), dict.fromkeys(names, "EROFS"))
        self.assertEqual(self.quarantined(p), [".envrc"])

    def test_the_line_names_the_command_that_works(self):
        p = self.wrapped()
        said = self.make(p, ".envrc").split("'")
        words = next(part for part in said if part.startswith("sandbox-venv quarantine")).split()
        self.assertEqual(tool(*words[1:]).returncode, 0)
        self.assertTrue((p.path / ".envrc").exists())
        self.assertEqual(self.listed(p), [])
        self.assertFalse(any((p.env_dir / "sandbox/quarantine").iterdir()))

    def test_the_log_names_it(self):
        p = self.taken(".envrc")
        self.assertIn("quarantine restore", tool("log", p.env_dir, check=True).stdout)

    def test_nothing_is_replaced_and_no_link_followed(self):
        p = self.taken(".envrc", "sub/.vscode/tasks.json")
        p.write(".envrc", "mine")
        done = self.restore(p, ".envrc")
        self.assertEqual(done.returncode, 125)
        self.assertIn("is there already", done.stderr)
        self.assertEqual((p.path / ".envrc").read_text(), "mine")
        os.rmdir(p.path / "sub")
        elsewhere = p.top / "elsewhere"
        elsewhere.mkdir()
        (p.path / "sub").symlink_to(elsewhere)
        self.assertEqual(self.restore(p, "sub/.vscode/tasks.json").returncode, 125)
        self.assertEqual(list(elsewhere.iterdir()), [])
        self.assertEqual(self.quarantined(p), [".envrc", "sub/.vscode/tasks.json"])

    def test_not_while_a_program_runs(self):
        p = self.taken(".envrc")
        code = "print('ready', flush=True); input()"
        process = p.spawn(
            "python", "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        done = self.restore(p, ".envrc")
        process.communicate("\n")
        self.assertEqual(done.returncode, 125)
        self.assertIn("running", done.stderr)
        self.assertEqual(self.restore(p, ".envrc").returncode, 0)

    def test_of_several_starts_the_newest(self):
        p = self.taken(".envrc")
        code = "open('.envrc', 'w').write('newer')"
        self.assertEqual(p.code(code).returncode, 0)
        old = self.listed(p)[-1]["id"]
        self.assertEqual(len(self.listed(p)), 2)
        self.assertEqual(self.restore(p, ".envrc").returncode, 0)
        self.assertEqual((p.path / ".envrc").read_text(), "newer")
        (p.path / ".envrc").unlink()
        self.assertEqual(self.restore(p, old + "/.envrc").returncode, 0)
        self.assertEqual((p.path / ".envrc").read_text(), "evil")

    def test_mistakes(self):
        p = self.taken(".envrc")
        self.assertEqual(tool("quarantine").returncode, 2)
        self.assertEqual(self.restore(p).returncode, 2)
        for name in ("../.envrc", "/etc/passwd", "other", ".env", ""):
            done = self.restore(p, name)
            self.assertEqual(done.returncode, 125, name)
        self.assertEqual(self.quarantined(p), [".envrc"])

    def test_outside_nothing_is_taken(self):
        """The control."""
        p = self.project()
        self.native(p, MAKE, ".envrc")
        self.assertTrue((p.path / ".envrc").exists())
