/* The table of what is dangerous to show, and its reading. */
#include "svenv/base/danger.h"
#include "svenv/base/layout.h"

#include <stdbool.h>
#include <string.h>

#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#define READS (DANGER_READ | DANGER_WRITE)
#define MOUNTS (DANGER_MOUNT | DANGER_MOUNT_RW)
#define GRANTS (READS | MOUNTS | DANGER_DEVICE)
#define NAMED (DANGER_NAMED | DANGER_NAMED_DIR | DANGER_NAMED_RW)
#define EVERY (GRANTS | NAMED)
#define WRITES (DANGER_WRITE | DANGER_MOUNT_RW | DANGER_NAMED_RW)

#define AGENT "programs outside take orders there (an agent, a container engine, a message bus)"
#define SHARED "sockets and files of other programs lie there: name what is needed below it"
#define RUNS "programs outside run or obey what lies there"
#define OWN "the sandbox has its own"
#define WHOLE "too much lies there to be shown as a whole"
#define SECRETS "credentials lie there"
#define SERVICES "sockets of services lie there"
#define PRIVATE "private files of a sandbox lie there"

/* The first row that fits the path and a use decides. A pattern that begins with '/' or '~' (the
 * home) is a glob over the whole path, one that begins with '*' is about the name, wherever it is.
 * Any other is one or more names that follow one another, wherever they lie, with all below. */
static const struct {
    const char *pattern;
    unsigned refused; /* bits of enum danger_use */
    const char *why;
    unsigned allowed; /* whatever later rows say */
} dangers[] = {
    {"/", EVERY, "that is the whole file system", 0},
    {"/proc", EVERY, OWN, 0},
    {"/proc/*", EVERY, OWN, 0},
    {"/dev", EVERY, "the sandbox has its own: name single devices with dev-bind", 0},
    {"/dev/mem", EVERY, "that is the machine's memory", 0},
    {"/dev/kmsg", EVERY, "that is the kernel's log", 0},
    {"/dev/input*", EVERY, "what is typed anywhere could be read there", 0},
    {"/dev/uinput", EVERY, "keys could be pressed for other programs there", 0},
    {"/dev/pts*", EVERY, "other programs' terminals are there", 0},
    {"/dev/shm", EVERY, SHARED, 0},
    {"/dev/*", READS | MOUNTS | NAMED, "devices are given by filesystem.mounts, dev-bind", 0},
    /* A person may want these; nobody means them by naming a file. */
    {"/sys", NAMED, OWN, 0},
    {"/sys/*", NAMED, OWN, 0},
    {"/etc", NAMED, OWN, 0},
    {"/etc/*", NAMED, OWN, 0},
    {"/boot", NAMED, OWN, 0},
    {"/boot/*", NAMED, OWN, 0},
    {"/home", DANGER_NAMED_DIR, WHOLE, 0},
    {"/root", DANGER_NAMED_DIR, WHOLE, 0},
    {"/var", DANGER_NAMED_DIR, WHOLE, 0},
    {"/mnt", DANGER_NAMED_DIR, WHOLE, 0},
    {"/media", DANGER_NAMED_DIR, WHOLE, 0},
    {"/srv", DANGER_NAMED_DIR, WHOLE, 0},
    {"/tmp", EVERY, SHARED, 0},
    {"/var/tmp", WRITES | DANGER_NAMED_DIR, SHARED, 0},
    {TEMPORARY_TMP "/" TEMPORARY_PREFIX "*", EVERY, PRIVATE, 0},
    {"/run", EVERY, SHARED, 0},
    {"/run/user", EVERY, SHARED, 0},
    {"/run/dbus*", EVERY, AGENT, 0},
    {"/run/systemd*", EVERY, AGENT, 0},
    {"/run/docker*", EVERY, AGENT, 0},
    {"/run/podman*", EVERY, AGENT, 0},
    {"/run/containerd*", EVERY, AGENT, 0},
    {"/run/crio*", EVERY, AGENT, 0},
    {"/run/libvirt*", EVERY, AGENT, 0},
    {"/run/lxd*", EVERY, AGENT, 0},
    {"/run/incus*", EVERY, AGENT, 0},
    {"/run/snapd*", EVERY, AGENT, 0},
    {"/var/snap/lxd*", EVERY, AGENT, 0},
    {"/var/lib/lxd*", EVERY, AGENT, 0},
    {"/var/lib/incus*", EVERY, AGENT, 0},
    {"/var/lib/docker*", EVERY, AGENT, 0},
    {"*docker.sock", EVERY, AGENT, 0},
    {"*podman.sock", EVERY, AGENT, 0},
    {"*containerd.sock", EVERY, AGENT, 0},
    {"*buildkitd.sock", EVERY, AGENT, 0},
    {"/tmp/ssh-*", EVERY, AGENT, 0},
    {"/tmp/tmux-*", EVERY, AGENT, 0},
    {"/run/user/*/bus", EVERY, AGENT, 0},
    {"/run/user/*/dbus-1*", EVERY, AGENT, 0},
    {"/run/user/*/systemd*", EVERY, AGENT, 0},
    {"/run/user/*/gnupg*", EVERY, AGENT, 0},
    {"/run/user/*/keyring*", EVERY, AGENT, 0},
    {"/run/user/*/ssh-agent*", EVERY, AGENT, 0},
    {"/run/user/*/gcr*", EVERY, AGENT, 0},
    {"/run/user/*/openssh_agent*", EVERY, AGENT, 0},
    {"/run/user/*/docker*", EVERY, AGENT, 0},
    {"/run/user/*/podman*", EVERY, AGENT, 0},
    {"/run/user/*/containerd*", EVERY, AGENT, 0},
    {"/run/user/*/vscode-*", EVERY, AGENT, 0},
    {"/run/user/*/at-spi*", EVERY, AGENT, 0},
    {"*/S.gpg-agent*", EVERY, AGENT, 0},
    {"*/S.scdaemon", EVERY, AGENT, 0},
    {"~/.gnupg", EVERY, AGENT, 0},
    {"~/.gnupg/*", WRITES, RUNS, 0},
    {"~/.ssh/agent*", EVERY, AGENT, 0},
    {"~/.docker/run*", EVERY, AGENT, 0},
    {"~/.docker/desktop*", EVERY, AGENT, 0},
    {"~/.ssh", WRITES, RUNS, 0},
    {"~/.ssh/*", WRITES, RUNS, 0},
    {"~/.config", WRITES, RUNS, 0},
    {"~/.config/autostart*", WRITES, RUNS, 0},
    {"~/.config/systemd*", WRITES, RUNS, 0},
    {"~/.config/sandbox-venv*", WRITES, "the policy itself lies there", 0},
    {"~/.config/environment.d*", WRITES, RUNS, 0},
    {"~/.config/git*", WRITES, RUNS, 0},
    {"~/.config/fish*", WRITES, RUNS, 0},
    {"~/.local", WRITES, RUNS, 0},
    {"~/.local/bin*", WRITES, RUNS, 0},
    {"~/.local/share", WRITES, RUNS, 0},
    {"~/.local/share/applications*", WRITES, RUNS, 0},
    {"~/.local/share/systemd*", WRITES, RUNS, 0},
    {"~/.local/share/dbus-1*", WRITES, RUNS, 0},
    {"~/.local/state", WRITES, "the audit log lies there", 0},
    {"~/.local/state/sandbox-venv*", WRITES, "the audit log lies there", 0},
    {"~/bin", WRITES, RUNS, 0},
    {"~/bin/*", WRITES, RUNS, 0},
    {"~/.bash*", WRITES, RUNS, 0},
    {"~/.profile", WRITES, RUNS, 0},
    {"~/.zsh*", WRITES, RUNS, 0},
    {"~/.zprofile", WRITES, RUNS, 0},
    {"~/.zlog*", WRITES, RUNS, 0},
    {"~/.gitconfig", WRITES, RUNS, 0},
    {"~/.pam_environment", WRITES, RUNS, 0},
    {"~/.xprofile", WRITES, RUNS, 0},
    {"~/.xinitrc", WRITES, RUNS, 0},
    {"~/.xsession*", WRITES, RUNS, 0},
    {"~/.vim*", WRITES, RUNS, 0},
    /* Pipes of test runners and connection files of kernels, named by editors. */
    {"/run/user/*", READS | DANGER_NAMED_DIR, SHARED " (with filesystem.mounts)", NAMED},
    {"/run/*", NAMED, SERVICES, 0},
    /* A program may need a person's credentials, and keep them up to date: by a line of the policy
     * alone. */
    {".ssh", NAMED, SECRETS, 0},
    {".gnupg", NAMED, SECRETS, 0},
    {".aws", NAMED, SECRETS, 0},
    {".azure", NAMED, SECRETS, 0},
    {".kube", NAMED, SECRETS, 0},
    {".docker", NAMED, SECRETS, 0},
    {".netrc", NAMED, SECRETS, 0},
    {".pypirc", NAMED, SECRETS, 0},
    {".npmrc", NAMED, SECRETS, 0},
    {".pgpass", NAMED, SECRETS, 0},
    {".my.cnf", NAMED, SECRETS, 0},
    {".vault-token", NAMED, SECRETS, 0},
    {".git-credentials", NAMED, SECRETS, 0},
    {".password-store", NAMED, SECRETS, 0},
    {".boto", NAMED, SECRETS, 0},
    {".s3cfg", NAMED, SECRETS, 0},
    {".oci", NAMED, SECRETS, 0},
    {".terraform.d", NAMED, SECRETS, 0},
    {".cargo/credentials", NAMED, SECRETS, 0},
    {".cargo/credentials.toml", NAMED, SECRETS, 0},
    {".gem/credentials", NAMED, SECRETS, 0},
    {".bash_history", NAMED, SECRETS, 0},
    {".zsh_history", NAMED, SECRETS, 0},
    {".python_history", NAMED, SECRETS, 0},
    {".mozilla", NAMED, SECRETS, 0},
    {".thunderbird", NAMED, SECRETS, 0},
    {".config/gcloud", NAMED, SECRETS, 0},
    {".config/gh", NAMED, SECRETS, 0},
    {".config/hub", NAMED, SECRETS, 0},
    {".config/glab-cli", NAMED, SECRETS, 0},
    {".config/git/credentials", NAMED, SECRETS, 0},
    {".config/rclone", NAMED, SECRETS, 0},
    {".config/containers", NAMED, SECRETS, 0},
    {".config/doctl", NAMED, SECRETS, 0},
    {".config/op", NAMED, SECRETS, 0},
    {".config/sops", NAMED, SECRETS, 0},
    {".config/age", NAMED, SECRETS, 0},
    {".config/pypoetry/auth.toml", NAMED, SECRETS, 0},
    {".config/google-chrome", NAMED, SECRETS, 0},
    {".config/chromium", NAMED, SECRETS, 0},
    {".config/BraveSoftware", NAMED, SECRETS, 0},
    {".config/sandbox-venv", NAMED, SECRETS, 0},
    {".local/share/keyrings", NAMED, SECRETS, 0},
    {".local/share/kwalletd", NAMED, SECRETS, 0},
    {".local/share/python_keyring", NAMED, SECRETS, 0},
    {".local/share/uv/credentials", NAMED, SECRETS, 0},
    {".local/state/sandbox-venv", NAMED, SECRETS, 0},
    {".cache/huggingface/token", NAMED, SECRETS, 0},
};

/* `path` as the table writes it: with "~" for the home, /run for its old name. Caller frees. */
static char *table_path(const char *path, const char *home)
{
    const char *below = path_relative_to(path, home);

    if (below && !str_eq(home, "/"))
        return xasprintf("~%s%s", below[0] != '\0' ? "/" : "", below);
    below = path_relative_to(path, "/var/run");
    if (below)
        return xasprintf("/run%s%s", below[0] != '\0' ? "/" : "", below);
    return xstrdup(path);
}

static bool is_about_names(const char *pattern)
{
    return strchr("/~*", pattern[0]) == NULL;
}

/* Do the names follow one another somewhere in `path`? */
static bool has_names(const char *path, const char *names)
{
    size_t len = strlen(names);

    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if (strncmp(slash + 1, names, len) == 0 &&
            (slash[1 + len] == '/' || slash[1 + len] == '\0'))
            return true;
    }
    return false;
}

/* Is the directory, .config in the home, above one of the names, ".config/gh"? */
static bool holds_names(const char *path, const char *home, const char *names)
{
    const char *below = path_relative_to(path, home);
    size_t len = below != NULL ? strlen(below) : 0;

    return len > 0 && strncmp(names, below, len) == 0 && names[len] == '/';
}

/* shown: the path as the table writes it. */
static bool danger_fits(const char *pattern, const char *path, const char *shown)
{
    if (is_about_names(pattern))
        return has_names(path, pattern);
    return str_glob(pattern, pattern[0] == '*' ? path : shown);
}

static bool holds_danger(const char *pattern, const char *path, const char *home, unsigned uses)
{
    return (uses & DANGER_NAMED_DIR) && is_about_names(pattern) && holds_names(path, home, pattern);
}

const char *danger_reason(const char *path, const char *home, unsigned uses)
{
    auto_free char *shown = table_path(path, home);

    if (str_eq(path, home))
        return "that is your home with everything in it: name what is needed below it";
    for (size_t i = 0; i < ARRAY_SIZE(dangers) && uses != 0; i++) {
        const char *pattern = dangers[i].pattern;

        if (!((dangers[i].refused | dangers[i].allowed) & uses) ||
            !(danger_fits(pattern, path, shown) || holds_danger(pattern, path, home, uses)))
            continue;
        if (dangers[i].refused & uses)
            return dangers[i].why;
        uses &= ~dangers[i].allowed;
    }
    if (path_is_beneath(home, path))
        return "your home lies in it, with everything in it";
    return NULL;
}
