/* One person's state as a value: lists with bounds in a block with it, and a table of strings that everything else
 * names by number.
 *
 * The table makes comparing pages a comparison of numbers, stores each page once, and keeps the lists free of
 * pointers, so that moving a state is copying it. Names fall out of use as arrays roll over; bl_user_sweep drops them
 * between steps, in their old order. */
#include "bl/core/user.h"

#include <assert.h>

#define HEAD_BYTES offsetof(struct bl_user, room)

const struct bl_room bl_room_max = {
    .visits = BL_VISITS_MAX,
    .window = BL_WINDOW_KEEP,
    .open = BL_OPEN_MAX,
    .marks = BL_MARKS_MAX,
    .names = BL_NAMES_MAX,
    .text = BL_NAMES_BYTES,
};

static const struct bl_name_slot no_names[1]; /* none is ever added to it: there is no room */
const struct bl_user bl_user_nobody = {.seen_ms = -1,
                                       .due_ms = BL_NEVER,
                                       .n_names = 1,
                                       .names_swept = 1,
                                       .names = (struct bl_name_slot *)(uintptr_t)no_names};

/* ---- the block: the head, then the lists, those of the largest alignment first ---- */

size_t bl_user_bytes(const struct bl_room *room)
{
    return sizeof(struct bl_user) + room->open * sizeof(struct bl_open) +
           room->marks * sizeof(struct bl_mark) + room->visits * sizeof(struct bl_visit) +
           room->window * sizeof(struct bl_moment) + room->names * sizeof(struct bl_name_slot) + room->text;
}

struct bl_user *bl_user_place(void *block, const struct bl_room *room)
{
    struct bl_user *u = block;
    if (!u)
        return NULL;
    u->room = *room;
    u->open = (struct bl_open *)(void *)(u + 1);
    u->marks = (struct bl_mark *)(void *)(u->open + room->open);
    u->visits = (struct bl_visit *)(void *)(u->marks + room->marks);
    u->window = (struct bl_moment *)(void *)(u->visits + room->visits);
    u->names = (struct bl_name_slot *)(void *)(u->window + room->window);
    u->text = (char *)(u->names + room->names);
    bl_user_init(u);
    return u;
}

/* By a half, and not below what most have at the end of a session of 30 events, with what one more could add: to move a
 * state costs as much as a step. All of it is 2040 bytes, so that a block, with what malloc adds to it, is half a page. */
static uint32_t grown(uint32_t n, uint32_t more, uint32_t least, uint32_t max)
{
    uint32_t room = n + n / 2 + more;
    room = room > least ? room : least;
    return room < max ? room : max;
}

struct bl_room bl_user_grown(const struct bl_user *u, const struct bl_room *more)
{
    return (struct bl_room){
        .visits = (uint16_t)grown(u->n_visits, more->visits, 12, BL_VISITS_MAX),
        .window = (uint16_t)grown(u->n_window, more->window, 32, BL_WINDOW_KEEP),
        .open = (uint16_t)grown(u->n_open, more->open, 3, BL_OPEN_MAX),
        .marks = (uint16_t)grown(u->n_marks, more->marks, 8, BL_MARKS_MAX),
        .names = (uint16_t)grown(u->n_names, more->names, 24, BL_NAMES_MAX),
        .text = (grown(u->n_text, more->text, 256, BL_NAMES_BYTES - 7) + 7) & ~7U,
    };
}

static void copy(void *to, const void *from, size_t n)
{
    if (n)
        memcpy(to, from, n);
}

void bl_user_copy(struct bl_user *to, const struct bl_user *from)
{
    memcpy(to, from, HEAD_BYTES);
    copy(to->visits, from->visits, from->n_visits * sizeof *to->visits);
    copy(to->window, from->window, from->n_window * sizeof *to->window);
    copy(to->open, from->open, from->n_open * sizeof *to->open);
    copy(to->marks, from->marks, from->n_marks * sizeof *to->marks);
    copy(to->names, from->names, from->n_names * sizeof *to->names);
    copy(to->text, from->text, from->n_text);
}

/* ---- the state ---- */

void bl_user_init(struct bl_user *u)
{
    memset(u, 0, HEAD_BYTES);
    u->seen_ms = -1;
    u->due_ms = BL_NEVER;
    u->n_names = 1;
    u->names_swept = 1;
    u->names[0] = (struct bl_name_slot){0};
}

bool bl_user_gone(const struct bl_user *u)
{
    return u->seen_ms < 0;
}

static inline uint64_t load_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The last bytes of a name, eight at the most; a short one byte by byte, for what is stored in parts and loaded as a whole
 * is waited for. */
static inline uint64_t load_end(struct bl_str s)
{
    uint64_t word = 0;
    if (s.n >= sizeof word)
        return load_word(s.p + s.n - sizeof word);
    for (size_t i = 0; i < s.n; i++)
        word = word << 8 | (unsigned char)s.p[i];
    return word;
}

/* Tells names of one table apart, in this process only. Words, not bytes: two names are looked up in each event. */
static uint32_t name_hash(struct bl_str s)
{
    static const uint64_t factor = 0x9e3779b97f4a7c15ULL;
    uint64_t h = s.n * factor;
    for (size_t i = 0; i + sizeof(uint64_t) < s.n; i += sizeof(uint64_t)) {
        h = (h ^ load_word(s.p + i)) * factor;
        h ^= h >> 29;
    }
    return (uint32_t)((h ^ load_end(s)) * factor >> 32);
}

static bl_name find(const struct bl_user *u, struct bl_str s, uint32_t hash)
{
    for (unsigned i = 1; i < u->n_names; i++) {
        const struct bl_name_slot *slot = &u->names[i];
        if (slot->hash == hash && slot->n == s.n && memcmp(u->text + slot->at, s.p, s.n) == 0)
            return (bl_name)i;
    }
    return 0;
}

bl_name bl_user_find(const struct bl_user *u, struct bl_str s)
{
    return s.n ? find(u, s, name_hash(s)) : 0;
}

/* In a release, too: a rule that adds more than engine.c makes room for would write over what is behind. */
static inline void must(bool holds)
{
    if (__builtin_expect(!holds, false))
        __builtin_trap();
}

bl_name bl_user_intern(struct bl_user *u, struct bl_str s)
{
    if (s.n == 0)
        return 0;
    uint32_t hash = name_hash(s);
    bl_name name = find(u, s, hash);
    if (name)
        return name;
    must(u->n_names < u->room.names && s.n <= u->room.text - u->n_text);
    u->names[u->n_names] = (struct bl_name_slot){u->n_text, hash, (uint32_t)s.n};
    memcpy(u->text + u->n_text, s.p, s.n);
    u->n_text += (uint32_t)s.n;
    return u->n_names++;
}

bl_name bl_user_intern_as(struct bl_user *u, struct bl_str s, bl_name guess)
{
    const struct bl_name_slot *slot = &u->names[guess];
    if (guess && slot->n == s.n && memcmp(u->text + slot->at, s.p, s.n) == 0)
        return guess;
    return bl_user_intern(u, s);
}

/* Calls fn on every bl_name of the state. */
static void each_name(struct bl_user *u, void (*fn)(bl_name *name, bl_name *table), bl_name *table)
{
    fn(&u->page, table);
    fn(&u->session, table);
    for (unsigned i = 0; i < u->n_visits; i++)
        fn(&u->visits[i].page, table);
    for (unsigned i = 0; i < u->n_window; i++)
        fn(&u->window[i].page, table);
    for (unsigned i = 0; i < u->n_open; i++) {
        fn(&u->open[i].page, table);
        fn(&u->open[i].element, table);
        fn(&u->open[i].other, table);
    }
    for (unsigned i = 0; i < u->n_marks; i++) {
        fn(&u->marks[i].page, table);
        fn(&u->marks[i].element, table);
    }
}

static void note_use(bl_name *name, bl_name *table)
{
    table[*name] = 1;
}

static void renumber(bl_name *name, bl_name *table)
{
    *name = table[*name];
}

void bl_user_sweep_names(struct bl_user *u)
{
    bl_name table[BL_NAMES_MAX];
    memset(table, 0, u->n_names * sizeof *table);
    each_name(u, note_use, table);
    bl_name kept = 1;
    uint32_t n_text = 0;
    table[0] = 0;
    for (unsigned i = 1; i < u->n_names; i++) {
        if (!table[i])
            continue;
        struct bl_name_slot slot = u->names[i];
        memmove(u->text + n_text, u->text + slot.at, slot.n);
        slot.at = n_text;
        n_text += slot.n;
        u->names[kept] = slot;
        table[i] = kept++;
    }
    u->renumbered = (uint16_t)(u->renumbered + (kept != u->n_names));
    u->n_names = kept;
    u->n_text = n_text;
    u->names_swept = kept;
    each_name(u, renumber, table);
}

struct bl_visit *bl_user_add_visit(struct bl_user *u)
{
    if (u->n_visits == BL_VISITS_MAX) {
        memmove(u->visits, u->visits + 1, (BL_VISITS_MAX - 1) * sizeof *u->visits);
        u->n_visits--;
    }
    assert(u->n_visits < u->room.visits);
    struct bl_visit *v = &u->visits[u->n_visits++];
    *v = (struct bl_visit){0};
    return v;
}

/* The window rolls by whole chunks, numbered from the user's first moment on, so that a stored chunk is
 * dropped whole and never rewritten because of its neighbour. */
static void roll_window(struct bl_user *u, int64_t now_ms)
{
    unsigned first = BL_WINDOW_CHUNK - (unsigned)(u->window_first % BL_WINDOW_CHUNK);
    while (u->n_window >= first + BL_EVIDENCE_MAX &&
           (u->window[first - 1].t_ms <= now_ms - BL_WINDOW_MS || u->n_window == BL_WINDOW_KEEP)) {
        u->n_window = (uint16_t)(u->n_window - first);
        memmove(u->window, u->window + first, u->n_window * sizeof *u->window);
        u->window_first += first;
        first = BL_WINDOW_CHUNK;
    }
}

struct bl_moment *bl_user_add_moment(struct bl_user *u, int64_t now_ms)
{
    roll_window(u, now_ms);
    assert(u->n_window < u->room.window);
    struct bl_moment *m = &u->window[u->n_window++];
    *m = (struct bl_moment){0};
    return m;
}

struct bl_open *bl_user_add_open(struct bl_user *u)
{
    must(u->n_open < u->room.open);
    struct bl_open *o = &u->open[u->n_open++];
    u->opened = UINT8_MAX;
    *o = (struct bl_open){.due_ms = BL_NEVER};
    return o;
}

/* A mark with a deadline is a promise to fire and stays while any other can go. */
static struct bl_mark *oldest_idle_mark(struct bl_user *u)
{
    for (size_t i = 0; i < u->n_marks; i++)
        if (u->marks[i].due_ms == BL_NEVER)
            return &u->marks[i];
    return &u->marks[0];
}

struct bl_mark *bl_user_add_mark(struct bl_user *u)
{
    if (u->n_marks == BL_MARKS_MAX)
        bl_user_drop_mark(u, oldest_idle_mark(u));
    must(u->n_marks < u->room.marks);
    struct bl_mark *m = &u->marks[u->n_marks++];
    u->marked = UINT8_MAX;
    u->spent_ms = INT64_MIN;
    *m = (struct bl_mark){.until_ms = BL_NEVER, .due_ms = BL_NEVER};
    return m;
}

void bl_user_drop_open(struct bl_user *u, size_t i)
{
    u->n_open--;
    memmove(u->open + i, u->open + i + 1, (u->n_open - i) * sizeof *u->open);
}

void bl_user_drop_mark(struct bl_user *u, struct bl_mark *m)
{
    size_t i = (size_t)(m - u->marks);
    u->n_marks--;
    memmove(u->marks + i, u->marks + i + 1, (u->n_marks - i) * sizeof *u->marks);
}

struct bl_mark *bl_user_mark(struct bl_user *u, enum bl_rule_id rule, unsigned kind, bl_name page,
                             bl_name element)
{
    for (size_t i = u->n_marks; i > 0; i--) {
        struct bl_mark *m = &u->marks[i - 1];
        if (m->rule == rule && m->kind == kind && m->page == page && m->element == element)
            return m;
    }
    return NULL;
}

size_t bl_user_next_open(const struct bl_user *u, enum bl_rule_id rule, size_t from)
{
    while (from < u->n_open && u->open[from].rule != rule)
        from++;
    return from;
}
