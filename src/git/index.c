/* Reads git's index (gitformat-index(5)). */
#include "svenv/git/index.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/str.h"

enum {
    HEAD_BYTES = 12,
    MODE_AT = 24, /* in an entry */
    HASH_AT = 40,
    FLAGS_AT = 60,
    ENTRY_BYTES = 62,
    FLAG_EXTENDED = 0x4000,
    FLAG_STAGE = 0x3000
};

/* Into memory of our own: a file that somebody cuts would end whoever maps it. */
static int read_whole(int fd, unsigned char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(fd, bytes + done, len - done, (off_t)done);

        if (got <= 0)
            return got < 0 ? -errno : -EBADMSG;
        done += (size_t)got;
    }
    return 0;
}

int git_index_open(int dir, struct git_index *out)
{
    auto_fd int fd = fd_open_beneath(dir, "index", O_RDONLY, 0);
    unsigned char *bytes = NULL;
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size < HEAD_BYTES + SHA1_BYTES ||
        st.st_size > GIT_INDEX_BYTES_MAX)
        return -EBADMSG;
    bytes =
        mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    rc = read_whole(fd, bytes, (size_t)st.st_size);
    *out = (struct git_index){.bytes = bytes, .len = (size_t)st.st_size};
    if (rc < 0)
        git_index_close(out);
    return rc;
}

void git_index_close(struct git_index *index)
{
    union {
        const void *in;
        void *out;
    } bytes = {.in = index->bytes};

    if (bytes.in != NULL)
        munmap(bytes.out, index->len);
    *index = (struct git_index){.bytes = NULL};
}

static uint32_t number_at(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

struct index_reader {
    const unsigned char *at, *end; /* the hash of the whole is behind the end */
    uint32_t version;
    char path[PATH_MAX]; /* of the entry; in version 4 also the beginning of the next */
    size_t path_len;
    struct git_entry entry;
    unsigned stage;
};

static size_t index_left(const struct index_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* How much of the path before is to be cut off: the one number of this kind in the format. */
static int read_cut(struct index_reader *r, size_t *cut_out)
{
    size_t cut = 0;
    unsigned char byte = 0;

    do {
        if (r->at == r->end || cut > PATH_MAX)
            return -EBADMSG;
        byte = *r->at++;
        cut = cut << 7 | (byte & 0x7f);
        cut += (byte & 0x80) != 0;
    } while (byte & 0x80);
    *cut_out = cut;
    return 0;
}

static int read_path(struct index_reader *r)
{
    size_t cut = r->path_len;
    size_t len = 0;

    if (r->version == 4 && read_cut(r, &cut) < 0)
        return -EBADMSG;
    len = strnlen((const char *)r->at, index_left(r));
    if (cut > r->path_len || len == index_left(r) || r->path_len - cut + len >= sizeof(r->path))
        return -EBADMSG;
    r->path_len -= cut;
    memcpy(r->path + r->path_len, r->at, len + 1);
    r->path_len += len;
    r->at += len + 1;
    return 0;
}

static int index_entry(struct index_reader *r)
{
    const unsigned char *begin = r->at;
    unsigned flags = 0;
    size_t bytes = 0;

    if (index_left(r) < ENTRY_BYTES + 2)
        return -EBADMSG;
    r->entry.mode = number_at(begin + MODE_AT);
    memcpy(r->entry.hash, begin + HASH_AT, SHA1_BYTES);
    flags = (unsigned)begin[FLAGS_AT] << 8 | begin[FLAGS_AT + 1];
    if ((flags & FLAG_EXTENDED) && r->version == 2)
        return -EBADMSG;
    r->stage = flags & FLAG_STAGE;
    r->at += ENTRY_BYTES + (flags & FLAG_EXTENDED ? 2 : 0);
    if (read_path(r) < 0)
        return -EBADMSG;
    bytes = (size_t)(r->at - begin);
    if (r->version == 4)
        return 0;
    bytes = (bytes + 7) & ~(size_t)7; /* padded with zeros, of which one ends the path */
    if (bytes > (size_t)(r->end - begin))
        return -EBADMSG;
    r->at = begin + bytes;
    return 0;
}

/* Extensions fill the rest. With another hash than SHA-1 they don't. One that begins with a small
 * letter changes what the entries mean. */
static int read_extensions(struct index_reader *r)
{
    while (index_left(r) > 0) {
        size_t len = 0;

        if (index_left(r) < 8 || *r->at < 'A' || *r->at > 'Z')
            return -EBADMSG;
        len = number_at(r->at + 4);
        if (len > index_left(r) - 8)
            return -EBADMSG;
        r->at += 8 + len;
    }
    return 0;
}

int git_index_find(const struct git_index *index, const char *path, struct git_entry *out)
{
    struct index_reader r = {.at = index->bytes, .end = index->bytes};
    struct git_entry found = {.mode = 0};
    uint32_t count = 0;

    if (index->len < HEAD_BYTES + SHA1_BYTES || memcmp(r.at, "DIRC", 4) != 0)
        return -EBADMSG;
    r.end += index->len - SHA1_BYTES;
    r.version = number_at(r.at + 4);
    count = number_at(r.at + 8);
    r.at += HEAD_BYTES;
    if (r.version < 2 || r.version > 4)
        return -EBADMSG;
    for (uint32_t i = 0; i < count; i++) {
        if (index_entry(&r) < 0)
            return -EBADMSG;
        if (r.stage == 0 && str_eq(r.path, path))
            found = r.entry;
    }
    if (read_extensions(&r) < 0)
        return -EBADMSG;
    if (found.mode != 0)
        *out = found;
    return found.mode != 0;
}
