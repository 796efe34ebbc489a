/* Decides what is to be done about one name. Pure: two tables, one for bringing both sides
 * together, one for undoing the wrapping. */
#ifndef SVENV_WRAP_DECIDE_INTERNAL_H
#define SVENV_WRAP_DECIDE_INTERNAL_H

struct pair;

enum act {
    ACT_KEEP,      /* in step: nothing */
    ACT_LEAVE,     /* not ours to touch: counted as skipped */
    ACT_ADOPT,     /* bin's becomes the real one, a stub takes its place */
    ACT_PUBLISH,   /* a new real one gets its stub */
    ACT_REPAIR,    /* the stub is written again */
    ACT_DROP_STUB, /* the real one is gone */
    ACT_DROP_REAL, /* the host's tool removed it */
    ACT_COPY_IN,   /* no entry point: programs see a copy */
    ACT_RESTORE,   /* undo only: the real one goes back to bin */
    ACT__COUNT
};

/* `room`: is there space left for one more published name? */
enum act decide_sync(const struct pair *pair, int room);
enum act decide_undo(const struct pair *pair);

#endif
