/* Says whether a repository's configuration could run something. Anything unknown counts as such.
 */
#include "svenv/git/plain.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/git/config.h"
#include "svenv/git/keys.h"

enum {
    ROOM_BYTES = PATH_MAX + 512 /* of one entry */
};

struct plain {
    char *worktree;
    size_t size;
};

/* Does git reach the address by itself or ssh, and run no helper for it? */
static bool git_url_is_plain(const char *url)
{
    static const char *const schemes[] = {"https", "http", "ssh", "git", "file"};
    const char *colon = strchr(url, ':');
    const char *scheme = strstr(url, "://");

    if (url[0] == '-' || strstr(url, "::") != NULL || strstr(url, "@-") != NULL ||
        strstr(url, "/-") != NULL)
        return false;
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at <= ' ')
            return false;
    }
    if (scheme == NULL || colon != scheme)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (strlen(schemes[i]) == (size_t)(scheme - url) &&
            strncasecmp(url, schemes[i], (size_t)(scheme - url)) == 0)
            return true;
    }
    return false;
}

static bool entry_is_plain(void *context, const struct git_config_entry *entry)
{
    struct plain *plain = context;

    switch (git_key_of(entry)) {
    case GIT_KEY_DATA:
        return true;
    case GIT_KEY_URL:
        return entry->value != NULL && git_url_is_plain(entry->value);
    case GIT_KEY_WORKTREE: /* belongs only into the repositories of submodules */
        if (plain->worktree == NULL || *plain->worktree != '\0' || entry->value == NULL ||
            strlen(entry->value) >= plain->size)
            return false;
        memcpy(plain->worktree, entry->value, strlen(entry->value) + 1);
        return true;
    case GIT_KEY_OTHER:
    case GIT_KEY_PATH:
    case GIT_KEY_HOOKS:
    case GIT_KEY_INCLUDE:
    case GIT_KEY_COMMAND:
        break;
    }
    return false;
}

/* Versions of git may differ over other bytes, and git writes none of them. */
static bool has_odd_bytes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
            return true;
    }
    return false;
}

bool git_config_is_plain(const char *text, size_t len, char *worktree_out, size_t size)
{
    struct plain plain = {.worktree = worktree_out, .size = size};
    char room[ROOM_BYTES];

    if (worktree_out != NULL)
        *worktree_out = '\0';
    return !has_odd_bytes(text, len) &&
           git_config_read(text, len, room, sizeof(room), entry_is_plain, &plain) == 0;
}
