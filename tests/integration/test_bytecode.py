"""Byte code that a program leaves for programs of the host."""

import importlib.util
import pathlib
import sys

from lib.environment import environment
from lib.plants import Planting
from lib.programs import run


class Bytecode(Planting):
    FORGE = """
import importlib._bootstrap_external as b, os, sys
source, target = sys.argv[1:]
st = os.stat(source)
code = compile("value = 666", source, "exec")
data = b._code_to_timestamp_pyc(code, int(st.st_mtime), st.st_size)
os.makedirs(os.path.dirname(target), exist_ok=True)
open(target, "wb").write(data)
"""

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
        self.assert_clean(self.p.code(self.FORGE, self.source, self.cache))
        self.assertEqual(self.host_value(), "1")

    def test_it_would_run_otherwise(self):
        run(sys.executable, "-B", "-c", self.FORGE, self.source, self.cache, check=True)
        self.assertEqual(self.host_value(), "666")

    def test_byte_code_of_the_host_stays_and_cannot_be_changed_unseen(self):
        self.assertEqual(self.host_value(), "1")
        before = self.cache.read_bytes()
        self.assert_clean(self.p.code("import sys; sys.path.insert(0, '.'); import pkg.mod"))
        self.assertEqual(self.cache.read_bytes(), before)
        self.assert_clean(self.p.code(self.FORGE, self.source, self.cache))
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
