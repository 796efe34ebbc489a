"""A wrapped project beside a native one of the same content."""

from lib.case import Case
from lib.programs import SECONDS


class Compared(Case):
    """One wrapped project with its native twin for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.project = cls.project_of_class().venv()
        cls.project.wrap()
        cls.twin = cls.project.twin()

    def both(self, ask):
        """ask(project) for the wrapped and the native one; returns both answers."""
        return ask(self.project), ask(self.twin)

    def same(self, ask):
        wrapped, native = self.both(ask)
        self.assertEqual(wrapped, native)
        return wrapped

    def popen(self, project, *argv, **options):
        process = project.spawn(*argv, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
