/* Between the judge and what it knows of poison. */
#ifndef BL_SIM_JUDGE_H
#define BL_SIM_JUDGE_H

#include "sim.h"

#define JUDGE_DIED_OF_EVENT "workers died of this event"
#define KEY(...)            sim_text(x->sim, __VA_ARGS__)

/* The undisturbed run. */
struct reference {
    struct sim *sim;
    struct bl_partition *partition;
    struct table t;
    struct list changes, aside, recent;
    size_t n_recent;           /* of them, as many are to be kept */
    const struct list *stored; /* what was set aside in fact */
    const struct entry *at;    /* what is run; the line of it */
    int64_t line;
    struct bl_rules *rules;
    int64_t version;
};

static inline void must(enum bl_err err)
{
    if (err != BL_OK)
        abort();
}

/* judge.c: it has to be set aside, and counted. */
void judge_aside(struct reference *x, struct bl_str text);

/* judge_poison.c */
struct bl_str judge_aside_text(struct reference *x, const struct entry *e, int64_t line, const char *reason,
                               struct bl_str text);
/* Nothing kills the judge while it runs; NULL: it is the workers' turn again. */
void judge_runs(struct reference *x);
/* The line is one that killed those who went through it again: it was set aside then, and is nowhere else. */
bool judge_taken_again(struct reference *x);
/* The event is to be left out. */
bool judge_kills(struct reference *x, const struct entry *e, int64_t number, struct bl_str page,
                 struct bl_str line);
/* The entry is over: whose states were set aside as of there. */
void judge_drop_stored(struct reference *x, const struct entry *e);
/* What was set aside in a redo. */
void judge_redone(struct reference *x);

#endif
