/* Signals on their way to the program: which arrive where, with a pid 1 that the test plays. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "../child.h"

#include "signals-internal.h"

/* Queued, so that each that is sent can be counted. */
#define NUMBER (SIGRTMIN + 1)
#define MARK SIGRTMAX

struct world {
    struct signals signals;
    int pid_1; /* its end of the socket */
    uint32_t answered;
    pid_t program;
    int told; /* what the program got, a byte each */
    int64_t now_ms;
};

static _Noreturn void be_the_program(int say)
{
    sigset_t all;
    int number = 0;

    sigfillset(&all);
    while ((number = sigwaitinfo(&all, NULL)) > 0) {
        char byte = (char)number;

        if (write(say, &byte, 1) != 1)
            break;
    }
    _exit(1);
}

static void begin(struct world *w)
{
    int pair[2], told[2];
    sigset_t all;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(pipe(told), 0);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    *w = (struct world){.pid_1 = pair[1], .told = told[0], .now_ms = 1000000};
    w->program = fork();
    if (w->program == 0)
        be_the_program(told[1]);
    w->signals = (struct signals){.control = pair[0], .program = w->program, .terminal = -1};
}

static void end(struct world *w)
{
    kill(w->program, SIGKILL);
    waitpid(w->program, NULL, 0);
    close(w->signals.control);
    close(w->pid_1);
    close(w->told);
}

/* How many of `number` the program got until now: the mark is the last of what is pending. */
static int arrived(const struct world *w, int number)
{
    int count = 0;
    char byte = 0;

    kill(w->program, MARK);
    while (read(w->told, &byte, 1) == 1 && byte != (char)MARK)
        count += byte == (char)number;
    return byte == (char)MARK ? count : -1;
}

static void got(struct world *w, int number, int code, pid_t from)
{
    struct signalfd_siginfo info = {
        .ssi_signo = (uint32_t)number, .ssi_code = code, .ssi_pid = (uint32_t)from};

    signals_got(&w->signals, &info);
    signals_ask(&w->signals, w->now_ms);
}

static void say(struct world *w, enum control_kind kind, uint32_t value)
{
    struct control_message message = {.kind = kind, .value = value};

    signals_report(&w->signals, &message, w->now_ms);
}

/* Return: how many questions there were. */
static int answer(struct world *w)
{
    struct control_message message;
    int count = 0;

    while (recv(w->pid_1, &message, sizeof(message), MSG_DONTWAIT) == (ssize_t)sizeof(message)) {
        if (message.kind != CONTROL_PING || message.value <= w->answered)
            return -1;
        w->answered = message.value;
        say(w, CONTROL_PONG, message.value);
        count++;
    }
    return count;
}

static void pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    signals_pass(&w->signals, w->now_ms);
}

/* g: got from outside. k: from the kernel. p: from the program. r: pid 1 reports. a: it answers.
 * +: the grace passes. h: the time for an answer passes. c: the time of a credit passes. */
static void play(struct world *w, const char *script)
{
    for (const char *c = script; *c; c++) {
        switch (*c) {
        case 'g':
            got(w, NUMBER, SI_USER, 1);
            break;
        case 'k':
            got(w, NUMBER, SI_KERNEL, 0);
            break;
        case 'p':
            got(w, NUMBER, SI_USER, w->program);
            break;
        case 'r':
            say(w, CONTROL_SIGNAL, (uint32_t)NUMBER);
            break;
        case 'a':
            cr_assert_geq(answer(w), 0, "%s", script);
            break;
        case '+':
            pass(w, 15);
            break;
        case 'h':
            pass(w, 1000);
            break;
        case 'c':
            pass(w, 301);
            break;
        default:
            cr_assert_fail("%s", script);
        }
    }
}

static const struct {
    const char *what;
    const char *script;
    int arrives; /* how many the program gets of us */
} ways[] = {
    {"to this process alone", "ga+a", 1},
    {"to this process alone, and it takes its grace", "ga", 0},
    {"to this process alone, pid 1 is asked once more", "ga+", 0},
    {"pid 1 is stopped and never answers", "gh+h", 1},
    {"pid 1 answers late", "ghr", 0},
    {"to the group", "rga+a", 0},
    {"to the group, the report comes second", "gra+a", 0},
    {"to every process, pid 1 after us", "gar+a", 0},
    {"to every process, pid 1 had no processor", "ga+ra", 0},
    {"to every process, pid 1 too late", "ga+ar", 1},
    {"three times to this process", "ggga+a", 3},
    {"three times, one after the other", "ga+aga+aga+a", 3},
    {"three times to the group", "rrrggga+a", 0},
    {"three times, two of them to the group", "grgrga+a", 1},
    {"a report too many swallows one", "ga+arga+a", 1},
    {"but not for long", "ga+arcga+a", 2},
    {"from the terminal", "rka+a", 0},
    {"from the terminal, pid 1 has nothing of it", "ka+a", 0},
    {"the terminal's report is used up by it", "rkaga+a", 1},
    {"by the program to its group", "pa+a", 0},
    {"from the terminal and to this process", "rkga+a", 1},
};

Test(signals, each_arrives_exactly_once, .timeout = 60)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct world w;

        begin(&w);
        play(&w, ways[i].script);
        cr_expect_eq(arrived(&w, NUMBER), ways[i].arrives, "%s", ways[i].what);
        end(&w);
    }
}

Test(signals, an_answer_settles_what_was_asked_before_it)
{
    struct world w;

    begin(&w);
    got(&w, NUMBER, SI_USER, 1);
    got(&w, NUMBER, SI_USER, 1);
    cr_expect_eq(w.signals.asked, 2);
    say(&w, CONTROL_PONG, 1);
    cr_expect_eq(w.signals.held[0].state, HELD_WAITING);
    cr_expect_eq(w.signals.held[1].state, HELD_ASKED);
    say(&w, CONTROL_PONG, 77); /* of no question */
    cr_expect_eq(w.signals.held[1].state, HELD_ASKED);
    say(&w, CONTROL_PONG, 2);
    cr_expect_eq(w.signals.held[1].state, HELD_WAITING);
    end(&w);
}

Test(signals, several_at_once_are_one_question)
{
    struct world w;
    struct signalfd_siginfo info = {.ssi_signo = SIGTERM, .ssi_pid = 1};

    begin(&w);
    signals_got(&w.signals, &info);
    info.ssi_signo = SIGHUP;
    signals_got(&w.signals, &info);
    signals_ask(&w.signals, w.now_ms);
    signals_ask(&w.signals, w.now_ms);
    cr_expect_eq(answer(&w), 1);
    pass(&w, 15);
    cr_expect_eq(answer(&w), 1);
    cr_expect_eq(arrived(&w, SIGTERM), 1);
    end(&w);
}

Test(signals, numbers_do_not_mix)
{
    struct world w;

    begin(&w);
    got(&w, SIGTERM, SI_USER, 1);
    got(&w, SIGHUP, SI_USER, 1);
    say(&w, CONTROL_SIGNAL, SIGTERM);
    say(&w, CONTROL_SIGNAL, SIGNAL_COUNT); /* there is no such */
    play(&w, "a+a");
    cr_expect_eq(arrived(&w, SIGHUP), 1);
    got(&w, SIGCHLD, SI_USER, 1);
    cr_expect_eq(w.signals.held_count, 0);
    end(&w);
}

Test(signals, it_says_when_something_is_due)
{
    struct world w;

    begin(&w);
    cr_expect_eq(signals_due(&w.signals), 0);
    got(&w, NUMBER, SI_USER, 1);
    cr_expect_eq(signals_due(&w.signals), w.now_ms + 1000);
    answer(&w);
    cr_expect_eq(signals_due(&w.signals), w.now_ms + 15);
    pass(&w, 14);
    cr_expect_eq(w.signals.held[0].state, HELD_WAITING);
    pass(&w, 1);
    cr_expect_eq(w.signals.held[0].state, HELD_LAST);
    cr_expect_eq(signals_due(&w.signals), w.now_ms + 1000);
    answer(&w);
    cr_expect_eq(signals_due(&w.signals), 0);
    end(&w);
}

Test(signals, what_does_not_fit_waits_in_the_kernel)
{
    struct world w;

    begin(&w);
    while (signals_have_room(&w.signals))
        got(&w, NUMBER, SI_USER, 1);
    cr_expect_eq(w.signals.held_count, HELD_MAX);
    answer(&w);
    pass(&w, 15);
    answer(&w);
    cr_expect(signals_have_room(&w.signals));
    cr_expect_eq(arrived(&w, NUMBER), HELD_MAX);
    end(&w);
}

Test(signals, nothing_is_sent_to_a_program_that_has_ended)
{
    struct world w;

    begin(&w);
    play(&w, "gag");
    signals_forget_program(&w.signals);
    cr_expect_eq(signals_due(&w.signals), 0);
    play(&w, "a+ag+ah+h");
    cr_expect_eq(w.signals.held_count, 0);
    cr_expect_eq(arrived(&w, NUMBER), 0);
    end(&w);
}

Test(signals, without_a_pid_1_nothing_is_waited_for)
{
    struct world w;

    begin(&w);
    play(&w, "gag");
    signals_forget_control(&w.signals);
    pass(&w, 0);
    cr_expect_eq(w.signals.held[1].state, HELD_WAITING);
    pass(&w, 15);
    cr_expect_eq(arrived(&w, NUMBER), 2);
    cr_expect_eq(w.signals.held_count, 0);
    end(&w);
}

/* The job's leader, with a program that leads a group of its own. */
static int own_group(void *arg)
{
    struct world w;
    int count = 0;

    (void)arg;
    setpgid(0, 0);
    begin(&w);
    setpgid(w.program, w.program);
    play(&w, "g");
    if (arrived(&w, NUMBER) != 0)
        return 1;
    play(&w, "a"); /* at once, without a grace */
    if (arrived(&w, NUMBER) != 1)
        return 2;
    play(&w, "krarga");
    count = arrived(&w, NUMBER);
    if (count != 2)
        return 10 + count;
    play(&w, "pa");
    if (arrived(&w, NUMBER) != 0 || w.signals.held_count != 0)
        return 3;
    end(&w);
    return 0;
}

Test(signals, a_program_that_has_left_the_job_gets_what_the_job_gets)
{
    cr_expect_eq(in_child(own_group, NULL), 0);
}
