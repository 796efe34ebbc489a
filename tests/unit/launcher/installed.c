/* Stands for the installed program in test_helper.c: its third word says what it does. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/status.h"

extern char **environ;

static int say(const char *text)
{
    puts(text);
    return STATUS_OURS;
}

static int say_words(char **words)
{
    for (; *words; words++)
        printf("%s%s", *words, words[1] ? " " : "\n");
    return STATUS_OURS;
}

static int say_mask(void)
{
    sigset_t mask;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 32; number++)
        putchar(sigismember(&mask, number) == 1 ? '1' : '0');
    return STATUS_OURS;
}

static int say_much(void)
{
    for (int i = 0; i < 5000; i++)
        putchar('x');
    return STATUS_OURS;
}

static int wait_for_word(void)
{
    char byte;

    printf("%d\n", (int)getpid());
    fflush(stdout);
    return read(3, &byte, 1) == 1 ? 7 : 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[3] : "";

    alarm(600);
    if (strcmp(what, "well") == 0)
        return 0;
    if (strcmp(what, "refuses") == 0)
        return say("the bus is gone\nand more");
    if (strcmp(what, "mute") == 0)
        return STATUS_OURS;
    if (strcmp(what, "coloured") == 0)
        return say("\033[31mred");
    if (strcmp(what, "much") == 0)
        return say_much();
    if (strcmp(what, "words") == 0)
        return say_words(argv);
    if (strcmp(what, "variables") == 0)
        return say_words(environ);
    if (strcmp(what, "mask") == 0)
        return say_mask();
    if (strcmp(what, "waits") == 0)
        return wait_for_word();
    if (strcmp(what, "silent") == 0)
        pause();
    if (strcmp(what, "killed") == 0)
        raise(SIGKILL);
    (void)say("nobody shall read this");
    return 1;
}
