/* How a plan says that something is covered because a protected thing leads there. */
#ifndef SVENV_COMPUTE_LEADS_H
#define SVENV_COMPUTE_LEADS_H

struct plan;
struct strv;

enum lead_verb {
    LEAD_NAMED,
    LEAD_LINKED,
    LEAD_SAME,
    LEAD_VERB__COUNT
};
/* "named by ": the name of the thing follows. */
const char *lead_words(enum lead_verb verb);

/* Adds a line for each file that the plan covers for that reason, with the reason. */
void leads_list(const struct plan *plan, struct strv *out);

#endif
