"""Test cases with projects of their own, and the assertions that every suite needs."""

import json
import unittest

from lib.programs import tool
from lib.project import Project
from lib.trees import snapshot


class Case(unittest.TestCase):
    """A test case with the assertions that every suite needs."""

    maxDiff = None

    def project(self, **options):
        project = Project(**options)
        self.addCleanup(project.close)
        return project

    @classmethod
    def project_of_class(cls, **options):
        """One for all tests of a class."""
        project = Project(**options)
        cls.addClassCleanup(project.close)
        return project

    def plain(self, **options):
        """A project with an unwrapped venv and a script."""
        project = self.project(**options).venv()
        project.script("tool", "import sys\nprint('tool', *sys.argv[1:])\n")
        return project

    def wrapped(self, *wrap_args, policy=None, interpreter=None, pip=False, **options):
        """A project with a wrapped venv of the system's python."""
        project = self.project(**options)
        project.venv(interpreter, pip=pip)
        project.wrap(*wrap_args)
        if policy is not None:
            project.policy(policy)
        return project

    def assert_quiet(self, done):
        """The program's stderr carries nothing of ours."""
        self.assertNotIn("sandbox-venv", done.stderr)

    def assert_clean(self, done):
        """Status 0 and an empty stderr."""
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def assert_wrapped(self, env_dir):
        """The tool itself finds nothing wrong."""
        done = tool("status", env_dir, "--check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_refused(self, done, status=125, saying=None):
        """Nothing ran: our status, and one line of ours on stderr."""
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("sandbox-venv: "), done.stderr)
        if saying is not None:
            self.assertIn(saying, lines[0])

    def assert_unharmed(self, project, before, done, saying=None, status=125):
        """Refused in one line, and the venv is as it was."""
        self.assert_refused(done, status=status, saying=saying)
        self.assertLess(len(done.stderr), 800)
        self.assertEqual(snapshot(project.env_dir), before)

    def assert_same(self, wrapped, native, project, twin):
        """Two runs that differ in nothing but the project's path (and its name in other paths)."""

        def plain(value):
            if isinstance(value, str):
                value = value.replace(str(twin.path), str(project.path))
                return value.replace(twin.path.name, project.path.name)
            if isinstance(value, list):
                return [plain(item) for item in value]
            if isinstance(value, dict):
                return {plain(name): plain(item) for name, item in value.items()}
            return value

        def told(done):
            try:
                text = json.loads(done.stdout)
            except (ValueError, TypeError):
                text = done.stdout
            return plain([done.returncode, text, done.stderr])

        ours, theirs = told(wrapped), told(native)
        if isinstance(ours[1], dict) and isinstance(theirs[1], dict):
            names = [name for name in theirs[1] if ours[1].get(name) != theirs[1][name]]
            ours[1] = {name: ours[1].get(name) for name in names}
            theirs[1] = {name: theirs[1][name] for name in names}
        self.assertEqual(ours, theirs)
