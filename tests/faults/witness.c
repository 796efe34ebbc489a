/* Runs inside, in the place of the program: describes the sandbox line by line, and ends with its
 * standard input. Lines leave out everything that differs between two complete sandboxes of the
 * same plan (numbers of mounts, of processes). The last argument is the name of an abstract socket
 * outside. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

/* The lines of a file that begin with one of the words, or all. */
static void show_lines(const char *path, const char *const *words)
{
    FILE *file = fopen(path, "re");
    char line[4096];

    while (file && fgets(line, sizeof(line), file)) {
        for (const char *const *word = words; *word; word++) {
            if (strncmp(line, *word, strlen(*word)) == 0)
                printf("%s: %s", path, line);
        }
    }
    printf("%s: %s\n", path, file ? "read" : strerror(errno));
    if (file)
        fclose(file);
}

/* Without the numbers of mounts and devices, which differ from start to start. */
static void show_mounts(void)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[8192];

    while (file && fgets(line, sizeof(line), file)) {
        char root[4096], point[4096], flags[512];

        if (sscanf(line, "%*s %*s %*s %4095s %4095s %511s", root, point, flags) == 3)
            printf("mount %s %s %s%s", point, root, flags, strstr(line, " - "));
    }
    if (file)
        fclose(file);
}

static void show_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");

    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        struct stat st;
        int fd = atoi(entry->d_name);

        if (entry->d_name[0] != '.' && fd != dirfd(dir) && fstat(fd, &st) == 0)
            printf("descriptor %d %o\n", fd, st.st_mode & S_IFMT);
    }
    if (dir)
        closedir(dir);
}

static void show_links(void)
{
    static const char *const kinds[] = {"user", "mnt", "pid", "ipc", "uts", "cgroup", "net"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char path[64], text[64] = "";

        snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
        if (readlink(path, text, sizeof(text) - 1) < 0)
            snprintf(text, sizeof(text), "%s", strerror(errno));
        printf("namespace %s %s\n", kinds[i], text);
    }
}

static const char *said(int result)
{
    return result < 0 ? strerror(errno) : "ok";
}

/* Tries calls that Landlock alone forbids, from ABI 6 on. */
static void show_landlock_on_sockets(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path + 1, name, sizeof(address.sun_path) - 2);
    printf("abstract socket: %s\n", said(connect(fd, (struct sockaddr *)&address, size)));
    close(fd);
}

/* A file of the caller's, open for reading, opened again for writing: no mount forbids it. */
static void show_landlock_on_files(void)
{
    for (int fd = 3; fd < 64; fd++) {
        char path[64];
        struct stat st;
        int again;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        again = open(path, O_RDWR);
        printf("descriptor of a file, opened again: %s\n", said(again));
        if (again >= 0)
            close(again);
    }
}

static void show_network(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        printf("lo: %s\n", strerror(errno));
    else
        printf("lo: %s\n", request.ifr_flags & IFF_UP ? "up" : "down");
    close(fd);
}

static void show_rest(void)
{
    char text[256] = "";

    gethostname(text, sizeof(text) - 1);
    printf("host %s\n", text);
    printf("cwd %s\n", getcwd(text, sizeof(text)) ? text : strerror(errno));
    printf("parent %d\n", (int)getppid());
    printf("session %s\n", getsid(0) == getpid() ? "own" : "inherited");
    printf("securebits %d\n", prctl(PR_GET_SECUREBITS));
    printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
    printf("root of pid 1: %s\n", said((int)readlink("/proc/1/root", text, sizeof(text))));
    for (char **entry = environ; *entry; entry++)
        printf("variable %.*s\n", (int)strcspn(*entry, "="), *entry);
}

int main(int argc, char **argv)
{
    static const char *const status[] = {"Uid",    "Gid",    "Groups", "CapInh", "CapPrm",
                                         "CapEff", "CapBnd", "CapAmb", "NoNew",  "Seccomp",
                                         "SigBlk", "SigIgn", "NStgid", "Umask",  NULL};
    static const char *const all[] = {"", NULL};
    char byte;

    printf("began\n");
    fflush(stdout);
    show_lines("/proc/self/status", status);
    show_lines("/proc/self/limits", all);
    show_lines("/proc/sys/user/max_user_namespaces", all);
    show_mounts();
    show_descriptors();
    show_links();
    show_landlock_on_sockets(argv[argc - 1]);
    show_landlock_on_files();
    show_network();
    show_rest();
    printf("end\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return 0;
}
