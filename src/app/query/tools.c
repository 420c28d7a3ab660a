/* Small tools of the queries: reading replies, writing JSON. */
#include "query/job.h"

struct bl_str reply_get(const struct bl_read_reply *r, const char *name)
{
    for (size_t i = 0; i + 1 < r->n; i += 2)
        if (bl_str_eqz(r->item[i], name))
            return r->item[i + 1];
    return (struct bl_str){0};
}

int64_t text_int(struct bl_str s)
{
    int64_t v;
    return bl_str_int64(s, &v) ? v : 0;
}

int64_t reply_int(const struct bl_read_reply *r, const char *name)
{
    return text_int(reply_get(r, name));
}

int64_t item_int(const struct bl_read_reply *r, size_t i)
{
    return i < r->n ? text_int(r->item[i]) : 0;
}

int64_t entry_ms(struct bl_str id)
{
    const char *dash = id.n ? memchr(id.p, '-', id.n) : NULL;
    return dash ? text_int((struct bl_str){id.p, (size_t)(dash - id.p)}) : 0;
}

struct bl_str job_user(const struct job *j)
{
    return (struct bl_str){j->query.user, j->query.user_n};
}

int job_partition_of(const struct job *j, struct bl_str user_id)
{
    return (int)(bl_hash64(j->hash_key, user_id) % (uint64_t)j->partitions);
}

const struct bl_user *job_decode_user(struct job *j, const struct bl_read_reply *r)
{
    struct bl_state_pair pair[64];
    size_t n = 0;
    for (size_t i = 0; i + 1 < r->n && n < sizeof pair / sizeof *pair; i += 2)
        pair[n++] = (struct bl_state_pair){r->item[i], r->item[i + 1]};
    enum bl_err err = n ? bl_state_decode(j->q->decoder, j->q->scratch, pair, n, NULL) : BL_ERR_NOT_FOUND;
    if (err == BL_ERR_NO_MEMORY)
        j->out.err = err; /* not an unknown user: there is no answer */
    return err == BL_OK ? j->q->scratch : NULL;
}

static void comma(struct bl_buf *b)
{
    if (b->n > 0 && b->err == BL_OK && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[' &&
        b->p[b->n - 1] != ':')
        bl_buf_char(b, ',');
}

void json_open(struct bl_buf *b, char bracket)
{
    comma(b);
    if (bracket)
        bl_buf_char(b, bracket);
}

void json_key(struct bl_buf *b, const char *name)
{
    comma(b);
    bl_buf_json(b, bl_str_of(name));
    bl_buf_char(b, ':');
}

void json_int(struct bl_buf *b, const char *name, int64_t v)
{
    json_key(b, name);
    bl_buf_int(b, v);
}

void json_bool(struct bl_buf *b, const char *name, bool v)
{
    json_key(b, name);
    bl_buf_z(b, v ? "true" : "false");
}

void json_text(struct bl_buf *b, const char *name, struct bl_str v)
{
    json_key(b, name);
    bl_buf_json(b, v);
}

void json_text_or_null(struct bl_buf *b, const char *name, struct bl_str v)
{
    json_key(b, name);
    if (v.n)
        bl_buf_json(b, v);
    else
        bl_buf_z(b, "null");
}

void json_time_or_null(struct bl_buf *b, const char *name, int64_t v)
{
    json_key(b, name);
    if (v == BL_NEVER)
        bl_buf_z(b, "null");
    else
        bl_buf_int(b, v);
}
