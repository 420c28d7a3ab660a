/* Users' states in one form: the same state may be stored with its names in another order, as whoever wrote it came to
 * know them. */
#include "sim.h"

#include "bl/wire/state.h"
#include "user_canon.h"

static struct bl_state_decoder *decoder;
static struct bl_user *user;
static struct bl_buf text;

static struct bl_str keep(struct sim *s, struct bl_str v)
{
    char *p = sim_get(s, v.n + 1);
    memcpy(p, v.p, v.n);
    return (struct bl_str){p, v.n};
}

/* The cells of one user, from `at` on, to `out`; where they end. */
static size_t one_user(struct sim *s, const struct table *t, size_t at, struct bl_str prefix,
                       struct table *out)
{
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    size_t n = 0;
    for (; at < t->n && bl_str_starts(t->v[at].key, prefix); at++) {
        struct bl_str key = t->v[at].key;
        if (n < BL_STATE_FIELDS_MAX)
            pairs[n++] = (struct bl_state_pair){{key.p + prefix.n, key.n - prefix.n}, t->v[at].value};
    }
    if (bl_state_decode(decoder, user, pairs, n, NULL) != BL_OK) {
        sim_fail(s, "the stored state of %.*s cannot be read", (int)prefix.n - 1, prefix.p);
        return at;
    }
    user_canon(user);
    if (bl_state_encode(user, &text, f) != BL_OK)
        abort();
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (f[i].value.n)
            table_put(out, sim_text(s, "%.*s%s", BL_STR_ARG(prefix), f[i].name))->value = keep(s, f[i].value);
    return at;
}

void states_release(void)
{
    free(user);
    user = NULL;
    bl_state_decoder_free(decoder);
    decoder = NULL;
    bl_buf_release(&text);
}

struct table states_in_one_form(struct sim *s, const struct table *t)
{
    static const struct bl_str users = {"user:", 5};
    struct table out = {0};
    if (!user && !(user = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max)))
        abort();
    if (!decoder && bl_state_decoder_new(&decoder) != BL_OK)
        abort();
    for (size_t at = 0; at < t->n;) {
        struct bl_str key = t->v[at].key;
        const char *end = bl_str_starts(key, users) ? memchr(key.p, '\x01', key.n) : NULL;
        if (end)
            at = one_user(s, t, at, (struct bl_str){key.p, (size_t)(end - key.p) + 1}, &out);
        else
            *table_put(&out, key) = t->v[at++];
    }
    return out;
}
