/* Decisions that the name of an entry alone settles. */
#include "svenv/find/names.h"

#include <stddef.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

/* Commands that people and scripts run without a path, with an activated venv first on PATH: a
 * program of a package with one of these names would run instead of the system's. Sorted by
 * subject. */
static const char *const reserved[] = {
    /* shells and what starts programs */
    "sh", "bash", "dash", "zsh", "fish", "csh", "tcsh", "ksh", "mksh", "ash", "busybox", "env",
    "exec", "nohup", "setsid", "timeout", "nice", "xargs", "watch", "time", "screen", "tmux",
    "script", "expect", "at", "crontab", "which", "whereis", "type", "command", "test", "[", "true",
    "false", "echo", "printf", "read", "kill", "killall", "pkill", "pgrep", "ps", "top", "htop",
    /* files and text */
    "ls", "cat", "cp", "mv", "rm", "ln", "mkdir", "rmdir", "touch", "chmod", "chown", "chgrp",
    "find", "locate", "grep", "egrep", "fgrep", "sed", "awk", "gawk", "mawk", "head", "tail",
    "less", "more", "sort", "uniq", "cut", "tr", "tee", "wc", "diff", "patch", "file", "stat",
    "readlink", "realpath", "dirname", "basename", "pwd", "cd", "df", "du", "dd", "tar", "gzip",
    "gunzip", "zcat", "bzip2", "xz", "zstd", "zip", "unzip", "rsync", "date", "sleep", "seq",
    "mktemp", "install", "open", "xdg-open", "vi", "vim", "nvim", "nano", "emacs", "man",
    /* who one is, and what one may do */
    "sudo", "su", "doas", "pkexec", "run0", "login", "passwd", "id", "whoami", "groups", "newgrp",
    "ssh", "scp", "sftp", "ssh-add", "ssh-agent", "ssh-keygen", "ssh-copy-id", "gpg", "gpg2",
    "gpg-agent", "gpgv", "pass", "secret-tool", "openssl", "kinit", "klist", "vault",
    /* the network */
    "curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "ftp", "ping", "dig", "host",
    "nslookup", "ip", "ifconfig", "iptables", "nft", "mount", "umount", "fusermount",
    /* version control, containers, clouds, package managers */
    "git", "git-lfs", "hg", "svn", "jj", "bzr", "gh", "glab", "docker", "docker-compose", "podman",
    "buildah", "nerdctl", "containerd", "kubectl", "helm", "minikube", "systemctl", "systemd-run",
    "journalctl", "loginctl", "flatpak", "snap", "apt", "apt-get", "dpkg", "dnf", "yum", "rpm",
    "pacman", "zypper", "apk", "brew", "nix", "guix", "cargo", "rustc", "rustup", "go", "java",
    "javac", "mvn", "gradle", "gem", "bundle", "perl", "php", "lua",
    /* builds */
    "make", "gmake", "gcc", "g++", "cc", "c++", "clang", "clang++", "ld", "ar", "as", "ranlib",
    "strip", "objdump", "readelf", "nm", "ldd", "ldconfig", "gdb", "lldb", "strace", "ltrace",
    "perf", "direnv", "mise", "asdf",
    /* ours */
    "sandbox-venv", "bwrap", "bubblewrap", "firejail"};

static const char *const sourced[] = {
    "activate", "activate.*", "Activate.ps1", "activate_this.py", "deactivate", "deactivate.*",
};

bool name_is_sourced(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(sourced); i++) {
        if (str_glob(sourced[i], name))
            return true;
    }
    return false;
}

bool name_is_reserved(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        if (str_eq(reserved[i], name))
            return true;
    }
    return false;
}

bool name_is_publishable(const char *name, bool permits)
{
    if (name[0] == '\0' || name[0] == '-' || name[0] == '.')
        return false;
    return str_is_printable(name) && !name_is_sourced(name) && (permits || !name_is_reserved(name));
}
