/* The chain itself: hashes, the arguments of one attempt, and following a trail from its beginning (audit.h). */
#include "audit_internal.h"

#include <openssl/sha.h>
#include <stdio.h>

static const char zeros[BL_AUDIT_HASH_CHARS + 1] =
    "0000000000000000000000000000000000000000000000000000000000000000";

void bl_audit_user(struct bl_hash_key key, struct bl_str user_id, char out[BL_AUDIT_USER_CHARS])
{
    /* not the key that spreads users over partitions, so that neither says anything of the other */
    struct bl_hash_key own = {key.k0 ^ 0x6175646974206f66ULL, key.k1 ^ 0x2061207573657221ULL};
    struct bl_hash128 h = bl_hash128(own, user_id);
    char text[BL_AUDIT_USER_CHARS + 1];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
    memcpy(out, text, BL_AUDIT_USER_CHARS);
}

static void net_string(struct bl_buf *b, struct bl_str s)
{
    bl_buf_int(b, (int64_t)s.n);
    bl_buf_char(b, ':');
    bl_buf_str(b, s);
    bl_buf_char(b, ',');
}

static void net_number(struct bl_buf *b, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)v);
    net_string(b, bl_str_of(text));
}

enum bl_err bl_audit_hash(const struct bl_audit_record *r, char out[BL_AUDIT_HASH_CHARS])
{
    const struct bl_str texts[] = {r->entry.action, r->entry.actor, r->entry.subject, r->entry.detail,
                                   r->prev};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct bl_buf b;
    bl_buf_init(&b, 0);
    net_number(&b, r->n);
    net_number(&b, r->at_ms);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        net_string(&b, texts[i]);
    enum bl_err err = b.err;
    if (err == BL_OK) {
        SHA256((const unsigned char *)b.p, b.n, digest);
        bl_buf_clear(&b);
        bl_buf_hex(&b, digest, sizeof digest);
        err = b.err;
    }
    if (err == BL_OK)
        memcpy(out, b.p, BL_AUDIT_HASH_CHARS);
    bl_buf_release(&b);
    return err;
}

/* --- one attempt */

bool audit_entry_fits(const struct bl_audit_entry *e)
{
    return e->action.n > 0 && e->action.n <= BL_AUDIT_ACTION_MAX && e->actor.n <= BL_AUDIT_ACTOR_MAX &&
           e->subject.n <= BL_AUDIT_SUBJECT_MAX && e->detail.n <= BL_AUDIT_DETAIL_MAX;
}

enum bl_err audit_call_make(struct audit_call *c, struct bl_str key, const struct bl_audit_entry *e,
                            const struct audit_head *head, struct bl_str cut)
{
    struct bl_audit_record r = {.entry = *e, .prev = {c->prev, sizeof c->prev}};
    if (head) {
        r.n = head->n + 1;
        r.at_ms = head->now_ms > head->at_ms ? head->now_ms : head->at_ms;
    }
    memcpy(c->prev, head && head->n ? head->hash : zeros, sizeof c->prev);
    snprintf(c->n, sizeof c->n, "%lld", (long long)r.n);
    snprintf(c->at, sizeof c->at, "%lld", (long long)r.at_ms);
    const struct bl_str args[AUDIT_ARGS] = {
        key,       bl_str_of(c->n), bl_str_of(c->at),          e->action, e->actor, e->subject,
        e->detail, r.prev,          {c->hash, sizeof c->hash}, cut};
    memcpy(c->args, args, sizeof args);
    return bl_audit_hash(&r, c->hash);
}

static struct bl_str text_of(const redisReply *r)
{
    return r && r->type == REDIS_REPLY_STRING ? (struct bl_str){r->str, r->len} : BL_STR("");
}

enum audit_said audit_call_said(const redisReply *reply, struct audit_head *head)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 5)
        return AUDIT_REFUSED;
    struct bl_str hash = text_of(reply->element[2]);
    *head = (struct audit_head){0};
    bool whole = bl_str_int64(text_of(reply->element[1]), &head->n) &&
                 bl_str_int64(text_of(reply->element[3]), &head->at_ms) &&
                 bl_str_int64(text_of(reply->element[4]), &head->now_ms) &&
                 (head->n == 0 || hash.n == sizeof head->hash);
    if (!whole)
        return AUDIT_REFUSED; /* the newest entry is no longer one of ours: nothing can follow it */
    if (hash.n == sizeof head->hash)
        memcpy(head->hash, hash.p, sizeof head->hash);
    return bl_str_eqz(text_of(reply->element[0]), "1") ? AUDIT_DONE : AUDIT_MOVED;
}

bool audit_record_of(const redisReply *entry, struct bl_audit_record *out)
{
    *out = (struct bl_audit_record){0};
    if (!entry || entry->type != REDIS_REPLY_ARRAY || entry->elements != 2)
        return false;
    const redisReply *fields = entry->element[1];
    struct bl_str n = BL_STR(""), at = BL_STR("");
    const struct {
        const char *name;
        struct bl_str *to;
    } table[] = {{"n", &n},
                 {"at", &at},
                 {"action", &out->entry.action},
                 {"actor", &out->entry.actor},
                 {"subject", &out->entry.subject},
                 {"detail", &out->entry.detail},
                 {"prev", &out->prev},
                 {"hash", &out->hash}};
    out->id = text_of(entry->element[0]);
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
        for (size_t k = 0; k < sizeof table / sizeof *table; k++)
            if (bl_str_eqz(text_of(fields->element[i]), table[k].name))
                *table[k].to = text_of(fields->element[i + 1]);
    bool numbers = bl_str_int64(n, &out->n) && bl_str_int64(at, &out->at_ms);
    if (!numbers)
        out->n = out->at_ms = 0;
    return numbers && out->hash.n == BL_AUDIT_HASH_CHARS && out->prev.n == BL_AUDIT_HASH_CHARS;
}

/* --- following a trail */

static bool is_hash(struct bl_str s)
{
    return s.n == BL_AUDIT_HASH_CHARS && strspn(s.p, "0123456789abcdef") >= s.n;
}

bool bl_audit_check_begin(struct bl_audit_check *c, struct bl_str head)
{
    const char *colon = head.n ? memchr(head.p, ':', head.n) : NULL;
    *c = (struct bl_audit_check){0};
    if (head.n == 0)
        return true;
    size_t at = colon ? (size_t)(colon - head.p) : 0;
    struct bl_str hash = {head.p + at + 1, head.n > at ? head.n - at - 1 : 0};
    if (!colon || !bl_str_int64((struct bl_str){head.p, at}, &c->head_n) || c->head_n < 1 || !is_hash(hash))
        return false;
    memcpy(c->head_hash, hash.p, sizeof c->head_hash);
    return true;
}

static const char *fault_of(struct bl_audit_check *c, const struct bl_audit_record *r)
{
    char hash[BL_AUDIT_HASH_CHARS];
    if (r->n < 1 || r->prev.n != BL_AUDIT_HASH_CHARS || r->hash.n != BL_AUDIT_HASH_CHARS)
        return "it is no entry of the trail, or lacks a field";
    if (c->entries && r->n != c->last_n + 1)
        return "its number does not follow the one before: entries were removed, put in or moved";
    if (c->entries && memcmp(r->prev.p, c->last_hash, sizeof c->last_hash) != 0)
        return "it does not follow the entry before it: that one was changed or replaced";
    if (r->n == 1 && memcmp(r->prev.p, zeros, BL_AUDIT_HASH_CHARS) != 0)
        return "it is numbered as the first but follows another";
    if (bl_audit_hash(r, hash) != BL_OK)
        return "there is no memory to check it";
    if (memcmp(r->hash.p, hash, sizeof hash) != 0)
        return "its hash does not fit what it says: it was changed";
    if (r->at_ms < c->last_at_ms)
        return "it is older than the entry before it";
    if (r->n == c->head_n && memcmp(r->hash.p, c->head_hash, sizeof hash) != 0)
        return "it is another than the one remembered: the trail was written anew";
    return NULL;
}

/* Does the trail say itself that it was cut right before its first entry? */
static bool explains_beginning(const struct bl_audit_check *c, const struct bl_audit_record *r)
{
    int64_t n;
    static const struct bl_str before = {"{\"hash\":\"", 9};
    struct bl_str d = r->entry.detail;
    return bl_str_eqz(r->entry.action, BL_AUDIT_TRIM) && bl_str_int64(r->entry.subject, &n) &&
           n == c->first_n - 1 && d.n >= before.n + BL_AUDIT_HASH_CHARS && bl_str_starts(d, before) &&
           memcmp(d.p + before.n, c->first_prev, BL_AUDIT_HASH_CHARS) == 0;
}

void bl_audit_check_next(struct bl_audit_check *c, const struct bl_audit_record *r)
{
    if (c->why)
        return;
    c->why = fault_of(c, r);
    if (c->why) {
        c->broken_n = r->n > 0 ? r->n : c->last_n + 1;
        snprintf(c->broken_id, sizeof c->broken_id, "%.*s", BL_STR_ARG(r->id));
        return;
    }
    if (c->entries++ == 0) {
        c->first_n = r->n;
        c->anchored = r->n == 1;
        memcpy(c->first_prev, r->prev.p, sizeof c->first_prev);
    }
    c->last_n = r->n;
    c->last_at_ms = r->at_ms;
    memcpy(c->last_hash, r->hash.p, sizeof c->last_hash);
    c->anchored = c->anchored || explains_beginning(c, r);
    c->head_found = c->head_found || r->n == c->head_n;
}

bool bl_audit_check_end(struct bl_audit_check *c)
{
    if (c->why)
        return false;
    if (c->entries && !c->anchored) {
        c->broken_n = c->first_n;
        c->why = "the trail begins here, and no `trim` entry says why: entries before it were removed";
    } else if (c->head_n > c->last_n) {
        c->broken_n = c->last_n;
        c->why = "the trail ends here, before the head that is remembered: entries after it were removed";
    }
    return c->why == NULL;
}
