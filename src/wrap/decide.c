/* Decides what is to be done about one name of a venv's bin. */
#include "decide-internal.h"

#include <stdbool.h>

#include "svenv/base/interpreter.h"
#include "svenv/base/str.h"

#include "svenv/find/names.h"
#include "svenv/find/survey.h"

/* Where more than the two sides counts: */
enum rule {
    RULE_KEEP,
    RULE_LEAVE,
    RULE_ADOPT,
    RULE_DROP_STUB,
    RULE_RESTORE,
    RULE_STUB,       /* repaired when worn */
    RULE_ORPHAN,     /* a stub without a real one: `shell` is meant to be so */
    RULE_RAW_OVER,   /* both sides have something to run */
    RULE_INSIDE,     /* only inside: new, or removed on the host */
    RULE_PLAIN,      /* no entry point: show a copy when it changed */
    RULE_PLAIN_OVER, /* an installer put an entry where the host has a plain file */
    RULE_UNDO_RAW,   /* undo: the host's tool wrote a newer one */
    RULE_UNDO_INSIDE,
    RULE_UNDO_PLAIN,
    RULE_UNDO_OTHER,
};

/* [what bin has][what sandbox/bin has]: ABSENT, STUB (never there), ENTRY, PLAIN, OTHER. A stub
 * whose real one lost its executable bit stays: the program then fails inside as it would have
 * natively. */
static const enum rule sync_rules[SIDE__COUNT][SIDE__COUNT] = {
    [SIDE_ABSENT] = {RULE_KEEP, RULE_KEEP, RULE_INSIDE, RULE_KEEP, RULE_LEAVE},
    [SIDE_STUB] = {RULE_ORPHAN, RULE_KEEP, RULE_STUB, RULE_STUB, RULE_ORPHAN},
    [SIDE_ENTRY] = {RULE_ADOPT, RULE_ADOPT, RULE_RAW_OVER, RULE_ADOPT, RULE_ADOPT},
    [SIDE_PLAIN] = {RULE_PLAIN, RULE_PLAIN, RULE_PLAIN_OVER, RULE_PLAIN, RULE_LEAVE},
    [SIDE_OTHER] = {RULE_LEAVE, RULE_LEAVE, RULE_LEAVE, RULE_LEAVE, RULE_LEAVE},
};

static const enum rule undo_rules[SIDE__COUNT][SIDE__COUNT] = {
    [SIDE_ABSENT] = {RULE_KEEP, RULE_KEEP, RULE_UNDO_INSIDE, RULE_UNDO_INSIDE, RULE_UNDO_OTHER},
    [SIDE_STUB] = {RULE_DROP_STUB, RULE_DROP_STUB, RULE_RESTORE, RULE_RESTORE, RULE_DROP_STUB},
    [SIDE_ENTRY] = {RULE_KEEP, RULE_KEEP, RULE_UNDO_RAW, RULE_KEEP, RULE_KEEP},
    [SIDE_PLAIN] = {RULE_KEEP, RULE_KEEP, RULE_UNDO_PLAIN, RULE_KEEP, RULE_KEEP},
    [SIDE_OTHER] = {RULE_KEEP, RULE_KEEP, RULE_KEEP, RULE_KEEP, RULE_KEEP},
};

static enum act decide_inside(const struct pair *pair, int room)
{
    /* Nobody uninstalls the interpreter from a venv: a missing stub is an accident. */
    if (pair->known)
        return interpreter_is_name(pair->name) ? ACT_REPAIR : ACT_DROP_REAL;
    return room && name_is_publishable(pair->name, pair->permitted) ? ACT_PUBLISH : ACT_LEAVE;
}

static bool is_replaced_inside(const struct pair *pair)
{
    return !pair->same && !name_is_sourced(pair->name);
}

/* Some packages install directories into bin. Byte code could have been forged inside. */
static bool is_data_directory(const struct pair *pair)
{
    return S_ISDIR(pair->real_st.st_mode) && name_is_publishable(pair->name, false) &&
           !str_eq(pair->name, "__pycache__");
}

static enum act apply_rule(enum rule rule, const struct pair *pair, int room)
{
    switch (rule) {
    case RULE_KEEP:
        return ACT_KEEP;
    case RULE_LEAVE:
        return ACT_LEAVE;
    case RULE_ADOPT:
        return ACT_ADOPT;
    case RULE_DROP_STUB:
        return ACT_DROP_STUB;
    case RULE_RESTORE:
        return ACT_RESTORE;
    case RULE_STUB:
        return pair->worn ? ACT_REPAIR : ACT_KEEP;
    case RULE_ORPHAN:
        if (!str_eq(pair->name, "shell"))
            return ACT_DROP_STUB;
        return pair->worn ? ACT_REPAIR : ACT_KEEP;
    case RULE_RAW_OVER:
        return pair->damaged ? ACT_REPAIR : ACT_ADOPT;
    case RULE_INSIDE:
        return decide_inside(pair, room);
    case RULE_PLAIN:
        return pair->same ? ACT_KEEP : ACT_COPY_IN;
    case RULE_PLAIN_OVER:
        if (is_replaced_inside(pair))
            return ACT_PUBLISH;
        return pair->same ? ACT_KEEP : ACT_COPY_IN;
    case RULE_UNDO_RAW:
        return pair->damaged || pair->linked ? ACT_RESTORE : ACT_KEEP;
    case RULE_UNDO_INSIDE:
        if (pair->known && !interpreter_is_name(pair->name))
            return ACT_KEEP;
        return pair->known || name_is_publishable(pair->name, false) ? ACT_RESTORE : ACT_KEEP;
    case RULE_UNDO_OTHER:
        return is_data_directory(pair) ? ACT_RESTORE : ACT_KEEP;
    case RULE_UNDO_PLAIN:
        return is_replaced_inside(pair) ? ACT_RESTORE : ACT_KEEP;
    }
    return ACT_LEAVE;
}

enum act decide_sync(const struct pair *pair, int room)
{
    return apply_rule(sync_rules[pair->bin][pair->real], pair, room);
}

enum act decide_undo(const struct pair *pair)
{
    return apply_rule(undo_rules[pair->bin][pair->real], pair, 0);
}
