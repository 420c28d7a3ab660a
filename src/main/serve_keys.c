/* See serve_keys.h.
 *
 *   start: keys of file and environment hold -> the store's read: known -> read again twice a second
 *          nobody but who has one of them gets in    (none at all, and not on loopback: refused) */
#include "serve_keys.h"
#include "keys.h"

#include "bl/base/log.h"
#include "bl/base/magic.h"
#include "bl/store/keyring.h"

#include <stdlib.h>

#define KEYS_MAGIC BL_MAGIC('s', 'k', 'e', 'y')

struct serve_keys {
    uint32_t magic;
    struct serve_keys_options options;
    struct bl_access_keys *keys;
    struct bl_keyring *ring;
    struct bl_server *server;
    struct bl_http_access http;
    struct bl_audit_port audit;
    char dashboards[BL_KEY_ORIGINS_MAX_BYTES + 1];
};

static void on_refused_event(void *ctx, enum bl_err err)
{
    const struct serve_keys *k = BL_CAST(struct serve_keys, ctx, KEYS_MAGIC);
    struct bl_refusal refusal = {.err = err};
    bl_rejects_add(k->options.rejects, &refusal);
}

static void on_changed(void *ctx)
{
    struct serve_keys *k = BL_CAST(struct serve_keys, ctx, KEYS_MAGIC);
    const char *listen = bl_config_text(k->options.config, BL_OPTION_LISTEN);
    char why[KEYS_REFUSED_MAX];
    bl_log(BL_LOG_INFO, "keys read", BL_LOG_INT("keys", bl_access_count(k->keys)),
           BL_LOG_TEXT("asked_for", bl_access_asks(k->keys) ? "yes" : "no"));
    if (!bl_access_asks(k->keys) && !keys_is_loopback(listen)) {
        keys_refusal("serve", listen, why);
        k->options.refused(k->options.ctx, why);
        return;
    }
    if (k->server)
        bl_http_access_changed(k->server, &k->http);
}

static enum bl_err read_settings(struct serve_keys *k)
{
    struct bl_buf why;
    bl_buf_init(&why, 0);
    bool ok = keys_read(k->options.config, k->keys, &why);
    if (ok && !bl_origins_read(bl_str_of(bl_config_text(k->options.config, BL_OPTION_DASHBOARD_ORIGINS)),
                               k->dashboards)) {
        bl_buf_z(&why,
                 "dashboard-origins takes scheme://host or scheme://host:port, with commas between several");
        ok = false;
    }
    if (!ok)
        bl_log(BL_LOG_ERROR, "cannot use the keys", BL_LOG_STR("reason", bl_buf_view(&why)));
    bl_buf_release(&why);
    return ok ? BL_OK : BL_ERR_CONFIG;
}

enum bl_err serve_keys_new(const struct serve_keys_options *options, struct serve_keys **out)
{
    struct serve_keys *k = calloc(1, sizeof *k);
    *out = NULL;
    if (!k)
        return BL_ERR_NO_MEMORY;
    *k = (struct serve_keys){.magic = KEYS_MAGIC, .options = *options};
    const char *env = bl_config_text(options->config, BL_OPTION_ENV);
    enum bl_err err = bl_access_new(&k->keys);
    if (err == BL_OK)
        err = read_settings(k);
    struct bl_keyring_options ring = {env, k->keys, k, on_changed};
    if (err == BL_OK)
        err = bl_keyring_new(&ring, &k->ring);
    if (err != BL_OK) {
        serve_keys_free(k);
        return err;
    }
    k->http = (struct bl_http_access){
        .keys = k->keys, .env = env, .dashboards = k->dashboards, .ctx = k, .refused = on_refused_event};
    *out = k;
    return BL_OK;
}

void serve_keys_free(struct serve_keys *k)
{
    if (!k)
        return;
    bl_keyring_free(k->ring);
    bl_access_free(k->keys);
    k->magic = 0;
    free(k);
}

enum bl_err serve_keys_guard(struct serve_keys *k, struct bl_server *server, struct bl_audit_port audit)
{
    k->server = server;
    k->audit = audit;
    k->http.audit = &k->audit;
    return bl_http_access(server, &k->http);
}

void serve_keys_poll(struct serve_keys *k, struct bl_link *link)
{
    bl_keyring_poll(k->ring, link);
}

size_t serve_keys_counters(const struct serve_keys *k, struct bl_counter out[BL_PROCESS_COUNTERS_MAX],
                           size_t n)
{
    const struct bl_counter all[] = {
        {"keys_unauthorized_total", k->http.unauthorized},
        {"keys_forbidden_total", k->http.forbidden},
        {"logins_total", k->http.logins},
    };
    assert(n + sizeof all / sizeof *all <= BL_PROCESS_COUNTERS_MAX);
    memcpy(out + n, all, sizeof all);
    return n + sizeof all / sizeof *all;
}
