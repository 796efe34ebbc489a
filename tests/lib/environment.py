"""The environments that tests start programs with."""

import os

# Beginnings of names that steer a start, that steer installers, or that show more of the host,
# or of who runs the tests, than a plain start does.
STEERING = ("BWRAP_ARGS", "SANDBOX_", "VERBOSE")
INSTALLERS = ("PIP_", "UV_")
OTHERS = ("PYTHON", "VIRTUAL_ENV", "XDG_")


def without(beginnings, **changes):
    """The caller's environment but for some names; None takes one more out."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(beginnings)}
    for name, value in changes.items():
        env.pop(name, None)
        if value is not None:
            env[name] = str(value)
    return env


def environment(**changes):
    """The caller's own environment, in which nothing steers a start."""
    return without(STEERING, **changes)


def clean_environment(**changes):
    """The same wherever and by whomever the tests are run."""
    return without(
        STEERING + INSTALLERS + OTHERS, **{"PATH": "/usr/local/bin:/usr/bin:/bin", **changes}
    )
