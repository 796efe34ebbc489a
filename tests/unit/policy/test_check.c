#include <errno.h>

#include "policy_test.h"

static void must_fail(const char *text, const char *shown)
{
    auto_policy struct policy p;
    struct err err = {.code = 0};

    must_load(&p, text, true);
    cr_assert_lt(policy_check(&p, HOME, &err), 0, "accepted: %s", text);
    cr_assert(strstr(err.msg, shown), "'%s' is not in '%s'", shown, err.msg);
}

static void must_pass(const char *text)
{
    auto_policy struct policy p;
    struct err err = {.code = 0};

    must_load(&p, text, true);
    cr_assert_eq(policy_check(&p, HOME, &err), 0, "%s: %s", text, err.msg);
}

Test(check, refuses_grants_that_give_the_sandbox_away)
{
    static const char *const paths[] = {
        "/",
        "//",
        "/./",
        "\"~\"",
        "~/",
        "~/.",
        "/home",
        HOME,
        HOME "/",
        "/proc",
        "/proc/1/root",
        "/dev",
        "/dev/sda",
        "/run",
        "/var/run",
        "/run/user/1000",
        "/run/user/1000/anything",
        "/run/docker.sock",
        "/var/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/dbus/system_bus_socket",
        "/srv/x/docker.sock",
        "/tmp",
        "/tmp/ssh-XYZ/agent.12",
        "~/.gnupg",
        "~/.gnupg/S.gpg-agent",
        "~/.docker/run/docker.sock",
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        auto_free char *read = xasprintf(V1 "filesystem: {read: [%s]}\n", paths[i]);
        auto_free char *write = xasprintf(V1 "filesystem: {write: [%s]}\n", paths[i]);

        must_fail(read, "policy.yaml:2:21: filesystem.read:");
        must_fail(write, "policy.yaml:2:22: filesystem.write:");
    }
}

Test(check, refuses_writes_where_programs_outside_obey)
{
    static const char *const paths[] = {
        "~/.ssh",       "~/.config", "~/.local/bin", "~/.bashrc",
        "~/.gitconfig", "~/.local",  "~/bin",        "~/.config/sandbox-venv"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        auto_free char *read = xasprintf(V1 "filesystem: {read: [%s]}\n", paths[i]);
        auto_free char *write = xasprintf(V1 "filesystem: {write: [%s]}\n", paths[i]);

        must_pass(read);
        must_fail(write, "filesystem.write:");
    }
}

Test(check, lets_ordinary_grants_pass)
{
    must_pass(V1 "filesystem: {read: [~/datasets, /opt/models, /home/other, data, /etc/ssl],"
                 " write: [~/results, /tmp/mine, /mnt, ~/.cache/pip]}\n");
    must_pass(V1 "filesystem: {mounts: [{dev-bind: [/dev/dri, /dev/dri]}, {tmpfs: [/tmp]},"
                 " {ro-bind: [/run/user/1000/wayland-0, /run/user/1000/wayland-0]},"
                 " {proc: /proc}, {dev: /dev}]}\n");
}

Test(check, refuses_mounts)
{
    must_fail(V1 "filesystem: {mounts: [{bind: [/, /host]}]}\n", "the whole file system");
    must_fail(V1 "filesystem: {mounts: [{ro-bind-try: [~/., /x]}]}\n", "that is your home");
    must_fail(V1 "filesystem: {mounts: [{dev-bind: [/dev, /dev]}]}\n", "name single devices");
    must_fail(V1 "filesystem: {mounts: [{dev-bind: [/dev/input/event0, /x]}]}\n", "typed");
    must_fail(V1 "filesystem: {mounts: [{bind: [/dev/dri, /dev/dri]}]}\n", "dev-bind");
    must_fail(V1 "filesystem: {mounts: [{bind: [/run/user/1000/bus, /b]}]}\n", "take orders");
    must_fail(V1 "filesystem: {mounts: [{tmpfs: [/./]}]}\n", "nothing can be mounted on '/'");
}

Test(check, looks_into_commands_and_overrides)
{
    auto_policy struct policy p;
    static const char text[] = V1 "filesystem: {write: [/]}\n";
    struct err err;

    must_fail(V1 "commands: [{match: [x], filesystem: {read: [/proc]}}]\n", "the sandbox has");
    must_load(&p, V1, true);
    cr_assert_eq(policy_override_text(&p, "command line", text, strlen(text), &err), 0);
    cr_assert_eq(policy_check(&p, HOME, &err), -EPERM);
    cr_assert(str_starts(err.msg, "command line:2:22: filesystem.write: '/' is refused"), "%s",
              err.msg);
}

Test(check, finds_contradictions)
{
    must_fail(V1 "filesystem: {venv: rw}\n", "only stand below commands");
    must_fail(V1 "environment: {set: {A: 1}, unset: [A]}\n", "both in set");
    must_fail(V1 "capabilities: [CAP_SYS_ADMIN]\n", "take the sandbox apart");
    must_fail(V1 "capabilities: [CAP_CHOWN, ALL]\n", "'ALL' is refused");
    must_pass(V1 "capabilities: [CAP_NET_RAW]\n");
}
