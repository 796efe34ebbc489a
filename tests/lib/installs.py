"""Checks after the wrapped pip's installs, and that both sides of bin agree."""

import stat
import sys

from lib import packages
from lib.case import Case

VERSION = "{}.{}".format(*sys.version_info)


def is_entry(path):
    """Can the host run it?"""
    return path.is_file() and bool(path.stat().st_mode & 0o111)


class InstallCase(Case):
    def house(self, project):
        """A directory of wheels outside the project, with the build backend in it."""
        directory = project.top / "wheels"
        directory.mkdir(exist_ok=True)
        packages.backend(directory)
        return directory

    def pip(self, project, *words, check=True, quiet=True, **options):
        house = project.top / "wheels"
        words = list(words)
        if words[0] == "install":
            words[1:1] = ["--no-index", "--find-links", str(house)]
        done = project.run("python", "-m", "pip", "--disable-pip-version-check", *words, **options)
        if check and done.returncode != 0:
            self.fail(f"pip {words} gave {done.returncode}\n{done.stdout}\n{done.stderr}")
        if check and quiet:
            self.assert_quiet(done)
        return done

    def stubs(self, project):
        kept = (project.env_dir / "sandbox" / "stub").read_bytes()
        return {
            path.name
            for path in (project.env_dir / "bin").iterdir()
            if path.is_file() and not path.is_symlink() and path.read_bytes() == kept
        }

    def assert_in_step(self, project, unpublished=()):
        """Every entry inside has its stub, and nothing on the host runs unwrapped."""
        bin_dir = project.env_dir / "bin"
        real = project.env_dir / "sandbox" / "bin"
        stubs = self.stubs(project)
        raw = {path.name for path in bin_dir.iterdir() if is_entry(path)} - stubs
        links = {path.name for path in real.iterdir() if path.is_symlink()}
        files = {path.name for path in real.iterdir() if path.is_file()}
        inside = links | {name for name in files if is_entry(real / name)}
        self.assertEqual(raw, set())
        self.assertEqual(inside - set(unpublished) - stubs, set())
        # pip writes a script and then makes it executable: stopped between the two, it leaves one
        # that its stub fails to run as the shell would.
        self.assertEqual(stubs - {"shell"} - (links | files), set())
        self.assertEqual(stubs & set(unpublished), set())
        for name in stubs:
            st = (bin_dir / name).lstat()
            self.assertEqual((st.st_nlink, stat.S_IMODE(st.st_mode)), (1, 0o755), name)
        self.assert_wrapped(project.env_dir)
