/* `behaviorlens alerts test NAME`: one sample to that rule's webhook, and what came of it in a line. Needs no Redis. */
#include "alerts.h"

#include "bl/base/hash.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

struct trial {
    int status; /* of the process */
};

static const char *advice(const struct bl_outbound_answer *answer)
{
    static const char *const by_result[BL_OUTBOUND_RESULTS] = {
        [BL_OUTBOUND_REFUSED] = "the address is not a public one: allow-private: yes allows it",
        [BL_OUTBOUND_UNKNOWN] = "the name of the host does not resolve",
        [BL_OUTBOUND_CONNECT] = "nothing listens there, or a firewall is in the way",
        [BL_OUTBOUND_TLS] = "the certificate cannot be verified, or it is no TLS",
        [BL_OUTBOUND_TIMEOUT] = "no answer in time; it may have been taken",
    };
    if (answer->result != BL_OUTBOUND_DONE)
        return by_result[answer->result];
    return answer->status >= 300 && answer->status < 400
               ? "redirects are not followed: give the final address"
               : NULL;
}

static void on_answer(void *ctx, const struct bl_outbound_answer *answer)
{
    struct trial *t = ctx;
    const char *more = advice(answer);
    if (answer->result == BL_OUTBOUND_DONE)
        printf("%s: HTTP status %d after %lld ms", answer->status / 100 == 2 ? "delivered" : "not accepted",
               answer->status, (long long)answer->took_ms);
    else
        printf("not delivered: %s after %lld ms", bl_outbound_outcome(answer), (long long)answer->took_ms);
    if (more)
        printf(" (%s)", more);
    putchar('\n');
    t->status = answer->result == BL_OUTBOUND_DONE && answer->status / 100 == 2 ? 0 : 1;
}

static void on_closed(void *ctx)
{
    (void)ctx;
}

static void send_sample(struct alerts *a, struct alert_queue *q, struct trial *t)
{
    struct bl_pattern_id random = {{0}};
    char id[BL_ALERT_ID_BYTES], at_ms[32];
    struct bl_row row;
    struct bl_buf body;
    time_t now = time(NULL);
    if (getrandom(&random, sizeof random, 0) < 0)
        memcpy(&random, &now, sizeof now);
    bl_pattern_id_hex(&random, id);
    id[32] = '\0';
    snprintf(at_ms, sizeof at_ms, "%lld000", (long long)now);
    bl_alert_sample(q->rule, bl_str_of(at_ms), &row);
    bl_buf_init(&body, 0);
    bl_alert_body(&(struct bl_alert_message){.rule = q->rule,
                                             .pattern = &row,
                                             .at_ms = (int64_t)now * 1000,
                                             .count = (size_t)q->rule->over + 1,
                                             .delivery = id,
                                             .public_url = bl_config_text(a->config, BL_OPTION_PUBLIC_URL),
                                             .test = true},
                  &body);
    alerts_post(q, id, bl_buf_view(&body), (int64_t)now, on_answer, t);
    bl_buf_release(&body);
    while (bl_outbound_under_way(q->client) > 0)
        uv_run(&a->loop, UV_RUN_ONCE);
    bl_outbound_close(q->client, on_closed, NULL);
    uv_run(&a->loop, UV_RUN_DEFAULT);
}

int alerts_test(struct alerts *a, const char *name)
{
    struct trial t = {.status = 1};
    for (size_t i = 0; i < a->n_rules; i++)
        if (strcmp(a->rules[i].name, name) == 0) {
            if (alerts_post_open(a, &a->queues[i]))
                send_sample(a, &a->queues[i], &t);
            return t.status;
        }
    fputs("behaviorlens alerts test: there is no alert of that name; there are:", stderr);
    for (size_t i = 0; i < a->n_rules; i++)
        fprintf(stderr, " %s", a->rules[i].name);
    fputc('\n', stderr);
    return 2;
}
