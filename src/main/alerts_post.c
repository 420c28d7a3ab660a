/* One request to a webhook. The signature is made anew for each attempt, with its own time; the body and the delivery id
 * are the same for all of them. */
#include "alerts.h"

#include "bl/base/log.h"
#include "bl/outbound/sign.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET_MAX_BYTES   4096
#define TIMEOUT_MS         10000
#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_MAX_BYTES   (64 * 1024)

static bool refuse(const struct bl_alert_rule *rule, const char *why, const char *what)
{
    bl_log(BL_LOG_ERROR, "the alert cannot be sent", BL_LOG_TEXT("alert", rule->name),
           BL_LOG_TEXT("reason", why), BL_LOG_TEXT("name", what));
    return false;
}

static bool read_file(const char *path, struct bl_buf *out)
{
    FILE *f = fopen(path, "rbe");
    char *to = f ? bl_buf_reserve(out, SECRET_MAX_BYTES) : NULL;
    if (to)
        out->n += fread(to, 1, SECRET_MAX_BYTES, f);
    bool ok = to && !ferror(f) && feof(f);
    if (f)
        fclose(f);
    while (out->n > 0 && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
        out->n--;
    return ok;
}

static bool read_secret(struct alert_queue *q)
{
    const struct bl_alert_rule *r = q->rule;
    bl_buf_init(&q->secret, SECRET_MAX_BYTES);
    if (r->secret_env[0]) {
        const char *value = getenv(r->secret_env);
        bl_buf_z(&q->secret, value ? value : "");
        if (q->secret.n == 0 || q->secret.err != BL_OK)
            return refuse(r, "secret-env: the environment variable is not set, or empty, or over 4 KiB",
                          r->secret_env);
    } else if (r->secret_file[0]) {
        if (!read_file(r->secret_file, &q->secret) || q->secret.n == 0)
            return refuse(r, "secret-file: cannot be read, or is empty, or over 4 KiB", r->secret_file);
    }
    return true;
}

bool alerts_post_open(struct alerts *a, struct alert_queue *q)
{
    const struct bl_alert_rule *r = q->rule;
    struct bl_outbound_options o = {
        .under_way_max = FLIGHTS, .allow_http = r->allow_http, .allow_private = r->allow_private};
    const char *fault = bl_outbound_url_fault(bl_str_of(r->webhook), &o);
    if (fault)
        return refuse(r, fault, "webhook");
    if (!read_secret(q))
        return false;
    if (bl_outbound_new(&a->loop, &o, &q->client) != BL_OK)
        return refuse(r, "out of memory", "webhook");
    a->clients_open++;
    return true;
}

void alerts_post(struct alert_queue *q, const char *delivery, struct bl_str body, int64_t now_s,
                 bl_outbound_fn *fn, void *ctx)
{
    char signature[BL_SIGNATURE_BYTES];
    struct bl_outbound_header headers[5] = {
        {BL_STR("Content-Type"), BL_STR("application/json")},
        {BL_STR("User-Agent"), BL_STR("BehaviorLens")},
        {BL_STR("X-BehaviorLens-Delivery"), bl_str_of(delivery)},
        {BL_STR("X-BehaviorLens-Alert"), bl_str_of(q->rule->name)},
    };
    size_t n = 4;
    if (q->secret.n > 0) {
        if (bl_outbound_sign(bl_buf_view(&q->secret), now_s, body, signature) != BL_OK)
            abort(); /* unsigned it must not go out */
        headers[n++] = (struct bl_outbound_header){BL_STR("X-BehaviorLens-Signature"), bl_str_of(signature)};
    }
    bl_outbound_post(q->client, &(struct bl_outbound_request){.url = bl_str_of(q->rule->webhook),
                                                              .headers = headers,
                                                              .n_headers = n,
                                                              .body = body,
                                                              .timeout_ms = TIMEOUT_MS,
                                                              .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                              .answer_max_bytes = ANSWER_MAX_BYTES,
                                                              .ctx = ctx,
                                                              .done = fn});
}
