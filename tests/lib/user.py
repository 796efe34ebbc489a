"""The user who runs the tests."""

import os
import pathlib
import pwd

HOME = pathlib.Path(pwd.getpwuid(os.getuid()).pw_dir)
NAME = pwd.getpwuid(os.getuid()).pw_name
AS_ROOT = os.getuid() == 0
