/* What limits need of a request beyond what handlers do. */
#include "server_internal.h"

#include "bl/base/limits.h"

#include <stdio.h>

void bl_server_gate(struct bl_server *s, const struct bl_guard *gate)
{
    s->gate = *gate;
}

void bl_server_meter(struct bl_server *s, const struct bl_meter *meter)
{
    s->meter = *meter;
}

void bl_request_spent(struct bl_request *r, size_t events)
{
    const struct bl_meter *m = &r->server->meter;
    if (m->spent)
        m->spent(m->ctx, r, events);
}

bool bl_request_header_before(const struct bl_request *r, const char *name, size_t *at, struct bl_str *out)
{
    struct bl_str want = bl_str_of(name);
    size_t n = r->req ? r->req->headers.size : 0;
    for (size_t i = *at < n ? *at : n; i-- > 0;) {
        const h2o_header_t *h = &r->req->headers.entries[i];
        if (!bl_str_ieq(bl_str_iovec(*h->name), want))
            continue;
        *at = i;
        *out = bl_str_iovec(h->value);
        return true;
    }
    *at = 0;
    return false;
}

int bl_answer_retry_after(struct bl_request *r, int64_t wait_ms)
{
    char text[16];
    int64_t s = (wait_ms + 999) / 1000;
    s = s < 1 ? 1 : s > BL_RETRY_AFTER_MAX_S ? BL_RETRY_AFTER_MAX_S : s;
    int n = snprintf(text, sizeof text, "%d", (int)s);
    r->retry_after = true;
    bl_answer_header(r, "retry-after", (struct bl_str){text, (size_t)n});
    return (int)s;
}
