/* See erasure.h.
 *
 *   poll ──each partition──> on_followed: tombstones; unfinished ──> step ──> on_bad ──> on_aside ──> on_settled
 *
 * A step empties the two streams and says so in one script, which finishes the erasure when it is old enough. The first
 * look does a step at once; another follows when it can be the last. */
#include "bl/store/erasure.h"

#include "bl/app/erased.h"
#include "bl/base/limits.h"
#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/base/memory.h"
#include "bl/store/keys.h"
#include "scripts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define ERASURE_MAGIC BL_MAGIC('e', 'r', 's', 'r')
#define PART_MAGIC    BL_MAGIC('e', 'r', 's', 'p')
#define STEP_MAGIC    BL_MAGIC('e', 'r', 's', 's')

struct part {
    uint32_t magic;
    struct bl_erasure *all;
    int p;
    struct bl_erased erased;
    int64_t last_ms;  /* of the tombstones that looks have brought */
    size_t ahead;     /* of those known: how many no look has brought yet */
    int64_t swept_ms; /* erasures up to this one have had their first step */
};

struct bl_erasure {
    uint32_t magic;
    char env[BL_ENV_MAX_BYTES + 1];
    struct bl_hash_key key;
    struct part *parts;
    int partitions;
    struct bl_link *link;
    size_t pending; /* replies awaited */
    bool complained;
    size_t found; /* unfinished, by this poll */
    struct bl_erasure_counts counts;
};

/* One erasure's next step. */
struct step {
    uint32_t magic;
    struct part *part;
    char hash[BL_ERASED_HEX];
    char at[24];
    int64_t bad, aside;
};

enum bl_err bl_erasure_new(struct bl_str env, struct bl_erasure **out)
{
    struct bl_erasure *e = calloc(1, sizeof *e);
    *out = e;
    if (!e)
        return BL_ERR_NO_MEMORY;
    e->magic = ERASURE_MAGIC;
    snprintf(e->env, sizeof e->env, "%.*s", BL_STR_ARG(env));
    return BL_OK;
}

static void forget(struct bl_erasure *e)
{
    for (int p = 0; p < e->partitions; p++) {
        bl_erased_clear(&e->parts[p].erased);
        e->parts[p].erased.key = e->key;
        e->parts[p].last_ms = e->parts[p].swept_ms = 0;
        e->parts[p].ahead = 0;
    }
}

void bl_erasure_free(struct bl_erasure *e)
{
    if (!e)
        return;
    assert(e->pending == 0);
    for (int p = 0; p < e->partitions; p++)
        bl_erased_release(&e->parts[p].erased);
    free(e->parts);
    e->magic = 0;
    free(e);
}

enum bl_err bl_erasure_open(struct bl_erasure *e, struct bl_hash_key key, int partitions)
{
    e->key = key;
    forget(e);
    if (e->parts)
        return BL_OK; /* a data set keeps its partitions, or the process ends */
    e->parts = calloc((size_t)partitions, sizeof *e->parts);
    if (!e->parts)
        return BL_ERR_NO_MEMORY;
    e->partitions = partitions;
    for (int p = 0; p < partitions; p++) {
        e->parts[p] = (struct part){.magic = PART_MAGIC, .all = e, .p = p};
        bl_erased_init(&e->parts[p].erased, BL_TOMBSTONES_MAX, key);
    }
    return BL_OK;
}

static struct part *part_of(const struct bl_erasure *e, struct bl_str user_id)
{
    return &e->parts[bl_hash64(e->key, user_id) % (uint64_t)e->partitions];
}

bool bl_erasure_has(const struct bl_erasure *e, struct bl_str user_id)
{
    if (e->counts.tombstones == 0 || user_id.n == 0)
        return e->counts.tombstones > 0;
    return bl_erased_has(&part_of(e, user_id)->erased, user_id);
}

/* It does not count as looked at: others may be older and new as well. The next look brings it again, or, if it stands no
 * more, the numbers do not fit after that look, and one more brings all. */
void bl_erasure_stands(struct bl_erasure *e, struct bl_str user_id, int64_t at_ms)
{
    struct part *part = e->partitions ? part_of(e, user_id) : NULL;
    struct bl_hash128 oldest;
    bool forgotten;
    if (!part || bl_erased_has(&part->erased, user_id) ||
        bl_erased_add(&part->erased, bl_erased_hash(e->key, user_id), at_ms, &forgotten, &oldest) != BL_OK)
        return;
    e->counts.tombstones += forgotten ? 0 : 1;
    part->ahead += forgotten ? 0 : 1;
}

const struct bl_erasure_counts *bl_erasure_counts(const struct bl_erasure *e)
{
    return &e->counts;
}

/* ---- replies ---- */

static struct bl_str text_of(const redisReply *r)
{
    return r && r->str ? (struct bl_str){r->str, r->len} : BL_STR("");
}

/* false: there is no reply to go on with. */
static bool answered(struct bl_erasure *e, const redisReply *reply, int type)
{
    e->pending--;
    if (reply && reply->type == type)
        return true;
    if (bl_script_lost(reply))
        bl_link_reset(e->link);
    else if (reply && !e->complained)
        bl_log(BL_LOG_WARN, "an erasure has to wait", BL_LOG_STR("reason", text_of(reply)));
    e->complained |= reply != NULL;
    return false;
}

static void send(struct part *part, enum bl_script script, size_t n_keys, const enum bl_key *keys,
                 struct bl_str arg, const struct bl_str *args, size_t n_args, bl_reply_fn *fn, void *ctx)
{
    struct bl_erasure *e = part->all;
    struct bl_str all[BL_SCRIPT_ARGS_MAX];
    size_t end[4] = {0};
    struct bl_buf text;
    bl_buf_init(&text, 0);
    for (size_t i = 0; i < n_keys; i++) {
        bool has_arg = bl_key_doc(keys[i])->has_arg;
        bl_key_put(&text, bl_str_of(e->env), keys[i], part->p, has_arg ? arg : (struct bl_str){0});
        end[i + 1] = text.n;
    }
    if (text.err != BL_OK)
        bl_out_of_memory(); /* as in link.c: the promise to answer needs memory */
    for (size_t i = 0; i < n_keys; i++)
        all[i] = (struct bl_str){text.p + end[i], end[i + 1] - end[i]};
    memcpy(all + n_keys, args, n_args * sizeof *args);
    e->pending++;
    bl_script_send(e->link, script, n_keys, n_keys + n_args, all, fn, ctx);
    bl_buf_release(&text);
}

/* ---- a step ---- */

static void on_settled(void *ctx, const redisReply *reply)
{
    struct step *s = BL_CAST(struct step, ctx, STEP_MAGIC);
    struct bl_erasure *e = s->part->all;
    if (answered(e, reply, REDIS_REPLY_INTEGER)) {
        int64_t at_ms;
        e->counts.finished += (uint64_t)reply->integer;
        if (bl_str_int64(bl_str_of(s->at), &at_ms) && at_ms > s->part->swept_ms)
            s->part->swept_ms = at_ms;
    }
    s->magic = 0;
    free(s);
}

static void settle(struct step *s)
{
    static const enum bl_key keys[] = {BL_KEY_ERASURES, BL_KEY_ERASURE, BL_KEY_EVENTS};
    char settle_ms[24], bad[24], aside[24], tick[BL_ERASE_ENTRY_BYTES];
    struct bl_str hash = {s->hash, sizeof s->hash};
    memset(tick, ' ', sizeof tick);
    tick[0] = '1';
    snprintf(settle_ms, sizeof settle_ms, "%d", BL_ERASE_SETTLE_MS);
    snprintf(bad, sizeof bad, "%lld", (long long)s->bad);
    snprintf(aside, sizeof aside, "%lld", (long long)s->aside);
    const struct bl_str args[] = {hash,           bl_str_of(s->at), bl_str_of(settle_ms),
                                  bl_str_of(bad), bl_str_of(aside), {tick, sizeof tick}};
    send(s->part, BL_SCRIPT_erasure_settle, 3, keys, hash, args, 6, on_settled, s);
}

static void on_aside(void *ctx, const redisReply *reply)
{
    struct step *s = BL_CAST(struct step, ctx, STEP_MAGIC);
    bool ok = answered(s->part->all, reply, REDIS_REPLY_INTEGER) && s->bad >= 0;
    if (!ok) {
        s->magic = 0;
        free(s);
        return;
    }
    s->aside = reply->integer;
    settle(s);
}

static void on_bad(void *ctx, const redisReply *reply)
{
    struct step *s = BL_CAST(struct step, ctx, STEP_MAGIC);
    s->bad = answered(s->part->all, reply, REDIS_REPLY_INTEGER) ? reply->integer : -1;
}

static void begin(struct part *part, struct bl_str hash, struct bl_str at, struct bl_str user_id)
{
    static const enum bl_key bad = BL_KEY_BAD, aside = BL_KEY_QUARANTINE;
    struct step *s = hash.n == BL_ERASED_HEX ? calloc(1, sizeof *s) : NULL;
    struct bl_buf quoted;
    if (!s)
        return;
    *s = (struct step){.magic = STEP_MAGIC, .part = part};
    memcpy(s->hash, hash.p, sizeof s->hash);
    snprintf(s->at, sizeof s->at, "%.*s", BL_STR_ARG(at));
    if (user_id.n == 0) { /* run out: nobody has finished it for a month */
        settle(s);
        return;
    }
    bl_buf_init(&quoted, 0);
    bl_buf_json(&quoted, user_id);
    if (quoted.err == BL_OK) {
        const struct bl_str args[] = {user_id, bl_buf_view(&quoted), hash};
        send(part, BL_SCRIPT_stream_erase, 1, &bad, BL_STR(""), args, 3, on_bad, s);
        send(part, BL_SCRIPT_stream_erase, 1, &aside, BL_STR(""), args, 3, on_aside, s);
    } else {
        free(s);
    }
    bl_buf_release(&quoted);
}

static void begin_steps(struct part *part, const redisReply *unfinished, int64_t now_ms)
{
    struct bl_erasure *e = part->all;
    e->found += unfinished->elements / 3;
    for (size_t i = 0; i + 2 < unfinished->elements; i += 3) {
        struct bl_str at = text_of(unfinished->element[i + 1]);
        int64_t at_ms;
        if (bl_str_int64(at, &at_ms) && (at_ms > part->swept_ms || at_ms + BL_ERASE_SETTLE_MS <= now_ms))
            begin(part, text_of(unfinished->element[i]), at, text_of(unfinished->element[i + 2]));
    }
}

/* ---- following ---- */

static void take(struct part *part, const redisReply *tombstones)
{
    for (size_t i = 0; i + 1 < tombstones->elements; i += 2) {
        struct bl_hash128 hash;
        int64_t at_ms;
        if (!bl_erased_parse(text_of(tombstones->element[i]), &hash) ||
            !bl_str_int64(text_of(tombstones->element[i + 1]), &at_ms) ||
            bl_erased_put(&part->erased, hash, at_ms) != BL_OK)
            continue; /* then the numbers do not fit, and the next look brings all */
        if (at_ms > part->last_ms)
            part->last_ms = at_ms;
    }
    if (tombstones->elements > 0)
        bl_erased_settle(&part->erased);
}

static void on_followed(void *ctx, const redisReply *reply)
{
    struct part *part = BL_CAST(struct part, ctx, PART_MAGIC);
    struct bl_erasure *e = part->all;
    if (!answered(e, reply, REDIS_REPLY_ARRAY) || reply->elements != 4)
        return;
    part->ahead = 0;
    if (bl_str_eqz(text_of(reply->element[0]), "all")) {
        bl_erased_clear(&part->erased);
        part->last_ms = 0;
    }
    take(part, reply->element[1]);
    begin_steps(part, reply->element[3], reply->element[2]->integer);
    if (part->p + 1 < e->partitions)
        return;
    e->counts.unfinished = e->found;
    e->counts.tombstones = 0;
    for (int p = 0; p < e->partitions; p++)
        e->counts.tombstones += e->parts[p].erased.n;
    e->complained = false;
}

void bl_erasure_poll(struct bl_erasure *e, struct bl_link *link)
{
    static const enum bl_key keys[] = {BL_KEY_TOMBSTONES, BL_KEY_ERASURES};
    char known[24], last[24], prefix[160], most[16];
    struct bl_buf b = {.p = prefix, .cap = sizeof prefix, .max = sizeof prefix};
    if (e->pending > 0 || e->partitions == 0 || !bl_link_is_up(link))
        return;
    e->link = link;
    e->found = 0;
    snprintf(most, sizeof most, "%d", BL_ERASE_STEPS);
    for (int p = 0; p < e->partitions; p++) {
        struct part *part = &e->parts[p];
        bl_buf_clear(&b);
        bl_key_prefix(&b, bl_str_of(e->env), BL_KEY_ERASURE, p);
        snprintf(known, sizeof known, "%zu", part->erased.n - part->ahead);
        snprintf(last, sizeof last, "%lld", (long long)part->last_ms);
        const struct bl_str args[] = {bl_str_of(known), bl_str_of(last), bl_buf_view(&b), bl_str_of(most)};
        send(part, BL_SCRIPT_erasures_follow, 2, keys, BL_STR(""), args, 4, on_followed, part);
    }
}
