/* What the store holds against what the undisturbed run gives, cell by cell. */
#include "sim.h"
#include "worker/owner.h"

/* What depends on when things were done, by design: where a schedule stands, who worked, what the store lets go early. */
static bool compared(const struct cell *c)
{
    static const char *const not [] = {"due:", "rate", "position:epoch", "count:0:0:seen_forgotten"};
    for (size_t i = 0; i < sizeof not / sizeof not [0]; i++)
        if (bl_str_starts(c->key, bl_str_of(not [i])))
            return false;
    return c->number != 0 || c->value.n > 0;
}

static const struct cell *next(const struct table *t, size_t *i)
{
    while (*i < t->n && !compared(&t->v[*i]))
        (*i)++;
    return *i < t->n ? &t->v[*i] : NULL;
}

static void differ(struct sim *s, int p, const struct cell *have, const struct cell *want)
{
    struct bl_str key = have ? have->key : want->key;
    char text[300];
    snprintf(text, sizeof text, "%.*s", (int)(key.n < 200 ? key.n : 200), key.p);
    for (char *c = text; *c; c++)
        *c = *c == '\x01' ? ' ' : *c;
    struct bl_str a = have ? have->value : BL_STR("nothing"), b = want ? want->value : BL_STR("nothing");
    sim_fail(s, "p%d: stored %s is %.*s (%lld), the undisturbed run gives %.*s (%lld)", p, text,
             (int)(a.n < 300 ? a.n : 300), a.p, have ? (long long)have->number : 0,
             (int)(b.n < 300 ? b.n : 300), b.p, want ? (long long)want->number : 0);
}

void compare_tables(struct sim *s, int p, const struct table *have, const struct table *want)
{
    size_t i = 0, k = 0;
    for (;;) {
        const struct cell *a = next(have, &i), *b = next(want, &k);
        if (!a && !b)
            return;
        int order = !a ? 1 : !b ? -1 : bl_str_cmp(a->key, b->key);
        if (order != 0 || !bl_str_eq(a->value, b->value) || a->number != b->number) {
            differ(s, p, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
            return;
        }
        i++, k++;
    }
}

void compare_sort_erased(struct list *l)
{
    static const struct bl_str erased = {"erased ", 7};
    for (size_t i = 1; i < l->n; i++)
        for (size_t k = i; k > 0 && bl_str_starts(l->v[k], erased) && bl_str_starts(l->v[k - 1], erased) &&
                           bl_str_cmp(l->v[k - 1], l->v[k]) > 0;
             k--) {
            struct bl_str x = l->v[k];
            l->v[k] = l->v[k - 1];
            l->v[k - 1] = x;
        }
}

void compare_lists(struct sim *s, int p, const char *what, const struct list *have, const struct list *want)
{
    for (size_t i = 0; i < have->n || i < want->n; i++) {
        struct bl_str a = i < have->n ? have->v[i] : BL_STR("nothing");
        struct bl_str b = i < want->n ? want->v[i] : BL_STR("nothing");
        if (!bl_str_eq(a, b)) {
            sim_fail(s, "p%d: number %zu of the %s is %.*s, the undisturbed run gives %.*s", p, i, what,
                     (int)(a.n < 300 ? a.n : 300), a.p, (int)(b.n < 300 ? b.n : 300), b.p);
            return;
        }
    }
}

/* Lists are cut between elements: of what came before the newest ones some may be there. */
void compare_recent(struct sim *s, int p, const struct list *elements, const struct list *lines, size_t least)
{
    struct list have = {0};
    for (size_t i = 0; i < elements->n; i++)
        for (struct bl_str rest = elements->v[i], line; batch_next_line(&rest, &line);)
            list_add(&have, line);
    size_t n = have.n < lines->n ? have.n : lines->n;
    const struct list want = {lines->v + lines->n - n, n, n};
    if (have.n < least || (have.n > 0 && have.n >= 3 * s->recent_max))
        sim_fail(s, "p%d: %zu recent events are kept, not %zu", p, have.n, least);
    else
        compare_lists(s, p, "recent events", &have, &want);
    list_release(&have);
}

static int by_text(const void *a, const void *b)
{
    return bl_str_cmp(*(const struct bl_str *)a, *(const struct bl_str *)b);
}

struct list *compare_sorted(struct list *l)
{
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_text);
    return l;
}
