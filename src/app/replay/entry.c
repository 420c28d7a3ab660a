/* One line of `inspect entries` back into an entry: {"received":ms,"partition":p,"event":{…}}, or "tick":true,
 * or "command":{…}, or "rules":{…}. The layout is our own, so it is matched, not parsed. */
#include "bl/app/replay.h"

static bool skip(struct bl_str *s, const char *literal)
{
    struct bl_str want = bl_str_of(literal);
    if (!bl_str_starts(*s, want))
        return false;
    s->p += want.n;
    s->n -= want.n;
    return true;
}

static bool number(struct bl_str *s, int64_t *out)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    struct bl_str digits = {s->p, n};
    s->p += n;
    s->n -= n;
    return bl_str_int64(digits, out);
}

bool bl_replay_entry_parse(struct bl_str line, struct bl_replay_entry *out)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (!skip(&line, "{\"received\":") || !number(&line, &out->received_ms) ||
        !skip(&line, ",\"partition\":") || !number(&line, &out->partition) || !skip(&line, ",\""))
        return false;
    const char *quote = line.n ? memchr(line.p, '"', line.n) : NULL;
    if (!quote)
        return false;
    out->kind = (struct bl_str){line.p, (size_t)(quote - line.p)};
    line.n -= out->kind.n;
    line.p = quote;
    if (!skip(&line, "\":") || line.n < 2 || line.p[line.n - 1] != '}')
        return false;
    out->body = (struct bl_str){line.p, line.n - 1};
    return true;
}
