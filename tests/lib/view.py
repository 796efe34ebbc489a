"""Operations on files, tried in both views."""

import json
import textwrap

from lib.case import Case

# Tries one operation on every path of a list; "ok", or the name of the error.
TRY = textwrap.dedent("""
    import errno, json, os, sys
    def attempt(what, path):
        try:
            if what == 'read':
                with open(path, 'rb') as f: f.read(1)
            elif what == 'write':
                with open(path, 'ab'): pass
            elif what == 'list': os.listdir(path)
            elif what == 'make':
                name = os.path.join(path, 'made-by-test'); os.mkdir(name); os.rmdir(name)
            elif what == 'stat': os.lstat(path)
            return 'ok'
        except OSError as e:
            return errno.errorcode[e.errno]
    print(json.dumps([attempt(*pair) for pair in json.loads(sys.argv[1])]))
    """)
READ_ONLY = ("EROFS", "EACCES", "EPERM")
NO_WAY = ("ENOENT", *READ_ONLY)


class View(Case):
    def attempts(self, project, *pairs, **options):
        pairs = [(what, str(path)) for what, path in pairs]
        return project.value(TRY, json.dumps(pairs), **options)

    def attempt(self, project, what, path, **options):
        return self.attempts(project, (what, path), **options)[0]

    def assert_read_only(self, project, *paths):
        results = self.attempts(project, *(("write", path) for path in paths))
        for path, result in zip(paths, results, strict=True):
            self.assertIn(result, READ_ONLY, path)
