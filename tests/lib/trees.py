"""Trees of files: everything that can be seen of one, and the removal of one."""

import errno
import hashlib
import os
import pathlib
import stat

from lib.programs import run_clean

BLOCK = 1 << 20


def _data_blocks(file, size):
    """Numbers of the blocks with anything but holes in them."""
    at = 0
    while at < size:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # holes to the end
                return
            raise
        yield at // BLOCK
        at = (at // BLOCK + 1) * BLOCK


def digest(path):
    """Of a file's size and of all that is not zero in it: a file of holes alone may be vast."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        found.update(b"%d\n" % size)
        for number in _data_blocks(file, size):
            data = os.pread(file.fileno(), BLOCK, number * BLOCK)
            if any(data):
                found.update(b"%d %d\n" % (number, len(data)) + data)
    return found.hexdigest()


def snapshot(top):
    """All that unwrapping must give back: types, modes, owners, times, links, contents."""
    found = {}
    top = pathlib.Path(top)
    for path in [top, *sorted(top.rglob("*"))]:
        st = path.lstat()
        row = [
            stat.S_IFMT(st.st_mode),
            stat.S_IMODE(st.st_mode),
            st.st_uid,
            st.st_gid,
            st.st_mtime_ns,
            st.st_nlink if stat.S_ISREG(st.st_mode) else 0,
        ]
        if stat.S_ISLNK(st.st_mode):
            row.append(os.readlink(path))
        elif stat.S_ISREG(st.st_mode):
            row.append(digest(path))
        found[os.fsencode(path.relative_to(top))] = row
    return found


def remove_tree(path):
    """Deletes a tree of any depth, also where a test took the owner's permissions away."""
    if not os.path.lexists(path):
        return
    for argv in (["chmod", "-R", "u+rwX", "--", path], ["rm", "-rf", "--", path]):
        run_clean(argv)
