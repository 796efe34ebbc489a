"""Byte code that a program leaves for programs of the host."""

import importlib.util
import pathlib
import sys

from lib.environment import environment
from lib.plants import FORGE, Planting
from lib.programs import run


class Bytecode(Planting):
    def setUp(self):
        self.p = self.wrapped()
        self.p.write("pkg/__init__.py", "")
        self.source = self.p.write("pkg/mod.py", "value = 1\n")
        self.cache = pathlib.Path(importlib.util.cache_from_source(str(self.source)))

    def host_value(self):
        return run(
            sys.executable,
            "-c",
            "import pkg.mod; print(pkg.mod.value)",
            cwd=str(self.p.path),
            check=True,
            env=environment(PYTHONDONTWRITEBYTECODE=None),
        ).stdout.strip()

    def test_forged_byte_code_is_removed(self):
        self.assert_clean(self.p.code(FORGE, self.source, self.cache))
        self.assertEqual(self.host_value(), "1")

    def test_it_would_run_otherwise(self):
        run(sys.executable, "-B", "-c", FORGE, self.source, self.cache, check=True)
        self.assertEqual(self.host_value(), "666")

    def test_byte_code_of_the_host_stays_and_cannot_be_changed_unseen(self):
        self.assertEqual(self.host_value(), "1")
        before = self.cache.read_bytes()
        self.assert_clean(self.p.code("import sys; sys.path.insert(0, '.'); import pkg.mod"))
        self.assertEqual(self.cache.read_bytes(), before)
        self.assert_clean(self.p.code(FORGE, self.source, self.cache))
        self.assertFalse(self.cache.exists())
        self.assertEqual(self.host_value(), "1")

    def test_no_directories_are_left(self):
        self.assert_clean(self.p.code("import sys; sys.path.insert(0, '.'); import pkg.mod"))
        self.assertFalse(self.cache.parent.exists())

    def test_it_can_be_kept(self):
        self.p.policy("filesystem: {protect: ['!__pycache__']}\n")
        self.assert_clean(
            self.p.code(
                "import sys; sys.path.insert(0, '.'); import pkg.mod",
                env=environment(PYTHONDONTWRITEBYTECODE=None),
            )
        )
        self.assertTrue(self.cache.parent.exists())
