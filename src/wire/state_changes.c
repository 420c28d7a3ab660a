/* Which fields of a user's hash have to be written (state_fields.h).
 *
 * What changed is told without a copy of what was stored. The window only grows at the end, and loses at the front by
 * whole chunks, so two numbers say which chunks are new; unless names were numbered anew (u->renumbered), the session is
 * another (all times count from its beginning) or all was forgotten and began again, which the time of the last stored
 * moment tells: then everything is written. Visits and open patterns are compared by a hash of their text, names by bits.
 * The head changes with every step. */
#include "bl/base/hash.h"
#include "state_fields.h"

_Static_assert(BL_STATE_CHUNKS == 15, "the names below");
_Static_assert(BL_WINDOW_KEEP <= (BL_STATE_CHUNKS - 1) * BL_WINDOW_CHUNK, "chunks at hand share no field");

const char *const bl_state_names[BL_STATE_FIELDS_MAX] = {"h", "n", "v", "o", "0",  "1",  "2",  "3",  "4", "5",
                                                         "6", "7", "8", "9", "10", "11", "12", "13", "14"};

/* What clients send stands in these texts: equal hashes must not be easy to make. */
uint64_t bl_state_text_hash(struct bl_str text)
{
    static const struct bl_hash_key key = {0x7374617465207478ULL, 0x742068617368ULL};
    uint64_t h = text.n ? bl_hash64(key, text) : 0;
    return text.n == 0 ? 0 : h ? h : 1;
}

/* Can what is stored stay where it did not change? */
static bool goes_on(const struct bl_user *u, const struct bl_state_stored *had)
{
    int64_t last = had->moments - 1 - u->window_first;
    return had->known && had->renumbered == u->renumbered && had->base_ms == u->session_ms &&
           had->moments > 0 && last >= 0 && last < u->n_window && u->window[last].t_ms == had->last_ms &&
           had->first <= u->window_first;
}

static bool told(uint64_t names, bl_name name)
{
    return name == 0 || names >> name & 1;
}

/* Does field n hold all that the others tell of by number? Only what is new can be missing. */
static bool names_told(const struct bl_user *u, const struct bl_state_stored *had)
{
    if (u->n_names > BL_STATE_TEXTS_TOLD)
        return false;
    bool all = told(had->names, u->page) && told(had->names, u->session);
    for (int64_t i = had->moments - u->window_first; i < u->n_window; i++)
        all = all && told(had->names, u->window[i].page);
    for (size_t i = 0; i < u->n_open; i++)
        all = all && told(had->names, u->open[i].page) && told(had->names, u->open[i].element) &&
              told(had->names, u->open[i].other);
    for (size_t i = 0; i < u->n_marks; i++)
        all = all && told(had->names, u->marks[i].page);
    return all;
}

static struct bl_str written(const char *from, const char *to)
{
    return (struct bl_str){from < to ? from : NULL, (size_t)(to - from)};
}

/* The full chunks from moment `from` on. */
static char *write_chunks(const struct bl_user *u, int64_t from, char *p,
                          struct bl_str v[BL_STATE_FIELDS_MAX])
{
    int64_t full = (u->window_first + u->n_window) / BL_WINDOW_CHUNK, first = from / BL_WINDOW_CHUNK;
    if (first * BL_WINDOW_CHUNK < u->window_first)
        first = u->window_first / BL_WINDOW_CHUNK;
    for (int64_t c = first; c < full; c++) {
        char *start = p;
        p = bl_state_write_moments(u, c * BL_WINDOW_CHUNK, (c + 1) * BL_WINDOW_CHUNK, p);
        v[bl_state_chunk_slot(c)] = written(start, p);
    }
    return p;
}

/* The fields that differ from what is there go to v, by slot; others are left empty. *now: what is there then. */
static enum bl_err write_since(const struct bl_user *u, const struct bl_state_stored *had, bool on,
                               struct bl_buf *text, struct bl_str v[BL_STATE_FIELDS_MAX],
                               struct bl_state_stored *now)
{
    bl_buf_clear(text);
    char *p = bl_buf_reserve(text, bl_state_room(u)), *from = p;
    if (!p)
        return text->err;
    bl_state_note(u, now);
    now->names = had->names;
    if (!on || !names_told(u, had)) {
        p = bl_state_write_names(u, p, &now->names);
        v[BL_STATE_NAMES] = written(from, p);
    }
    p = bl_state_write_head(u, from = p);
    v[BL_STATE_HEAD] = written(from, p);
    p = bl_state_write_visits(u, from = p);
    v[BL_STATE_VISITS] = written(from, p);
    p = bl_state_write_open(u, from = p);
    v[BL_STATE_OPEN] = written(from, p);
    now->visits = bl_state_text_hash(v[BL_STATE_VISITS]);
    now->open = bl_state_text_hash(v[BL_STATE_OPEN]);
    p = write_chunks(u, on ? had->moments : u->window_first, p, v);
    text->n = (size_t)(p - text->p);
    return BL_OK;
}

enum bl_err bl_state_encode(const struct bl_user *u, struct bl_buf *text,
                            struct bl_state_field out[BL_STATE_FIELDS_MAX])
{
    static const struct bl_state_stored nothing;
    struct bl_state_stored now;
    struct bl_str v[BL_STATE_FIELDS_MAX] = {{NULL, 0}};
    bl_buf_clear(text);
    enum bl_err err = bl_user_gone(u) ? BL_OK : write_since(u, &nothing, false, text, v, &now);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        out[i] = (struct bl_state_field){bl_state_names[i], v[i]};
    return err;
}

void bl_state_note(const struct bl_user *u, struct bl_state_stored *stored)
{
    *stored = (struct bl_state_stored){
        .any = true,
        .known = true,
        .renumbered = u->renumbered,
        .base_ms = u->session_ms,
        .first = u->window_first,
        .moments = u->window_first + u->n_window,
        .last_ms = u->n_window ? u->window[u->n_window - 1].t_ms : 0,
    };
}

static void drop(struct bl_state_changes *out, size_t slot)
{
    out->del[out->n_del++] = bl_state_names[slot];
}

/* Chunks that the window has left, or that are none any more, unless their field has got another. */
static void drop_chunks(const struct bl_user *u, const struct bl_state_stored *had, bool on,
                        const struct bl_str v[BL_STATE_FIELDS_MAX], struct bl_state_changes *out)
{
    int64_t end = had->moments / BL_WINDOW_CHUNK, kept = u->window_first / BL_WINDOW_CHUNK;
    for (int64_t c = had->first / BL_WINDOW_CHUNK; c < (on && kept < end ? kept : end); c++)
        if (v[bl_state_chunk_slot(c)].n == 0)
            drop(out, bl_state_chunk_slot(c));
}

/* Of two that are compared by their hash. */
static void compare(uint64_t had, uint64_t now, bool on, size_t slot, struct bl_str v[BL_STATE_FIELDS_MAX],
                    struct bl_state_changes *out)
{
    if (had && !now)
        drop(out, slot);
    if (on && had == now)
        v[slot].n = 0;
}

enum bl_err bl_state_changes(const struct bl_user *u, struct bl_state_stored *stored, struct bl_buf *text,
                             struct bl_state_changes *out)
{
    struct bl_str v[BL_STATE_FIELDS_MAX] = {{NULL, 0}};
    struct bl_state_stored now;
    bool on = goes_on(u, stored);
    enum bl_err err = write_since(u, stored, on, text, v, &now);
    if (err != BL_OK)
        return err;
    out->replace = stored->any && !stored->known;
    out->n_set = out->n_del = 0;
    if (stored->known) {
        if (u->n_names > BL_STATE_TEXTS_TOLD || !now.names)
            compare(stored->names, now.names, on, BL_STATE_NAMES, v, out);
        compare(stored->visits, now.visits, on, BL_STATE_VISITS, v, out);
        compare(stored->open, now.open, on, BL_STATE_OPEN, v, out);
        drop_chunks(u, stored, on, v, out);
    }
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (v[i].n)
            out->set[out->n_set++] = (struct bl_state_field){bl_state_names[i], v[i]};
    *stored = now;
    return BL_OK;
}
