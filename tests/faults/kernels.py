"""Kernels that lack something: each system call that starts and the command rely on is taken away,
by a filter around them that answers ENOSYS (an older kernel) or EPERM (a container's filter).

The result is a refusal in one line, nothing run, nothing left; or a sandbox as tight as with the
call. Both for a venv that was wrapped where the call was there, and for one wrapped without.
"""

import unittest

import judge
import world

# By what they are for. Not all of them are used today: those must then change nothing.
CALLS = {
    "paths": ("openat2", "statx", "faccessat2"),
    "mounts": (
        "mount",
        "umount2",
        "pivot_root",
        "open_tree",
        "move_mount",
        "fsopen",
        "fsconfig",
        "fsmount",
        "mount_setattr",
        "fchdir",
    ),
    "processes": (
        "clone3",
        "pidfd_open",
        "pidfd_send_signal",
        "pidfd_getfd",
        "close_range",
        "execveat",
        "setns",
        "unshare",
        "wait4",
        "waitid",
    ),
    "restrictions": (
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
        "capset",
        "capget",
        "prctl",
        "prlimit64",
        "keyctl",
        "sethostname",
        "seccomp",
    ),
    "plumbing": (
        "memfd_create",
        "signalfd4",
        "socketpair",
        "sendmsg",
        "recvmsg",
        "madvise",
        "getrandom",
        "copy_file_range",
        "renameat2",
        "fsync",
    ),
}
ERRORS = ("ENOSYS", "EPERM")


def combinations(errors=ERRORS):
    for names in CALLS.values():
        for name in names:
            for error in errors:
                yield f"{name}={error}"


class Kernels(unittest.TestCase):
    maxDiff = None

    def judged(self, scene, good, missing):
        around = scene.surroundings()
        outcome = scene.start(missing=missing)
        found = judge.judge(outcome, good)
        found += ["left behind: " + name for name in judge.left_behind(scene, around, killed=False)]
        return outcome, [f"without {missing}: {line}" for line in found]

    def report(self, counts, found):
        print(f"{self.id()}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
        self.assertEqual(found, [])

    def test_taken_away_after_wrapping(self):
        found, counts = [], {"refused": 0, "as contained": 0}
        with world.World() as scene:
            good = judge.Good(scene, missing=())
            for call in combinations():
                outcome, more = self.judged(scene, good, [call])
                counts["as contained" if outcome.ran else "refused"] += 1
                found += more
        self.report(counts, found)
        self.assertGreater(counts["refused"], 20)

    def test_never_there(self):
        found, counts = [], {"not wrapped": 0, "refused": 0, "as contained": 0}
        with world.World() as scene:
            good = judge.Good(scene, missing=())
        for call in combinations(ERRORS if world.FULL else ERRORS[:1]):
            with world.World(missing=[call]) as scene:
                if scene.wrapped.returncode != 0:
                    counts["not wrapped"] += 1
                    found += refused_to_wrap(scene, call)
                    continue
                outcome, more = self.judged(scene, good, [call])
                counts["as contained" if outcome.ran else "refused"] += 1
                found += more
        self.report(counts, found)

    def test_landlock_is_missed_aloud(self):
        """Where the policy lets it go the start does without, and status says so; by default it is
        a refusal that names the cure."""
        missing = ["landlock_create_ruleset=ENOSYS"]
        with world.World("isolation: auto\n", missing) as scene:
            outcome = scene.start(missing=missing)
            self.assertEqual((outcome.status, outcome.errors), (0, []))
            self.assertIn("descriptor of a file, opened again: ok", outcome.seen)
            self.assertRegex(
                scene.tool("status", scene.venv, missing=missing).stdout,
                "Landlock: this kernel has none",
            )
        with world.World() as scene:
            self.assertIn(
                "descriptor of a file, opened again: Permission denied", judge.Good(scene).seen
            )
            outcome = scene.start(missing=missing)
            self.assertEqual((outcome.status, outcome.ran), (125, False))
            self.assertRegex(outcome.errors[0], "Landlock.*isolation: auto")


def refused_to_wrap(scene, call):
    """The command says why, and the entries are what they were."""
    found = []
    if not scene.wrapped.stderr.splitlines()[-1:] or not scene.wrapped.stderr.splitlines()[
        -1
    ].startswith("sandbox-venv: "):
        found.append(f"wrapping without {call} said: {scene.wrapped.stderr!r}")
    for name in ("witness", "pip"):
        entry = scene.venv / "bin" / name
        if not entry.exists():
            found.append(f"wrapping without {call}: '{name}' is gone")
    return found
