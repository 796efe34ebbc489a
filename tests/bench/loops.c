/* Times two loops over one file, stat and open+read+close, and prints nanoseconds per round. The
 * best of several passes: what disturbs a pass only ever makes it slower. Without a file it prints
 * the time at which it runs, in nanoseconds of the monotonic clock. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PASSES = 20,
    ROUNDS = 5000
};

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int one_stat(const char *path)
{
    struct stat st;

    return stat(path, &st);
}

static int one_read(const char *path)
{
    char bytes[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd < 0)
        return -1;
    got = read(fd, bytes, sizeof(bytes));
    close(fd);
    return got > 0 ? 0 : -1;
}

/* Return: nanoseconds per round, or -1. */
static int64_t best_of(int (*body)(const char *), const char *path)
{
    int64_t best = INT64_MAX;

    for (int pass = 0; pass < PASSES; pass++) {
        int64_t begin = now();
        int64_t took;

        for (int i = 0; i < ROUNDS; i++) {
            if (body(path) < 0)
                return -1;
        }
        took = (now() - begin) / ROUNDS;
        best = took < best ? took : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    int64_t began = now();
    int64_t by_stat = argc == 2 ? best_of(one_stat, argv[1]) : -1;
    int64_t by_read = argc == 2 ? best_of(one_read, argv[1]) : -1;

    if (argc == 1) {
        printf("%lld\n", (long long)began);
        return 0;
    }
    if (by_stat < 0 || by_read < 0) {
        fprintf(stderr, "usage: bench-loops [FILE] (readable, not empty)\n");
        return 1;
    }
    printf("%lld %lld\n", (long long)by_stat, (long long)by_read);
    return 0;
}
