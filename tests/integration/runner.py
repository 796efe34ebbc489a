#!/usr/bin/env python3
"""Runs one file of integration tests; exit status 77 when nothing is installed to be tested.

By hand: SVENV_PREFIX=/usr/local tests/integration/runner.py tests/integration/test_view.py [NAME]
"""

import os
import pathlib
import sys
import unittest


def main():
    path = pathlib.Path(sys.argv[1])
    sys.path.insert(0, str(path.parent))
    prefix = pathlib.Path(os.environ.get("SVENV_PREFIX", "/usr/local"))
    if not os.access(prefix / "bin" / "sandbox-venv", os.X_OK):
        print(f"nothing is installed in {prefix}: run 'meson install' first")
        sys.exit(1 if os.environ.get("SVENV_MUST_WORK") == "1" else 77)
    unittest.main(module=path.stem, argv=[path.name, "-v", *sys.argv[2:]])


if __name__ == "__main__":
    main()
