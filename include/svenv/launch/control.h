/* Messages between the launcher and pid 1 of its sandbox, over a SOCK_SEQPACKET pair. The program
 * holds neither end. */
#ifndef SVENV_LAUNCH_CONTROL_H
#define SVENV_LAUNCH_CONTROL_H

#include <stdint.h>

enum control_kind {
    CONTROL_PING,   /* to pid 1: answer once every signal so far has been reported */
    CONTROL_PONG,   /* its answer, with the same `value` */
    CONTROL_SIGNAL, /* from pid 1: the process group (or the whole tree) got signal `value` */
    CONTROL_LEFT,   /* to pid 1: does anything still run? Answer: LEFT with value 0 or 1 */
    CONTROL_DETACH, /* to pid 1: live on without the launcher, at most `value` seconds (0: no end)
                     */
};

struct control_message {
    uint32_t kind;
    uint32_t value;
};

#endif
