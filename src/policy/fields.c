/* The table of all fields of a policy. */
#include "svenv/policy/policy.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "policy-internal.h"
#include "svenv/base/str.h"

#define BIT(value) (1u << (value))
#define ALL_VALUES UINT32_MAX
#define ANY_VALUE BIT(0)
#define ONLY_DEFAULT 0u
#define ONLY_FALSE BIT(0)
#define BOTH (BIT(0) | BIT(1))

static const char *const isolation_names[] = {
    [ISOLATION_FULL] = "full",
    [ISOLATION_LANDLOCK] = "landlock",
    [ISOLATION_AUTO] = "auto",
    [ISOLATION__COUNT] = NULL,
};
static const char *const project_names[] = {
    [PROJECT_RW] = "rw",
    [PROJECT_RO] = "ro",
    [PROJECT_NONE] = "none",
    [PROJECT_OVERLAY] = "overlay",
    [PROJECT_ARGUMENTS] = "arguments",
    [PROJECT__COUNT] = NULL,
};
static const char *const access_names[] = {
    [ACCESS_NONE] = "none",
    [ACCESS_RO] = "ro",
    [ACCESS_RW] = "rw",
    [ACCESS__COUNT] = NULL,
};
static const char *const system_names[] = {
    [SYSTEM_HOST] = "host",
    [SYSTEM_MINIMAL] = "minimal",
    [SYSTEM__COUNT] = NULL,
};
static const char *const net_names[] = {
    [NET_MODE_BROKER] = "broker",
    [NET_MODE_NONE] = "none",
    [NET_MODE_HOST] = "host",
    [NET_MODE__COUNT] = NULL,
};
static const char *const syscalls_names[] = {
    [SYSCALLS_DEFAULT] = "default", [SYSCALLS_STRICT] = "strict", [SYSCALLS_DEBUG] = "debug",
    [SYSCALLS_OFF] = "off",         [SYSCALLS__COUNT] = NULL,
};
static const char *const lifetime_names[] = {
    [LIFETIME_TREE] = "tree",
    [LIFETIME_PROGRAM] = "program",
    [LIFETIME__COUNT] = NULL,
};
static const char *const terminal_names[] = {
    [TERMINAL_SHARED] = "shared",
    [TERMINAL_PRIVATE] = "private",
    [TERMINAL__COUNT] = NULL,
};
static const char *const audit_names[] = {
    [AUDIT_OFF] = "off",
    [AUDIT_DENIED] = "denied",
    [AUDIT_ALL] = "all",
    [AUDIT__COUNT] = NULL,
};

#define NO_BROKER                                                                                  \
    "nothing enforces it without the broker, which does not exist yet: network.mode: none closes " \
    "the network"
#define NO_DEVICES "device sets do not exist yet: name the nodes in filesystem.mounts (dev-bind)"
#define NO_DESKTOP "desktop services are not filtered yet, so they stay closed: leave it at false"

#define ENUM_ROW(sec, name, value_names, mask, why, command)                                       \
    {                                                                                              \
        .section = (sec), .key = (name), .type = POLICY_TYPE_ENUM, .names = (value_names),         \
        .enforced = (mask), .missing = (why), .per_command = (command)                             \
    }
#define BOOL_ROW(sec, name, mask, why)                                                             \
    {                                                                                              \
        .section = (sec), .key = (name), .type = POLICY_TYPE_BOOL, .enforced = (mask),             \
        .missing = (why), .per_command = true                                                      \
    }
#define NUMBER_ROW(sec, name, kind, low, high, mask, why)                                          \
    {                                                                                              \
        .section = (sec), .key = (name), .type = (kind), .min = (low), .max = (high),              \
        .enforced = (mask), .missing = (why), .per_command = true                                  \
    }
#define STRING_ROW(sec, name, kind)                                                                \
    {                                                                                              \
        .section = (sec), .key = (name), .type = POLICY_TYPE_STRING, .text = (kind),               \
        .enforced = ANY_VALUE, .per_command = true                                                 \
    }
#define LIST_ROW(sec, name, kind, adds, mask, why)                                                 \
    {                                                                                              \
        .section = (sec), .key = (name), .type = POLICY_TYPE_LIST, .text = (kind),                 \
        .additive = (adds), .enforced = (mask), .missing = (why), .per_command = true              \
    }

static const struct policy_field_info fields[] = {
    [POLICY_ISOLATION] =
        ENUM_ROW("", "isolation", isolation_names, BIT(ISOLATION_FULL) | BIT(ISOLATION_AUTO),
                 "Landlock alone is not offered yet: use full", false),

    [POLICY_FS_PROJECT] =
        ENUM_ROW("filesystem", "project", project_names, ALL_VALUES & ~BIT(PROJECT_OVERLAY),
                 "overlays are not made yet: use ro, and filesystem.write for the results", true),
    [POLICY_FS_VENV] = ENUM_ROW("filesystem", "venv", access_names, BIT(ACCESS_RO) | BIT(ACCESS_RW),
                                "a program cannot run without its venv: use ro", true),
    [POLICY_FS_READ] = LIST_ROW("filesystem", "read", POLICY_TEXT_PATH, false, ANY_VALUE, NULL),
    [POLICY_FS_WRITE] = LIST_ROW("filesystem", "write", POLICY_TEXT_PATH, false, ANY_VALUE, NULL),
    [POLICY_FS_HIDE] = LIST_ROW("filesystem", "hide", POLICY_TEXT_NAME, true, ANY_VALUE, NULL),
    [POLICY_FS_PROTECT] =
        LIST_ROW("filesystem", "protect", POLICY_TEXT_NAME, true, ANY_VALUE, NULL),
    [POLICY_FS_UNGUARDED] = {.section = "filesystem",
                             .key = "unguarded",
                             .type = POLICY_TYPE_LIST,
                             .text = POLICY_TEXT_NAME,
                             .additive = true,
                             .enforced = ANY_VALUE},
    [POLICY_FS_VIRTUALENVS] =
        LIST_ROW("filesystem", "virtualenvs", POLICY_TEXT_VENV, true, ANY_VALUE, NULL),
    [POLICY_FS_CWD] = ENUM_ROW("filesystem", "cwd", access_names, ALL_VALUES, NULL, true),
    [POLICY_FS_SYSTEM] = ENUM_ROW("filesystem", "system", system_names, BIT(SYSTEM_HOST),
                                  "a minimal system is not put together yet: use host", true),
    [POLICY_FS_MOUNTS] = {.section = "filesystem",
                          .key = "mounts",
                          .type = POLICY_TYPE_MOUNTS,
                          .additive = true,
                          .enforced = ANY_VALUE,
                          .per_command = true},

    [POLICY_NET_MODE] = ENUM_ROW("network", "mode", net_names, ALL_VALUES & ~BIT(NET_MODE_BROKER),
                                 "the broker is not available yet: use host or none", true),
    [POLICY_NET_CONNECT] =
        LIST_ROW("network", "connect", POLICY_TEXT_ANY, false, ONLY_DEFAULT, NO_BROKER),
    [POLICY_NET_LISTEN] =
        LIST_ROW("network", "listen", POLICY_TEXT_ANY, false, ONLY_DEFAULT, NO_BROKER),

    [POLICY_ENTRIES_PUBLISH] = {.section = "entries",
                                .key = "publish",
                                .type = POLICY_TYPE_LIST,
                                .text = POLICY_TEXT_ENTRY,
                                .additive = true,
                                .enforced = ANY_VALUE},

    [POLICY_ENV_PASS] =
        LIST_ROW("environment", "pass", POLICY_TEXT_ENV_PATTERN, true, ANY_VALUE, NULL),
    [POLICY_ENV_SET] = {.section = "environment",
                        .key = "set",
                        .type = POLICY_TYPE_MAP,
                        .additive = true,
                        .enforced = ANY_VALUE,
                        .per_command = true,
                        .text = POLICY_TEXT_ENV_VALUE},
    [POLICY_ENV_UNSET] =
        LIST_ROW("environment", "unset", POLICY_TEXT_ENV_NAME, true, ANY_VALUE, NULL),
    [POLICY_ENV_CLEAR] = BOOL_ROW("environment", "clear", BOTH, NULL),
    [POLICY_ENV_DOTENV] = STRING_ROW("environment", "dotenv", POLICY_TEXT_FILE),

    [POLICY_SYSCALLS_PROFILE] =
        ENUM_ROW("syscalls", "profile", syscalls_names, ALL_VALUES, NULL, true),
    [POLICY_SYSCALLS_ALLOW] =
        LIST_ROW("syscalls", "allow", POLICY_TEXT_SYSCALL, false, ANY_VALUE, NULL),
    [POLICY_SYSCALLS_DENY] =
        LIST_ROW("syscalls", "deny", POLICY_TEXT_SYSCALL, true, ANY_VALUE, NULL),

    [POLICY_LIFETIME] = ENUM_ROW("", "lifetime", lifetime_names, ALL_VALUES, NULL, true),
    [POLICY_TERMINAL] = ENUM_ROW("", "terminal", terminal_names, BIT(TERMINAL_SHARED),
                                 "a private terminal does not exist yet: use shared", true),

    [POLICY_LIMIT_MEMORY] =
        NUMBER_ROW("limits", "memory", POLICY_TYPE_SIZE, 0, INT64_MAX, ANY_VALUE, NULL),
    [POLICY_LIMIT_PROCESSES] =
        NUMBER_ROW("limits", "processes", POLICY_TYPE_INT, 0, INT32_MAX, ANY_VALUE, NULL),
    [POLICY_LIMIT_OPEN_FILES] =
        NUMBER_ROW("limits", "open-files", POLICY_TYPE_INT, 0, INT32_MAX, ANY_VALUE, NULL),
    [POLICY_LIMIT_CPU_TIME] =
        NUMBER_ROW("limits", "cpu-time", POLICY_TYPE_DURATION, 0, INT32_MAX, ANY_VALUE, NULL),
    [POLICY_LIMIT_WALL_TIME] =
        NUMBER_ROW("limits", "wall-time", POLICY_TYPE_DURATION, 0, INT32_MAX, ANY_VALUE, NULL),
    [POLICY_LIMIT_FILE_SIZE] =
        NUMBER_ROW("limits", "file-size", POLICY_TYPE_SIZE, 0, INT64_MAX, ANY_VALUE, NULL),
    [POLICY_LIMIT_CPUS] = NUMBER_ROW("limits", "cpus", POLICY_TYPE_INT, 0, 4096, ANY_VALUE, NULL),

    [POLICY_DEVICES] = LIST_ROW("", "devices", POLICY_TEXT_ANY, false, ONLY_DEFAULT, NO_DEVICES),
    [POLICY_DESKTOP_PORTAL] = BOOL_ROW("desktop", "portal", ONLY_FALSE, NO_DESKTOP),
    [POLICY_DESKTOP_X11] = BOOL_ROW("desktop", "x11", ONLY_FALSE, NO_DESKTOP),
    [POLICY_DESKTOP_WAYLAND] = BOOL_ROW("desktop", "wayland", ONLY_FALSE, NO_DESKTOP),
    [POLICY_DESKTOP_AUDIO] = BOOL_ROW("desktop", "audio", ONLY_FALSE, NO_DESKTOP),
    [POLICY_AUDIT_LEVEL] = ENUM_ROW("audit", "level", audit_names, ALL_VALUES, NULL, false),

    [POLICY_ID_UID] = NUMBER_ROW("identity", "uid", POLICY_TYPE_INT, -1, UINT32_MAX - INT64_C(1),
                                 ANY_VALUE, NULL),
    [POLICY_ID_GID] = NUMBER_ROW("identity", "gid", POLICY_TYPE_INT, -1, UINT32_MAX - INT64_C(1),
                                 ANY_VALUE, NULL),
    [POLICY_ID_HOSTNAME] = STRING_ROW("identity", "hostname", POLICY_TEXT_HOSTNAME),
    [POLICY_PROC_CHDIR] = STRING_ROW("process", "chdir", POLICY_TEXT_DIR),
    [POLICY_PROC_NEW_SESSION] = BOOL_ROW("process", "new-session", BOTH, NULL),
    [POLICY_PROC_USERNS] = BOOL_ROW("process", "user-namespaces", BOTH, NULL),
    [POLICY_CAPABILITIES] =
        LIST_ROW("", "capabilities", POLICY_TEXT_CAPABILITY, false, ANY_VALUE, NULL),
};
static_assert(sizeof(fields) / sizeof(fields[0]) == POLICY_FIELD__COUNT, "one row per field");

const struct policy_field_info *policy_field_info(enum policy_field field)
{
    return &fields[field];
}

const char *policy_field_name(enum policy_field field, char *buf, size_t size)
{
    const struct policy_field_info *info = &fields[field];

    snprintf(buf, size, "%s%s%s", info->section, info->section[0] != '\0' ? "." : "", info->key);
    return buf;
}

enum policy_field policy_field_find(const char *section, const char *key)
{
    size_t i = 0;

    while (i < POLICY_FIELD__COUNT &&
           !(str_eq(fields[i].section, section) && str_eq(fields[i].key, key)))
        i++;
    return (enum policy_field)i;
}

bool policy_is_section(const char *name)
{
    if (name[0] == '\0')
        return false;
    for (size_t i = 0; i < POLICY_FIELD__COUNT; i++) {
        if (str_eq(fields[i].section, name))
            return true;
    }
    return false;
}

const char *policy_unenforced(enum policy_field field, const struct policy_value *value)
{
    const struct policy_field_info *info = &fields[field];
    bool is_default =
        value->count == 0 && value->number == 0 && (!value->text || value->text[0] == '\0');

    if (info->type == POLICY_TYPE_ENUM || info->type == POLICY_TYPE_BOOL)
        return (info->enforced >> (value->number & 31)) & 1u ? NULL : info->missing;
    return info->enforced & ANY_VALUE || is_default ? NULL : info->missing;
}
