"""Every system call of a start made to fail, one at a time."""

import errno

import world

ERRORS = (errno.EPERM, errno.ENOMEM, errno.ENOSYS)


class Roles:
    """Who a process is, told by what it did in a good start."""

    def __init__(self, log):
        self.program = next(words[1] for words in log if words[0] == "witness")
        self.generations = {}
        for word, process, generation, *_ in (w for w in log if w[0] == "call"):
            self.generations[process] = max(int(generation), self.generations.get(process, 0))

    def of(self, process, generation):
        if process == "0":
            return "launcher" if generation else "stub"
        if process == self.program:
            return "program"
        return "helper" if self.generations[process] > 1 else "set-up"


def places(log, errors=ERRORS):
    """The faults to try: of each call of each process the first, a middle and the last."""
    for word, process, generation, number, count in (w for w in log if w[0] == "call"):
        for nth in sorted({1, (int(count) + 1) // 2, int(count)}):
            for error in errors:
                yield world.Fault(process, int(generation), int(number), nth, error)
