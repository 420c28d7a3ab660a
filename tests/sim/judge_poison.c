/* What kills workers. The judge knows: its own run leaves it out, and the worker's must have set it aside, with all of its effects
 * or with none. What is deadly to store is so only if it is stored; what became of that is looked up, and must be true of the
 * state. */
#include "hook.h"
#include "judge.h"

static const char died_storing[] = "workers died of storing this user's state";
static struct reference *judging;
jmp_buf *sim_death;

void judge_runs(struct reference *x)
{
    judging = x;
}

struct bl_str judge_aside_text(struct reference *x, const struct entry *e, int64_t line, const char *reason,
                               struct bl_str text)
{
    return KEY("%.*s %lld %s %.*s", BL_STR_ARG(e->id), (long long)line, reason, BL_STR_ARG(text));
}

static bool is_on(const struct bl_user *u, struct bl_str page)
{
    return u->page && bl_str_eq(bl_user_str(u, u->page), page);
}

/* ---- where workers die ---- */

void sim_hook_event(struct bl_str user_id, struct bl_str page, bool told)
{
    (void)user_id;
    if (!judging && bl_str_eq(page, told ? SIM_DEADLY : SIM_DEADLY_REDO))
        longjmp(*sim_death, 1);
}

bool sim_hook_fire(struct bl_str user_id, const struct bl_user *u)
{
    if (!is_on(u, SIM_DEADLY_LATE))
        return false;
    if (!judging)
        longjmp(*sim_death, 1);
    judge_aside(judging,
                judge_aside_text(judging, judging->at, -1, "workers died of this user's state", user_id));
    return true;
}

/* Not in a redo: the event would be missing of a state that had its part in patterns. */
void sim_hook_store(const struct bl_user *u, bool redo)
{
    if (!judging && !redo && is_on(u, SIM_DEADLY_STORE))
        longjmp(*sim_death, 1);
}

/* ---- what becomes of it ---- */

bool judge_kills(struct reference *x, const struct entry *e, int64_t number, struct bl_str page,
                 struct bl_str line)
{
    if (!bl_str_eq(page, SIM_DEADLY_STORE))
        return bl_str_eq(page, SIM_DEADLY);
    struct bl_str text = judge_aside_text(x, e, number, JUDGE_DIED_OF_EVENT, line);
    size_t i = 0;
    while (i < x->stored->n && !bl_str_eq(x->stored->v[i], text))
        i++;
    return i < x->stored->n;
}

bool judge_taken_again(struct reference *x)
{
    struct bl_str begin = judge_aside_text(x, x->at, x->line, JUDGE_DIED_OF_EVENT " when", BL_STR(""));
    for (size_t i = 0; i < x->stored->n; i++)
        if (bl_str_starts(x->stored->v[i], (struct bl_str){begin.p, begin.n - 1}))
            return true;
    return false;
}

void judge_drop_stored(struct reference *x, const struct entry *e)
{
    struct bl_str head = judge_aside_text(x, e, -1, died_storing, BL_STR(""));
    for (size_t i = 0; i < x->stored->n; i++) {
        struct bl_str text = x->stored->v[i];
        if (!bl_str_starts(text, head))
            continue;
        struct bl_str id = {text.p + head.n, text.n - head.n};
        struct bl_member *m = bl_partition_member(x->partition, id);
        if (!m || !is_on(bl_partition_state(x->partition, m), SIM_DEADLY_STORE)) {
            sim_fail(x->sim, "the state of %.*s is set aside, but kills nobody", BL_STR_ARG(id));
            return;
        }
        must(bl_partition_empty(x->partition, m));
        judge_aside(x, text);
    }
}

/* What killed those who went through it again had its effects before that: of these, nothing else is missing. */
void judge_redone(struct reference *x)
{
    static const struct bl_str why = {"when its user's state was made again", 36};
    for (size_t i = 0; i < x->stored->n; i++) {
        struct bl_str text = x->stored->v[i];
        if (memmem(text.p, text.n, why.p, why.n) &&
            memmem(text.p, text.n, SIM_DEADLY_REDO.p, SIM_DEADLY_REDO.n))
            judge_aside(x, text);
    }
}
