/* The paths that no policy may grant. */
#include "svenv/policy/policy.h"

#include <assert.h>

#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#define GRANT(kind) (1u << (kind))
#define READS (GRANT(POLICY_GRANT_READ) | GRANT(POLICY_GRANT_WRITE))
#define MOUNTS (GRANT(POLICY_GRANT_MOUNT) | GRANT(POLICY_GRANT_MOUNT_RW))
#define WRITES (GRANT(POLICY_GRANT_WRITE) | GRANT(POLICY_GRANT_MOUNT_RW))
#define EVERY (READS | MOUNTS | GRANT(POLICY_GRANT_DEVICE))

#define AGENT "programs outside take orders there (an agent, a container engine, a message bus)"
#define SHARED "sockets and files of other programs lie there: name what is needed below it"
#define RUNS "programs outside run or obey what lies there"

/* Places that give the sandbox away. A pattern is a glob over the whole path; "~" is the home. */
static const struct {
    const char *pattern;
    unsigned grants; /* bits of enum policy_grant that are refused */
    const char *why;
} dangers[] = {
    {"/", EVERY, "that is the whole file system"},
    {"/proc", EVERY, "the sandbox has its own"},
    {"/proc/*", EVERY, "the sandbox has its own"},
    {"/dev", EVERY, "the sandbox has its own: name single devices with dev-bind"},
    {"/dev/*", READS | MOUNTS, "devices are given by filesystem.mounts, dev-bind"},
    {"/dev/mem", EVERY, "that is the machine's memory"},
    {"/dev/kmsg", EVERY, "that is the kernel's log"},
    {"/dev/input*", EVERY, "what is typed anywhere could be read there"},
    {"/dev/uinput", EVERY, "keys could be pressed for other programs there"},
    {"/dev/pts*", EVERY, "other programs' terminals are there"},
    {"/dev/shm", EVERY, SHARED},
    {"/run", EVERY, SHARED},
    {"/run/user", EVERY, SHARED},
    {"/run/user/*", READS, SHARED " (with filesystem.mounts)"},
    {"/tmp", EVERY, SHARED},
    {"/var/tmp", WRITES, SHARED},
    {"/run/dbus*", EVERY, AGENT},
    {"/run/systemd*", EVERY, AGENT},
    {"/run/docker*", EVERY, AGENT},
    {"/run/podman*", EVERY, AGENT},
    {"/run/containerd*", EVERY, AGENT},
    {"/run/crio*", EVERY, AGENT},
    {"/run/libvirt*", EVERY, AGENT},
    {"/run/lxd*", EVERY, AGENT},
    {"/run/incus*", EVERY, AGENT},
    {"/run/snapd*", EVERY, AGENT},
    {"/var/snap/lxd*", EVERY, AGENT},
    {"/var/lib/lxd*", EVERY, AGENT},
    {"/var/lib/incus*", EVERY, AGENT},
    {"/var/lib/docker*", EVERY, AGENT},
    {"*docker.sock", EVERY, AGENT},
    {"*podman.sock", EVERY, AGENT},
    {"*containerd.sock", EVERY, AGENT},
    {"*buildkitd.sock", EVERY, AGENT},
    {"/tmp/ssh-*", EVERY, AGENT},
    {"/tmp/tmux-*", EVERY, AGENT},
    {"/run/user/*/bus", EVERY, AGENT},
    {"/run/user/*/dbus-1*", EVERY, AGENT},
    {"/run/user/*/systemd*", EVERY, AGENT},
    {"/run/user/*/gnupg*", EVERY, AGENT},
    {"/run/user/*/keyring*", EVERY, AGENT},
    {"/run/user/*/ssh-agent*", EVERY, AGENT},
    {"/run/user/*/gcr*", EVERY, AGENT},
    {"/run/user/*/openssh_agent*", EVERY, AGENT},
    {"/run/user/*/docker*", EVERY, AGENT},
    {"/run/user/*/podman*", EVERY, AGENT},
    {"/run/user/*/containerd*", EVERY, AGENT},
    {"/run/user/*/vscode-*", EVERY, AGENT},
    {"/run/user/*/at-spi*", EVERY, AGENT},
    {"*/S.gpg-agent*", EVERY, AGENT},
    {"*/S.scdaemon", EVERY, AGENT},
    {"~/.gnupg", EVERY, AGENT},
    {"~/.gnupg/*", WRITES, RUNS},
    {"~/.ssh/agent*", EVERY, AGENT},
    {"~/.docker/run*", EVERY, AGENT},
    {"~/.docker/desktop*", EVERY, AGENT},
    {"~/.ssh", WRITES, RUNS},
    {"~/.ssh/*", WRITES, RUNS},
    {"~/.config", WRITES, RUNS},
    {"~/.config/autostart*", WRITES, RUNS},
    {"~/.config/systemd*", WRITES, RUNS},
    {"~/.config/sandbox-venv*", WRITES, "the policy itself lies there"},
    {"~/.config/environment.d*", WRITES, RUNS},
    {"~/.config/git*", WRITES, RUNS},
    {"~/.config/fish*", WRITES, RUNS},
    {"~/.local", WRITES, RUNS},
    {"~/.local/bin*", WRITES, RUNS},
    {"~/.local/share", WRITES, RUNS},
    {"~/.local/share/applications*", WRITES, RUNS},
    {"~/.local/share/systemd*", WRITES, RUNS},
    {"~/.local/share/dbus-1*", WRITES, RUNS},
    {"~/.local/state", WRITES, "the audit log lies there"},
    {"~/.local/state/sandbox-venv*", WRITES, "the audit log lies there"},
    {"~/bin", WRITES, RUNS},
    {"~/bin/*", WRITES, RUNS},
    {"~/.bash*", WRITES, RUNS},
    {"~/.profile", WRITES, RUNS},
    {"~/.zsh*", WRITES, RUNS},
    {"~/.zprofile", WRITES, RUNS},
    {"~/.zlog*", WRITES, RUNS},
    {"~/.gitconfig", WRITES, RUNS},
    {"~/.pam_environment", WRITES, RUNS},
    {"~/.xprofile", WRITES, RUNS},
    {"~/.xinitrc", WRITES, RUNS},
    {"~/.xsession*", WRITES, RUNS},
    {"~/.vim*", WRITES, RUNS},
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

const char *policy_path_danger(const char *path, const char *home, enum policy_grant grant)
{
    auto_free char *shown = table_path(path, home);

    static_assert(POLICY_GRANT__COUNT <= 32, "grants are bits");
    if (str_eq(path, home))
        return "that is your home with everything in it: name what is needed below it";
    for (size_t i = 0; i < ARRAY_SIZE(dangers); i++) {
        /* A pattern that begins with "*" is about the name, wherever it is. */
        const char *text = dangers[i].pattern[0] == '*' ? path : shown;

        if ((dangers[i].grants & GRANT(grant)) && str_glob(dangers[i].pattern, text))
            return dangers[i].why;
    }
    if (path_is_beneath(home, path))
        return "your home lies in it, with everything in it";
    return NULL;
}
