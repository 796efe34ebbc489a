"""Every system call of a start made to fail, one at a time, process by process.

By default of each call of each process the first, a middle and the last one; with
SVENV_FAULTS_FULL=1 every one, with more errors. The calls are those recorded of a good start.
SVENV_FAULTS_PROCESS=0.3,0.5 takes only the calls of these processes, as the injector names them,
and SVENV_FAULTS_ERRORS=ENOMEM,kill only these errors, each at every call.
"""

import contextlib
import errno
import os
import unittest

import judge
import world

# Not ENOENT: that is an answer about the world (no such file, so nothing to hide), not a failure.
ERRORS = (errno.EPERM, errno.ENOMEM)
ERRORS_FULL = (
    errno.EPERM,
    errno.ENOMEM,
    errno.ENOSYS,
    errno.EIO,
    errno.EAGAIN,
    errno.EINTR,
    errno.EMFILE,
    "kill",
)

# Calls that are made more often than this are sampled, but for those that ask what there is.
EVERY_MAX = 200
LOOKS = (
    "openat",
    "openat2",
    "newfstatat",
    "fstat",
    "access",
    "faccessat",
    "readlink",
    "readlinkat",
    "getdents64",
)

DIFFERENCES_MAX = 8

PROCESSES = set(filter(None, os.environ.get("SVENV_FAULTS_PROCESS", "").split(",")))
CHOSEN = [
    word if word == "kill" else getattr(errno, word)
    for word in os.environ.get("SVENV_FAULTS_ERRORS", "").split(",")
    if word
]

# They cannot fail (the kernel has no error for them), or do not return.
NEVER = (
    "exit_group",
    "exit",
    "sched_yield",
    "umask",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
)
# Calls of the C library before main(): a program that cannot even begin dies of it.
RUNTIME = ("arch_prctl", "set_tid_address", "brk", "mmap")


class Calls:
    """The calls of a good start, and who made them."""

    def __init__(self, log):
        self.names = world.call_names()
        self.rows = [
            (words[1], int(words[2]), int(words[3]), int(words[4]))
            for words in log
            if words[0] == "call"
        ]
        self.program = next(words[1] for words in log if words[0] == "witness")
        self.opener = self.program.rpartition(".")[0]

    def name(self, fault):
        return self.names.get(fault.number, str(fault.number))

    def is_exec_of_program(self, fault):
        return fault.process == self.program and self.name(fault) == "execve"

    def is_helper(self, fault):
        """The installed program, which has its own words for what fails."""
        return fault.process != "0" and not fault.process.startswith(self.opener)

    def faults(self, beside):
        """beside: only what surrounds the making of the sandbox."""
        for process, generation, number, count in self.rows:
            if self.names.get(number) in NEVER or (beside and process.startswith(self.opener)):
                continue
            if PROCESSES and process not in PROCESSES:
                continue
            yield from self.faults_of(process, generation, number, count)

    def faults_of(self, process, generation, number, count, before=0):
        """before: so many calls are not meant."""
        # Thousands of calls of the installed program read and write files, all in the same way.
        every = world.FULL and (count <= EVERY_MAX or self.names.get(number) in LOOKS)
        first, middle = before + 1, (before + count + 1) // 2
        for nth in range(first, count + 1) if every else sorted({first, middle, count}):
            for error in CHOSEN or (ERRORS_FULL if world.FULL else sample(number, nth, first)):
                yield world.Fault(process, generation, number, nth, error)


def sample(number, nth, first):
    """One error for each place, and a kill at the first."""
    yield ERRORS[(number + nth) % len(ERRORS)]
    if nth == first:
        yield "kill"


def make_stale(scene):
    """The next start has the installed program make the plan anew."""
    os.utime(scene.venv / "sandbox" / "policy.yaml")


def as_ever(_):
    """Nothing has changed since the last start."""


class Starts(unittest.TestCase):
    """Each test is one kind of start."""

    maxDiff = None

    def all_faults(self, policy="", before=as_ever, beside=False, **start):
        self.installs = "words" in start
        with contextlib.ExitStack() as stack:
            scene = stack.enter_context(world.World(policy))
            before(scene)
            self.good = judge.Good(scene, before=before, fault="count", **start)
            self.calls = Calls(self.good.log)
            self.around, self.state = scene.surroundings(), scene.state()
            found, counts = [], {"refused": 0, "as contained": 0, "not reached": 0}
            for fault in self.calls.faults(beside):
                before(scene)
                outcome = scene.start(fault=fault, **start)
                counts[self.kind(outcome)] += 1
                wrong = self.complaints(scene, fault, outcome)
                wrong += self.finished_late(scene, fault)
                wrong += self.changes(scene, fault, outcome, before, start)
                if wrong:
                    # One mistake is to be told once, and at once, as a full run takes long: the
                    # next fault meets a world as it should be.
                    found += wrong
                    print(*wrong, sep="\n", flush=True)
                    stack.close()
                    scene = stack.enter_context(world.World(policy))
                    scene.start(**start)
                    self.around = scene.surroundings()
            found += self.never_forgotten(scene)
        print(f"{self.id()}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
        self.assertEqual(found, [])
        # Another call than the one that was meant to fail would make these tests worthless.
        self.assertGreater(counts["refused"], 50)

    @staticmethod
    def never_forgotten(scene):
        """Files that killed writers left go when they are old and the plan is made anew."""

        def left():
            return [
                path
                for path in (scene.venv / "sandbox").iterdir()
                if path.name.startswith(".sandbox-venv-tmp-")
            ]

        for path in left():
            os.utime(path, (0, 0))
        make_stale(scene)
        scene.start()
        return [f"never removed: {path}" for path in left()]

    @staticmethod
    def kind(outcome):
        if not outcome.injected:
            return "not reached"
        return "as contained" if outcome.ran else "refused"

    def finished_late(self, scene, fault):
        """The list of an installer that could not be looked at keeps until any start does that."""
        if scene.unfinished():
            scene.start()
        return [self.where(fault) + f"never looked at: {path}" for path in scene.unfinished()]

    def changes(self, scene, fault, outcome, before, start):
        """Looks at the venv after a failure in the installed program. A start that ended well has
        changed nothing, and after any other the next one puts things right."""
        if not self.calls.is_helper(fault) or scene.state() == self.state:
            return []
        if outcome.status != 0:
            before(scene)
            scene.start(**start)
        return [
            self.where(fault) + "of the venv: " + line
            for line in sorted(scene.state() ^ self.state)
        ][:DIFFERENCES_MAX]

    def where(self, fault):
        error = fault.error if fault.error == "kill" else errno.errorcode[fault.error]
        return (
            f"{self.calls.name(fault)} #{fault.nth} of {fault.process} ({fault.generation}), "
            f"{error}: "
        )

    def complaints(self, scene, fault, outcome):
        name = self.calls.name(fault)
        found = judge.judge(
            outcome,
            self.good,
            may_die=fault.error == "kill" or name in RUNTIME,
            may_cannot_exec=self.calls.is_exec_of_program(fault),
            may_fail_after=self.installs,
            by_helper=self.calls.is_helper(fault),
        )
        left = judge.left_behind(scene, self.around, killed=fault.error == "kill")
        self.around |= set(scene.left_behind(self.around))
        return [
            self.where(fault) + line for line in found + ["left behind: " + name for name in left]
        ]

    def test_usual(self):
        self.all_faults()

    def test_own_network_and_limits(self):
        self.all_faults(
            "network: {mode: none}\nlifetime: program\nlimits: {processes: 64, wall-time: 3600}\n"
        )

    def test_opener_killed_at_its_end(self):
        """It has made all processes by then, and the program runs."""
        with world.World() as scene:
            good = judge.Good(scene, fault="count")
            calls = Calls(good.log)
            at = [
                row
                for row in calls.rows
                if row[0] == calls.opener and calls.names.get(row[2]) == "exit_group"
            ]
            self.assertEqual(len(at), 1, calls.rows)
            process, generation, number, _ = at[0]
            for _ in range(20):
                outcome = scene.start(fault=world.Fault(process, generation, number, 1, "kill"))
                self.assertEqual([outcome.injected, outcome.status], [True, 0], outcome)
                self.assertEqual(judge.judge(outcome, good), [])

    def test_stale_plan(self):
        self.all_faults(before=make_stale, beside=True)

    def test_installer(self):
        """The installed program looks at the venv before and after."""
        self.all_faults(entry="pip", words=("install",), beside=True)
