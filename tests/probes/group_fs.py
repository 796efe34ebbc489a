"""FS: secrets on the host's file system. All canaries are files that the world made."""

import os
import pathlib

import harness
from harness import ANY, HOME, Host, Probe, Python, every, some, that

from lib import venvs

# Where tools keep credentials, below $HOME; a name that ends in "/" gets a canary inside.
CREDENTIALS = (
    ".ssh/",
    ".aws/",
    ".azure/",
    ".kube/",
    ".docker/",
    ".gnupg/",
    ".config/gcloud/",
    ".config/gh/",
    ".config/op/",
    ".config/pypoetry/",
    ".config/rclone/",
    ".config/containers/",
    ".config/hub/",
    ".config/doctl/",
    ".config/sops/",
    ".config/age/",
    ".config/glab-cli/",
    ".terraform.d/",
    ".oci/",
    ".password-store/",
    ".cargo/",
    ".gem/",
    ".cache/huggingface/",
    ".local/share/uv/",
    ".local/share/keyrings/",
    ".local/share/kwalletd/",
    ".local/share/python_keyring/",
    ".local/state/sandbox-venv/",
    ".config/sandbox-venv/",
    ".config/Signal/",
    ".mozilla/",
    ".thunderbird/",
    ".config/google-chrome/",
    ".config/chromium/",
    ".config/BraveSoftware/",
    ".electrum/",
    ".bitcoin/",
    ".ethereum/",
    ".config/solana/",
    ".jupyter/",
    ".ipython/",
    ".databricks/",
    ".snowflake/",
    ".dbt/",
    ".kaggle/",
)
STORES = (
    ".mozilla/",
    ".config/google-chrome/",
    ".config/chromium/",
    ".local/share/keyrings/",
    ".local/share/kwalletd/",
    ".electrum/",
    ".bitcoin/",
    ".config/Signal/",
    ".thunderbird/",
)
# Single files: one that exists stays as it is, and only its presence is asked; one that is made is
# empty, for programs obey it.
CREDENTIAL_FILES = (
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    ".pgpass",
    ".my.cnf",
    ".vault-token",
    ".s3cfg",
    ".boto",
    ".databrickscfg",
    ".gitconfig",
    ".python_history",
    ".psql_history",
)


def present(paths):
    return {path: attempt(os.lstat, path) for path in paths}


def read_all(paths):
    return {path: opened(path) for path in paths}


def credentials(view):
    paths = [view.plant(HOME / name / ("svenv-canary-" + view.token)) for name in CREDENTIALS]
    paths += [view.plant(HOME / name, "") for name in CREDENTIAL_FILES]
    return [[str(path) for path in paths]]


def ssh(view):
    names = ("id_canary_" + view.token, "config", "known_hosts")
    return [[str(view.plant(HOME / ".ssh" / name, "# canary\n")) for name in names]]


def home_listing(home, canary):
    return {"canary": canary in listed(home), "stat": attempt(os.lstat, home + "/" + canary)}


def sweep(top, mark):
    """Walks a tree and counts the files that hold the canary, as credential thieves do."""
    hits = looked = 0
    for folder, _, names in os.walk(top):
        for name in names:
            if looked == 1000:
                return hits
            looked += 1
            hits += mark in content(os.path.join(folder, name), 100000)
    return hits


def accounts():
    seen = {}
    for name in ("passwd", "group"):
        lines = [line.split(":") for line in content("/etc/" + name).splitlines() if line]
        seen[name] = sorted(fields[0] for fields in lines)
        if name == "passwd":
            seen["gecos"] = "".join(fields[4] for fields in lines if len(fields) > 4)
    return seen


def only_mapped(value):
    return (
        set(value["passwd"]) <= {harness.USER, "nobody", "root"}
        and len(value["group"]) <= 3
        and value["gecos"] in ("", "rootnobody", "nobody")
    )


def top_directories(names):
    return {name: listed(name) for name in names}


def tops(view):
    names = ["/var", "/opt", "/srv", "/mnt", "/media", "/boot", "/root", "/snap"]
    parts = [str(path) for path in (HOME, harness.PREFIX)]
    return [
        [name for name in names if not any(p == name or p.startswith(name + "/") for p in parts)]
    ]


def only_own(value):
    return all(seen == "<ENOENT>" or set(seen) <= {"tmp", "run"} for seen in value.values())


def parents(project, neighbour):
    parent = os.path.dirname(project)
    return {
        "parent": listed(parent),
        "above": len(listed(os.path.dirname(parent))),
        "neighbour": attempt(os.lstat, neighbour),
    }


def only_the_way(value):
    return len(value["parent"]) == 1 and value["above"] == 1 and value["neighbour"] == "ENOENT"


def through_links(project, targets):
    results = {}
    for number, target in enumerate(targets):
        link = f"{project}/link-{number}"
        os.symlink(target, link)
        results[target] = opened(link)
        os.unlink(link)
    return results


def identity():
    return {
        "machine-id": content("/etc/machine-id").strip(),
        "product_uuid": content("/sys/class/dmi/id/product_uuid").strip(),
    }


def identity_of_host():
    path = pathlib.Path("/etc/machine-id")
    return path.read_text().strip() if path.exists() else None


def refused_projects(view):
    """`wrap --project` must not take $HOME, / or an ancestor of $HOME."""
    results = {}
    for path in (HOME, pathlib.Path("/"), HOME.parent):
        if view.inside:
            venv = view.parent / "wide" / ".venv"
            venv.parent.mkdir(exist_ok=True)
            harness.must([harness.SYSTEM_PYTHON, "-m", "venv", "--without-pip", "--clear", venv])
            done = harness.run([harness.TOOL, "wrap", venv, "--project", path])
            results[str(path)] = "refused" if done.returncode and done.stderr else "taken"
            if (venv / "sandbox").exists():
                harness.run([harness.TOOL, "unwrap", venv, "--purge"])
        else:
            results[str(path)] = "taken" if path.is_dir() else "absent"
    return results


def venv_in_home(view):
    """A venv directly in $HOME: its project would be $HOME, so there is none."""
    venv = HOME / f"svenv-canary-venv-{view.token}"
    canary = f"import os; print(os.path.lexists({str(view.home_file)!r}))"
    try:
        venvs.make(venv)
        if view.inside:
            harness.must([harness.TOOL, "wrap", venv])
        done = harness.must([venv / "bin" / "python", "-c", canary])
        if view.inside:
            harness.run([harness.TOOL, "unwrap", venv, "--purge"])
        return done.stdout.strip()
    finally:
        harness.remove_tree(venv)


def user_site(view):
    version = harness.must(
        [harness.SYSTEM_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    ).stdout.strip()
    folder = HOME / ".local" / "lib" / ("python" + version) / "site-packages"
    view.plant(
        folder / f"svenv_canary_{view.token}.pth",
        f"import os; os.environ['SVENV_PTH_{view.token}'] = 'yes'\n",
    )
    view.plant(folder / f"svenv_canary_{view.token}.py", "")
    return [f"svenv_canary_{view.token}"]


def from_user_site(name):
    import importlib.util

    found = importlib.util.find_spec(name) is not None
    return {"pth": os.environ.get(name.replace("svenv_canary", "SVENV_PTH"), "no"), "module": found}


def mount_table():
    with open("/proc/self/mountinfo") as file:
        rows = [line.split() for line in file]
    return [[row[4], row[3], row[5], row[row.index("-") + 1]] for row in rows]


def undeclared(view):
    """Sources on the host's file systems that no rule of the default policy names."""
    world = view.world
    rows = world.value(mount_table, inside=view.inside)
    own = (
        str(world.project),
        "/usr",
        "/etc/",
        str(harness.PREFIX),
        "/sandbox-venv-",
        "/null",
        "/zero",
        "/full",
        "/random",
        "/urandom",
        "/tty",
        "/devices/system/",
        "/kernel/mm/",
        "/.sandbox-venv",
        "/sys",
    )
    temporary = "/tmp/sandbox-venv-"
    return [
        source
        for point, source, _, kind in rows
        if kind not in ("proc", "devpts")
        and point != "/"
        and not source.startswith((*own, temporary))
    ]


def weak_mounts(view):
    """Mounts without nosuid, and ones without nodev that are not of devices or terminals."""
    rows = view.world.value(mount_table, inside=view.inside)
    return [
        point
        for point, _, flags, kind in rows
        if "nosuid" not in flags.split(",")
        or ("nodev" not in flags.split(",") and kind not in ("devtmpfs", "devpts", "tmpfs"))
    ]


def writable_mounts(view):
    """Mounts that are writable, but for the private trees."""
    rows = view.world.value(mount_table, inside=view.inside)
    own = (
        "/tmp",
        "/var/tmp",
        f"/run/user/{os.getuid()}",
        "/dev/shm",
        str(HOME),
        "/proc",
        "/dev/pts",
        str(view.world.project),
        str(HOME / ".cache"),
    )
    return [
        point
        for point, _, flags, _ in rows
        if "rw" in flags.split(",")
        and point not in own
        and not point.startswith("/dev/")
        and not is_in_project(view.world, point)
    ]


def is_in_project(world, point):
    """A directory of the project above something protected, so that it cannot be renamed."""
    return point.startswith(f"{world.project}/") and not point.startswith(str(world.venv))


def many_starts(view):
    """Whether one of many starts stands in the host's root: a race, bounded here."""
    seen = 0
    for _ in range(150 if view.inside else 1):
        done = view.world.call(["openat2", "/etc/shadow"], view.inside)
        seen += done != "ENOENT"
    return seen


def write_system(paths):
    return {path: created(path) for path in paths}


SYSTEM_PLACES = [
    "/usr/svenv-probe",
    "/etc/svenv-probe",
    "/svenv-probe",
    "/usr/bin/svenv-probe",
    "/sys/svenv-probe",
    "/dev/svenv-probe",
]


def system_effect(world):
    found = [path for path in SYSTEM_PLACES if os.path.lexists(path)]
    return f"{found} was made" if found else None


def outside_write(view):
    return [[str(view.home_dir / "written"), str(view.parent / "written-beside")]]


def write_effect(world):
    for path in (world.home_dir / "written", world.parent / "written-beside"):
        if path.exists():
            path.unlink()
            return f"{path} was made"
    return None


def clean_after(paths):
    results = {path: created(path) for path in paths}
    for path, result in results.items():
        if result == "ok":
            os.unlink(path)
    return results


def named_credentials(view):
    """Credentials that the command line names are not shown for that."""
    path = view.plant(HOME / ".ssh" / ("id_canary_" + view.token), "# canary\n")
    code = "import sys; print(open(sys.argv[1]).read(3))"
    if view.inside:
        return "shown" if "# c" in view.world.python("-c", code, path).stdout else "absent"
    return "shown" if harness.must([harness.SYSTEM_PYTHON, "-c", code, path]).stdout else "absent"


SECRETS = [
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/krb5.keytab",
    "/etc/docker",
    "/etc/kubernetes",
    "/etc/NetworkManager",
    "/etc/crontab",
    "/etc/security",
    "/etc/pam.d",
]
SNAPSHOTS = ["/.snapshots", "/.zfs", "/lost+found", "/run/timeshift", "/timeshift", "/.btrfs"]

PROBES = [
    Probe(
        "FS-01",
        "~/.ssh: a key, config, known_hosts",
        Python(read_all, ssh),
        every("ENOENT"),
        some("ok"),
    ),
    Probe(
        "FS-02",
        "list $HOME and stat a dot-file with a random name",
        Python(home_listing, lambda v: [str(HOME), v.home_file.name]),
        {"canary": False, "stat": "ENOENT"},
        {"canary": True, "stat": "ok"},
    ),
    Probe(
        "FS-03",
        f"{len(CREDENTIALS) + len(CREDENTIAL_FILES)} credential paths",
        Python(present, credentials),
        every("ENOENT"),
        every("ok"),
    ),
    Probe(
        "FS-04",
        "read every file below $HOME and look for canaries",
        Python(sweep, lambda v: [str(HOME if v.inside else v.home_dir), v.canary]),
        0,
        1,
    ),
    Probe(
        "FS-05",
        "secrets in /etc",
        Python(present, lambda v: [SECRETS]),
        every("ENOENT"),
        some("ok"),
    ),
    Probe(
        "FS-06",
        "accounts in /etc/passwd and /etc/group",
        Python(accounts),
        that("root, the mapped user and nobody", only_mapped),
        that("more", lambda v: not only_mapped(v)),
    ),
    Probe(
        "FS-07",
        "/var /opt /srv /mnt /media /boot /root /snap",
        Python(top_directories, tops),
        that("absent or empty", only_own),
        that("not empty", lambda v: not only_own(v)),
    ),
    Probe(
        "FS-08",
        "the directories above the project",
        Python(parents, lambda v: [str(v.world.project), str(v.neighbour)]),
        that("only the way to the project", only_the_way),
        that("more", lambda v: v["neighbour"] == "ok"),
    ),
    Probe(
        "FS-09",
        "symlinks in the project to secrets",
        Python(
            through_links,
            lambda v: [str(v.project), [str(v.home_file), str(v.neighbour), "/etc/shadow"]],
        ),
        every("ENOENT"),
        some("ok"),
    ),
    Probe(
        "FS-10",
        "stores of browsers, wallets and keyrings",
        Python(
            present,
            lambda v: [
                [str(v.plant(HOME / name / ("svenv-canary-" + v.token))) for name in STORES]
            ],
        ),
        every("ENOENT"),
        every("ok"),
    ),
    Probe(
        "FS-11",
        "private keys in /etc/ssl/private",
        Python(present, lambda v: [[str(v.plant(f"/etc/ssl/private/svenv-{v.token}"))]]),
        every("ENOENT"),
        every("ok"),
        root=True,
    ),
    Probe(
        "FS-12",
        "secrets of services in /run",
        Python(present, lambda v: [[str(v.plant(f"/run/secrets/svenv-{v.token}"))]]),
        every("ENOENT"),
        every("ok"),
        root=True,
    ),
    Probe(
        "FS-13",
        "the machine's identity",
        Python(identity),
        that(
            "another one",
            lambda v: v["product_uuid"] == "<ENOENT>" and v["machine-id"] != identity_of_host(),
        ),
        that("the machine's", lambda v: v["machine-id"] in (identity_of_host(), "<ENOENT>")),
    ),
    Probe(
        "FS-14",
        "a project of $HOME, / or above $HOME",
        Host(refused_projects),
        every("refused"),
        every("taken"),
    ),
    Probe(
        "FS-15", "a venv directly in $HOME shows nothing of it", Host(venv_in_home), "False", "True"
    ),
    Probe(
        "FS-18",
        "user site-packages and its .pth files",
        Python(from_user_site, user_site),
        {"pth": "no", "module": False},
        {"pth": "yes", "module": True},
    ),
    Probe(
        "FS-20",
        "mountinfo names nothing but declared sources",
        Host(undeclared),
        [],
        that("more", lambda v: v != []),
    ),
    Probe(
        "FS-21",
        "snapshots and lost+found",
        Python(present, lambda v: [SNAPSHOTS]),
        every("ENOENT"),
        ANY,
    ),
    Probe(
        "FS-22",
        "create files in the system's trees",
        Python(write_system, lambda v: [SYSTEM_PLACES if v.inside else [str(v.project / "made")]]),
        that("refused", lambda v: all(r in ("EROFS", "EACCES", "EPERM") for r in v.values())),
        every("ok", "EEXIST"),
        system_effect,
    ),
    Probe(
        "FS-23",
        "create files beside the project and in $HOME",
        Python(clean_after, outside_write),
        that("anything", lambda v: True),
        every("ok"),
        write_effect,
    ),
    Probe(
        "FS-24",
        "every mount is nosuid and nodev",
        Host(weak_mounts),
        [],
        that("some are not", lambda v: v != []),
    ),
    Probe(
        "FS-25",
        "only private trees and the project are writable",
        Host(writable_mounts),
        [],
        that("more", lambda v: v != []),
    ),
    Probe("FS-27", "a key that the command line names", Host(named_credentials), "absent", "shown"),
    Probe("FS-26", "150 starts: none stands in the host's root", Host(many_starts), 0, 1),
]
