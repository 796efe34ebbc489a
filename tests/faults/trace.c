#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

struct tracee tracees[TRACEES_MAX];
static bool none_waits; /* for a name: who should tell it may be dead */

pid_t trace_start(char **argv)
{
    unsigned long wanted = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                           PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int gate[2];
    char byte;
    pid_t pid;
    struct tracee *t;

    if (pipe(gate) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        close(gate[1]);
        while (read(gate[0], &byte, 1) < 0) {
        }
        close(gate[0]);
        execv(argv[0], argv);
        _exit(127);
    }
    close(gate[0]);
    if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, wanted) < 0 ||
        ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
        return -1;
    t = trace_find(pid);
    memcpy(t->name, "0", 2);
    t->generation = -1;
    close(gate[1]);
    return pid;
}

struct tracee *trace_find(pid_t pid)
{
    struct tracee *free_slot = NULL;

    for (size_t i = 0; i < TRACEES_MAX; i++) {
        if (tracees[i].pid == pid)
            return &tracees[i];
        if (tracees[i].pid == 0 && !free_slot)
            free_slot = &tracees[i];
    }
    if (!free_slot)
        abort();
    *free_slot = (struct tracee){.pid = pid};
    return free_slot;
}

void trace_forget(pid_t pid)
{
    trace_find(pid)->pid = 0;
}

void trace_release_unnamed(void)
{
    none_waits = true;
    for (size_t i = 0; i < TRACEES_MAX; i++) {
        if (tracees[i].pid == 0 || !tracees[i].waits)
            continue;
        memcpy(tracees[i].name, "?", 2);
        tracees[i].waits = false;
        trace_go_on(&tracees[i], 0);
    }
}

void trace_name_child(struct tracee *parent)
{
    unsigned long pid = 0;
    struct tracee *child;
    int len;

    /* The event carries the child's pid as this process sees it. */
    if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0 || pid == 0)
        return;
    child = trace_find((pid_t)pid);
    len = snprintf(child->name, NAME_SIZE, "%s.%d", parent->name, ++parent->children);
    if (len >= NAME_SIZE)
        abort();
    child->generation = parent->generation;
    if (child->waits)
        trace_go_on(child, 0);
    child->waits = false;
}

void trace_go_on(struct tracee *t, int number)
{
    ptrace(PTRACE_SYSCALL, t->pid, NULL, (unsigned long)number);
}

void trace_go_on_or_stop(struct tracee *t, int number)
{
    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        ptrace(PTRACE_LISTEN, t->pid, NULL, NULL);
    else if (t->name[0] || none_waits)
        trace_go_on(t, 0);
    else
        t->waits = true;
}

void trace_let_go(struct tracee *t)
{
    ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
}

long trace_entry(pid_t pid)
{
    struct __ptrace_syscall_info info = {0};

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return -1;
    return (long)info.entry.nr;
}

static void get_registers(pid_t pid, struct user_regs_struct *out)
{
    struct iovec range = {.iov_base = out, .iov_len = sizeof(*out)};

    ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &range);
}

static void set_registers(pid_t pid, struct user_regs_struct *in)
{
    struct iovec range = {.iov_base = in, .iov_len = sizeof(*in)};

    ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &range);
}

#if defined(__x86_64__)
void trace_replace(pid_t pid, long number)
{
    struct user_regs_struct registers;

    get_registers(pid, &registers);
    registers.orig_rax = (unsigned long)number;
    set_registers(pid, &registers);
}

void trace_fail(pid_t pid, int code)
{
    struct user_regs_struct registers;

    get_registers(pid, &registers);
    registers.rax = (unsigned long)-(long)code;
    set_registers(pid, &registers);
}
#elif defined(__aarch64__)
void trace_replace(pid_t pid, long number)
{
    int value = (int)number;
    struct iovec range = {.iov_base = &value, .iov_len = sizeof(value)};

    ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &range);
}

void trace_fail(pid_t pid, int code)
{
    struct user_regs_struct registers;

    get_registers(pid, &registers);
    registers.regs[0] = (unsigned long)-(long)code;
    set_registers(pid, &registers);
}
#else
#error "this architecture's registers are not known here"
#endif
