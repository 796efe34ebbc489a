"""Whether a start with a fault came out right: refused in one line with nothing left, or run in a
sandbox as tight as a good start's."""

import time

STATUS_OURS = 125
STATUS_CANNOT_EXEC = 126
STATUS_BROKEN = 99  # of the helpers
SECONDS_TO_END = 60
TEMPORARY = "/.sandbox-venv-tmp-"


class Good:
    """A start without a fault, three times: the three must agree."""

    def __init__(self, scene, before=lambda scene: None, **options):
        outcomes = []
        for _ in range(3):
            before(scene)
            outcomes.append(scene.start(**options))
        for outcome in outcomes:
            if outcome.status != 0 or outcome.errors or outcome.seen[-1:] != ["end"]:
                raise AssertionError(f"a good start failed: {outcome}")
        first, *others = outcomes
        for other in others:
            if sorted(other.seen) != sorted(first.seen) or other.first != first.first:
                raise AssertionError(
                    f"good starts differ: {sorted(set(other.seen) ^ set(first.seen))}"
                )
        self.seen, self.first, self.log = first.seen, first.first, first.log


# Fewer of these is no weakness: `.env` or the environment of the caller's parent could not be read,
# or what a descriptor is, and then it does not get in.
MAY_BE_FEWER = ("variable ", "descriptor ")


def against(outcome, good, killed):
    """Lists differences inside, weaker or not. A pid 1 whose launcher was killed is being taken
    apart by the kernel: it ignores the ends of its children (SIGCHLD) by then, or is gone."""
    seen, wanted = set(outcome.seen), set(good.seen)
    found = ["inside, more: " + line for line in sorted(seen - wanted)]
    found += [
        "inside, not: " + line
        for line in sorted(wanted - seen)
        if not line.startswith(MAY_BE_FEWER)
    ]
    if outcome.first != good.first and not killed:
        found.append(f"pid 1: {outcome.first}")
    return found


def one_line(outcome, by_helper=False):
    """The dynamic linker of the installed program may have said something before."""
    lines = outcome.errors[-1:] if by_helper else outcome.errors
    if len(lines) == 1 and lines[0].startswith("sandbox-venv: "):
        return []
    return [f"standard error, not one line of ours: {outcome.errors}"]


def refused(outcome, may_die, may_cannot_exec, by_helper):
    """The program never ran."""
    if may_die and outcome.status > 128:
        return []
    if outcome.status == STATUS_OURS or (may_cannot_exec and outcome.status == STATUS_CANNOT_EXEC):
        return one_line(outcome, by_helper)
    return [f"status {outcome.status}, and nothing ran"]


def ran(outcome, good, may_die, may_fail_after, by_helper):
    """It ran to its end before or in spite of the fault."""
    killed = may_die and outcome.status > 128  # as the program began: it dies beside it
    found = against(outcome, good, killed)
    if may_fail_after and outcome.late and outcome.status == STATUS_OURS:
        return found + one_line(outcome, by_helper)
    if outcome.status != 0 and not outcome.late and not killed:
        found.append(f"status {outcome.status} of a program that ran, {outcome.errors}")
    if outcome.status == STATUS_OURS:
        found.append(f"status {STATUS_OURS}, and the program had run: {outcome.errors}")
    return found


def judge(
    outcome, good, may_die=False, may_cannot_exec=False, may_fail_after=False, by_helper=False
):
    """may_fail_after: the launcher has work to do after the program, and says when that failed.
    Return: complaints, none when all is well."""
    found = [" ".join(words) for words in outcome.log if words[0] == "hung"]
    if outcome.status == STATUS_BROKEN:
        found.append(f"the injector failed: {outcome.errors}")
    if not outcome.ran:
        return found + refused(outcome, may_die, may_cannot_exec, by_helper)
    if outcome.seen[-1] != "end":
        # Ended in the middle: only somebody who was killed may do that.
        return found + (
            []
            if may_die
            else [f"the program was ended in the middle: {outcome.status} {outcome.errors}"]
        )
    return found + ran(outcome, good, may_die, may_fail_after, by_helper)


def left_behind(scene, before, killed):
    """Lists what is new. The kernel takes a killed process apart a moment later; a process
    that is killed while it writes a file of the venv leaves the file, under no name of ours."""
    end = time.monotonic() + SECONDS_TO_END
    while True:
        left = [name for name in scene.left_behind(before) if not (killed and TEMPORARY in name)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)
