"""Commands that are taken for installers, and commands that only look like one."""

import json

from lib import packages
from lib.installs import InstallCase
from lib.skips import skip

# Stands in for pip: says what an installer would find.
PROBE = """
import json, os, sys

def identity(path):
    try:
        return os.stat(path).st_ino
    except OSError:
        return None

def main():
    home = os.path.expanduser("~")
    site = os.path.dirname(os.path.dirname(os.path.realpath(json.__file__)))
    lib = os.path.join(sys.prefix, "lib")
    try:
        probe = os.path.join(lib, "probe-%d" % os.getpid())
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL))
        os.unlink(probe)
        writable = True
    except OSError:
        writable = False
    try:
        names = sorted(os.listdir(os.path.dirname(sys.prefix)))
    except OSError:
        names = []
    print(json.dumps({"writable": writable, "home": identity(home),
                      "cache": identity(home + "/.cache"), "tmp": identity("/tmp"),
                      "project": names, "cfg": os.access(sys.prefix + "/pyvenv.cfg", os.W_OK)}))

if __name__ == "__main__":
    main()
"""


# Spellings of an install, and of questions that are none. {pip}: the directory of the pip package,
# {wheel}: a pip wheel.
INSTALLS = [
    "pip install x",
    "pip3 install x",
    "pip3.11 install x",
    "python -m pip install x",
    "python3 -m pip install x",
    "python -Im pip install x",
    "python -Esm pip install x",
    "python -mpip install x",
    "python -u -m pip install x",
    "python -X dev -m pip install x",
    "python -W ignore -B -mpip install x",
    "python {pip} install x",
    "python {pip}/ install x",
    "python {pip}/__main__.py install x",
    "python -I {wheel}/pip install x",
    "python {wheel}/pip uninstall -y x",
    "pip uninstall -y x",
    "pip -q install x",
    "pip --no-input --proxy http://127.0.0.1:1 install x",
    "pip -qq --timeout 3 install -U x",
    "python -Im pip -v --retries 1 install x",
    "pip cache purge",
    "pip install --help",
]


QUESTIONS = [
    "pip list",
    "pip show x",
    "pip freeze",
    "pip check",
    "pip --version",
    "pip -V",
    "pip --help",
    "pip",
    "pip index versions x",
    "python -m pip list",
    "python -Im pip list --format=json",
    "python -mpip show install",
    "python -u -m pip freeze",
    "python {pip} check",
    "python {wheel}/pip list",
    "python -c pass -m pip install x",
    "python -m json.tool -h",
    "pip --proxy install list",
    "python -m this pip install",
]


class Spellings(InstallCase):
    """Every way of calling pip is pip, and nothing else is."""

    @classmethod
    def setUpClass(cls):
        cls.shared = cls.project_of_class().venv()
        site = cls.shared.site_packages
        cls.pip_dir = site / "pip"
        cls.pip_dir.mkdir()
        (cls.pip_dir / "__init__.py").write_text("")
        (cls.pip_dir / "__main__.py").write_text(PROBE)
        for name in ("pip", "pip3", "pip3.11"):
            cls.shared.script(name, "from pip.__main__ import main\nmain()\n")
        cls.wheel = packages.wheel(
            cls.shared.path, "pip", "99", files={"pip/__init__.py": "", "pip/__main__.py": PROBE}
        )
        cls.shared.write("secret.txt", "x")
        cls.shared.wrap()

    def ask(self, line):
        words = line.format(pip=self.pip_dir, wheel=self.wheel).split()
        done = self.shared.run(*words)
        self.assert_quiet(done)
        return done

    def probe(self, line):
        done = self.ask(line)
        self.assert_clean(done)
        return json.loads(done.stdout)

    def test_installs(self):
        installer = self.shared.env_dir / "sandbox" / "installer"
        for line in INSTALLS:
            with self.subTest(line):
                answer = self.probe(line)
                self.assertTrue(answer["writable"])
                self.assertFalse(answer["cfg"], "pyvenv.cfg can be changed")
                self.assertEqual(answer["home"], (installer / "home").stat().st_ino)
                self.assertEqual(answer["cache"], (installer / "cache").stat().st_ino)
                self.assertNotIn("secret.txt", answer["project"])

    def test_questions(self):
        for line in QUESTIONS:
            with self.subTest(line):
                done = self.ask(line)
                if "writable" not in done.stdout:
                    continue
                answer = json.loads(done.stdout)
                self.assertFalse(answer["writable"])
                self.assertEqual(answer["home"], (self.shared.env_dir / "home").stat().st_ino)

    def test_questions_reach_the_program(self):
        """The control of the test above: the probe did answer."""
        for line in ("pip list", "pip --version", "python -m pip list", "python {wheel}/pip list"):
            with self.subTest(line):
                self.assertFalse(self.probe(line)["writable"])

    def test_homes_differ_and_temporary_directories_too(self):
        program, installer = self.probe("pip list"), self.probe("pip install x")
        for place in ("home", "cache", "tmp"):
            self.assertNotEqual(program[place], installer[place], place)

    def test_project_is_seen_when_named(self):
        for line in (
            "pip install .",
            "pip install ./",
            "pip install -e .",
            f"pip install {self.shared.path}",
            f"python -m pip install --editable={self.shared.path}",
        ):
            with self.subTest(line):
                self.assertIn("secret.txt", self.probe(line)["project"])

    def test_ensurepip(self):
        project = self.project().venv(pip=False)
        if not packages.bundled("pip"):
            skip("this Python has no bundled pip")
        project.wrap()
        done = project.python("-m", "ensurepip")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_quiet(done)
        self.assertIn("pip3", self.stubs(project))
        self.assert_in_step(project)
        self.assertIn("pip ", project.run("pip3", "--version").stdout)
