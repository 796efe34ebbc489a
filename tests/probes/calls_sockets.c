#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"

static int call_socket(char **words)
{
    return result_of(
        socket((int)number_of(words[0]), (int)number_of(words[1]), (int)number_of(words[2])));
}

static int call_socketpair(char **words)
{
    int ends[2];

    return result_of(socketpair((int)number_of(words[0]), (int)number_of(words[1]), 0, ends));
}

/* Port 9 of localhost, where nobody listens: EINPROGRESS or ECONNREFUSED comes back when the call
 * itself is let through. */
static int send_fast_open(int how)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct iovec part = {.iov_base = &to, .iov_len = 1};
    struct mmsghdr message = {
        .msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &part, .msg_iovlen = 1}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (how == 0)
        return result_of(sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
                                (const struct sockaddr *)&to, sizeof(to)));
    if (how == 1)
        return result_of(sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN | MSG_NOSIGNAL));
    return result_of(sendmmsg(fd, &message, 1, MSG_FASTOPEN | MSG_NOSIGNAL));
}

static int call_fast_sendto(char **words)
{
    (void)words;
    return send_fast_open(0);
}

static int call_fast_sendmsg(char **words)
{
    (void)words;
    return send_fast_open(1);
}

static int call_fast_sendmmsg(char **words)
{
    (void)words;
    return send_fast_open(2);
}

static int call_setsockopt(char **words)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    return fd < 0 ? -errno
                  : result_of(setsockopt(fd, (int)number_of(words[0]), (int)number_of(words[1]),
                                         &on, sizeof(on)));
}

static int call_attach_filter(char **words)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
    struct sock_fprog program = {.len = 1, .filter = code};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)words;
    return fd < 0
               ? -errno
               : result_of(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

/* On the terminal that is standard input. The argument is one space, should the kernel do it. */
static int call_ioctl(char **words)
{
    char text[64] = " ";

    return result_of(ioctl(0, (unsigned long)number_of(words[0]), text));
}

const struct call socket_calls[] = {
    {"socket", call_socket, false},
    {"socketpair", call_socketpair, false},
    {"fastopen-sendto", call_fast_sendto, false},
    {"fastopen-sendmsg", call_fast_sendmsg, false},
    {"fastopen-sendmmsg", call_fast_sendmmsg, false},
    {"setsockopt", call_setsockopt, false},
    {"attach-filter", call_attach_filter, false},
    {"ioctl", call_ioctl, false},
    {NULL, NULL, false},
};
