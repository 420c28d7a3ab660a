/* `behaviorlens inspect`: what the store holds, from the terminal. The same queries as the API, on a
 * connection of its own: no server is needed. */
#include "inspect.h"
#include "inspect_audit.h"

#include "bl/store/acl.h"
#include "bl/store/keys.h"
#include "bl/store/reads.h"
#include "commands.h"
#include "up.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define PATIENCE_MS 3000 /* for Redis to be there */
#define STEP_MS     10

struct run {
    struct inspect i;
    uv_loop_t loop;
    uv_timer_t timer;
    struct bl_store_reads *store;
    int64_t waited_ms;
    bool started;
};

void inspect_end(struct inspect *i, const char *complaint)
{
    if (complaint) {
        fprintf(stderr, "behaviorlens inspect: %s\n", complaint);
        i->status = 1;
    }
    i->done = true;
}

void inspect_print(struct inspect *i, struct bl_str text)
{
    if (text.n && fwrite(text.p, 1, text.n, stdout) != text.n)
        inspect_end(i, "standard output cannot be written.");
}

/* JSON for people: a line for each member, short lists of plain values on one line. */
static void pretty(struct bl_str json, struct bl_buf *out)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t k = 0; k < json.n; k++) {
        char c = json.p[k];
        bool opens = !quoted && (c == '{' || c == '['), closes = !quoted && (c == '}' || c == ']');
        bool empty = opens && k + 1 < json.n && (json.p[k + 1] == '}' || json.p[k + 1] == ']');
        depth -= closes && depth > 0;
        if (closes && json.p[k - 1] != '{' && json.p[k - 1] != '[')
            bl_buf_printf(out, "\n%*s", (int)(2 * depth), "");
        bl_buf_char(out, c);
        depth += opens;
        if (quoted && c == '\\' && k + 1 < json.n)
            bl_buf_char(out, json.p[++k]);
        else if (c == '"')
            quoted = !quoted;
        else if ((opens && !empty) || (!quoted && c == ','))
            bl_buf_printf(out, "\n%*s", (int)(2 * depth), "");
        else if (!quoted && c == ':')
            bl_buf_char(out, ' ');
    }
    bl_buf_char(out, '\n');
}

static void show(void *ctx, const struct bl_answer *a)
{
    struct inspect *i = BL_CAST(struct inspect, ctx, INSPECT_MAGIC);
    struct bl_buf body, out;
    if (a->err != BL_OK) {
        inspect_end(i,
                    a->message ? a->message
                    : a->err == BL_ERR_STORE_UNAVAILABLE
                        ? "Redis does not answer, or refuses: check --env, and user and password in --redis."
                        : bl_err_text(a->err));
        return;
    }
    bl_buf_init(&out, 0);
    bl_buf_init(&body, 0);
    bl_buf_shown(&body, a->body); /* what visitors sent must not move the cursor of a terminal */
    if (i->json || a->type) {
        bl_buf_str(&out, bl_buf_view(&body));
        if (!a->type)
            bl_buf_char(&out, '\n');
    } else if (i->columns) {
        inspect_table(bl_buf_view(&body), i->columns, &out);
    } else {
        pretty(bl_buf_view(&body), &out);
    }
    inspect_print(i, bl_buf_view(&out));
    bl_buf_release(&body);
    bl_buf_release(&out);
    inspect_end(i, NULL);
}

/* The key table with the command that reads each (SPEC 7.1). `socket`: the store's, if it has one. An address
 * with a host is left to the reader: it may hold a password. */
static void print_keys(struct inspect *i, const char *env, const char *socket)
{
    char cli[UP_PATH_MAX] = "redis-cli";
    struct bl_buf out, key;
    bl_buf_init(&out, 0);
    bl_buf_init(&key, 0);
    if (socket)
        snprintf(cli, sizeof cli, "redis-cli -s '%s'", socket);
    for (int k = 0; k < BL_KEY_COUNT; k++) {
        const struct bl_key_doc *doc = bl_key_doc((enum bl_key)k);
        char command[512];
        bl_buf_clear(&key);
        bl_key_put(&key, bl_str_of(env), (enum bl_key)k, 0, doc->has_arg ? BL_STR("X") : (struct bl_str){0});
        bl_buf_char(&key, '\0');
        const char *at = strstr(doc->read, "%s");
        size_t before = at ? (size_t)(at - doc->read) : strlen(doc->read);
        snprintf(command, sizeof command, "%.*s'%s'%s", (int)before, doc->read, key.p, at ? at + 2 : "");
        bl_buf_printf(&out, "%s\n    %s: %s\n    %s %s\n", key.p, doc->type, doc->what, cli, command);
    }
    bl_buf_z(&out,
             "\nX stands for a user id (percent-escaped), a pattern id, a number or a process; the 0 in\n"
             "braces for the partition.\n");
    inspect_print(i, bl_buf_view(&out));
    bl_buf_release(&out);
    bl_buf_release(&key);
}

/* The users of a Redis of one's own, as the lines that make them (SPEC 7). */
static void print_acl(struct inspect *i, const char *env)
{
    struct bl_buf out;
    bl_buf_init(&out, 0);
    bl_buf_z(
        &out,
        "# One user for each role. Put a secret of its own (openssl rand -hex 32) in the place of each "
        "word in capitals,\n"
        "# and give a role its address by the environment: BL_REDIS=redis://serve:SECRET@host:6379\n"
        "# The lines are for redis-cli (then ACL SAVE, if Redis has an aclfile); with `user` for their first "
        "two words,\n"
        "# for an ACL file.\n");
    for (size_t k = 0; k < BL_ACL_COUNT; k++) {
        const struct bl_acl_doc *doc = bl_acl_doc(k);
        char secret[32] = "";
        for (size_t n = 0; doc->name[n] && n + 1 < sizeof secret; n++)
            secret[n] = (char)toupper((unsigned char)doc->name[n]);
        bl_buf_printf(&out, "\n# %s: %s\nACL SETUSER ", doc->name, doc->what);
        bl_acl_put(&out, k, bl_str_of(env), bl_str_of(secret));
        bl_buf_char(&out, '\n');
    }
    bl_buf_z(&out, "\n# Last: the user without a password is switched off, and keeps its rights all the "
                   "same: Redis reads "
                   "the\n"
                   "# transactions of its append-only file as that user, and drops what it may not do.\n"
                   "ACL SETUSER default off ~* +@all\n");
    inspect_print(i, bl_buf_view(&out));
    bl_buf_release(&out);
}

static const struct what {
    const char *name;
    enum bl_call call;
    bool needs_id;
    const char *columns;
    const char *help;
} whats[] = {
    {"state", BL_CALL_METRICS, false, NULL, "totals, rates, patterns by type"},
    {"lag", BL_CALL_PARTITIONS, false,
     "partition lag @oldest_unprocessed committed @committed_at @clock entries_added entries_committed",
     "per partition: what is not processed yet, how far it is committed"},
    {"leases", BL_CALL_PARTITIONS, false, "partition owner epoch lag", "per partition: who holds it"},
    {"workers", BL_CALL_WORKERS, false, "worker host pid @started_at @last_heartbeat partitions",
     "the workers alive and what they hold"},
    {"users", BL_CALL_USERS, false, "user_id current_page @last_seen session_id has_active_pattern",
     "users seen in the last 30 minutes"},
    {"user", BL_CALL_USER, true, NULL, "one user's state as the rules see it"},
    {"patterns", BL_CALL_PATTERNS, false, "@detected_at type severity user_id page resolved pattern_id",
     "the latest patterns"},
    {"pattern", BL_CALL_PATTERN, true, NULL, "one pattern"},
    {"metrics", BL_CALL_EXPOSITION, false, NULL, "all figures as Prometheus reads them"},
    {"entries", BL_CALL_COUNT, false, NULL, "every entry of the event streams in order of time, as NDJSON"},
    {"audit", BL_CALL_AUDIT, false, "n @at action actor subject detail",
     "who changed what: the latest entries of the audit trail; --verify follows all of it"},
    {"keys", BL_CALL_COUNT, false, NULL, "the Redis keys and the redis-cli line that reads each"},
    {"acl", BL_CALL_COUNT, false, NULL,
     "the Redis users, one for each role, as the ACL lines that make them"},
};
#define N_WHATS (sizeof whats / sizeof *whats)

static const struct what *what_of(const char *name)
{
    for (size_t k = 0; k < N_WHATS; k++)
        if (strcmp(whats[k].name, name) == 0)
            return &whats[k];
    return NULL;
}

void inspect_words(struct bl_buf *out)
{
    bl_buf_printf(out, "\nWHAT is one of (without: %s):\n", whats[0].name);
    for (size_t k = 0; k < N_WHATS; k++)
        bl_buf_printf(out, "  %-8s %-2s  %s\n", whats[k].name, whats[k].needs_id ? "ID" : "", whats[k].help);
}

static int usage(const struct what *w, int argc)
{
    struct bl_buf words;
    if (!w)
        fputs("behaviorlens inspect: there is nothing of that name to look at.\n", stderr);
    else
        fprintf(stderr, "behaviorlens inspect: %s takes %s.\n", w->name,
                !w->needs_id ? "no ID"
                : argc > 2   ? "one ID"
                             : "an ID: name it behind");
    bl_buf_init(&words, 0);
    inspect_words(&words);
    fputs("usage: behaviorlens inspect [WHAT [ID]]\n", stderr);
    fwrite(words.p, 1, words.n, stderr);
    bl_buf_release(&words);
    return 2;
}

static void start(struct inspect *i)
{
    const struct what *w = what_of(i->what);
    struct bl_query query;
    struct bl_problem problem;
    if (!w || w->call == BL_CALL_COUNT) {
        inspect_entries(i);
        return;
    }
    if (bl_query_parse(w->call, bl_str_of(i->id), NULL, 0, &query, &problem) != BL_OK)
        inspect_end(i, problem.message);
    else
        bl_query_run(i->queries, &query, show, i);
}

static void on_closed(void *ctx)
{
    struct run *r = ctx;
    r->store = NULL;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct run *r = handle->data;
    bl_store_reads_close(r->store, on_closed, r);
}

/* Waits for the connection, then for the end. */
static void on_timer(uv_timer_t *timer)
{
    struct run *r = timer->data;
    if (!r->started && bl_store_reads_up(r->store)) {
        r->started = true;
        start(&r->i);
    }
    r->waited_ms += STEP_MS;
    if (!r->started && r->waited_ms >= PATIENCE_MS)
        inspect_end(&r->i, "Redis cannot be reached: check --redis (or --data) and that it is running.");
    if (r->i.done && bl_queries_running(r->i.queries) == 0)
        uv_close((uv_handle_t *)timer, on_timer_closed);
}

static int run(struct run *r, const struct bl_config *config)
{
    char url[UP_URL_MAX];
    const char *at = up_data_address(config, url);
    if (!at) {
        inspect_end(&r->i, "no `up` runs on the directory of --data.");
        return 1;
    }
    enum bl_err err =
        bl_store_reads_new(&r->loop, at, bl_str_of(bl_config_text(config, BL_OPTION_ENV)), &r->store);
    if (err != BL_OK) {
        fprintf(stderr, "behaviorlens inspect: %s\n",
                err == BL_ERR_CONFIG ? "--redis is no address of a Redis." : bl_err_text(err));
        return 1;
    }
    r->i.reads = bl_store_reads_port(r->store);
    err = bl_queries_new(r->i.reads, &r->i.queries);
    if (err != BL_OK)
        return 1;
    uv_timer_init(&r->loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_timer, 0, STEP_MS);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    bl_queries_free(r->i.queries);
    return fflush(stdout) == 0 ? r->i.status : 1;
}

int bl_main_inspect(const struct bl_config *config, int argc, char **argv)
{
    static struct run r;
    r.i = (struct inspect){.magic = INSPECT_MAGIC, .what = argc > 0 ? argv[0] : whats[0].name};
    r.i.id = argc > 1 ? argv[1] : "";
    r.i.json = bl_config_int(config, BL_OPTION_JSON) != 0;
    const struct what *w = what_of(r.i.what);
    if (!w || argc > 2 || w->needs_id != (argc == 2))
        return usage(w, argc);
    r.i.columns = w->columns;
    if (strcmp(w->name, "keys") == 0) {
        char url[UP_URL_MAX];
        const char *at = up_data_address(config, url);
        print_keys(&r.i, bl_config_text(config, BL_OPTION_ENV), at ? up_data_socket_in(at) : NULL);
        return fflush(stdout) == 0 ? r.i.status : 1;
    }
    if (strcmp(w->name, "acl") == 0) {
        print_acl(&r.i, bl_config_text(config, BL_OPTION_ENV));
        return fflush(stdout) == 0 ? r.i.status : 1;
    }
    if (strcmp(w->name, "audit") == 0 && bl_config_int(config, BL_OPTION_VERIFY)) {
        char url[UP_URL_MAX];
        const char *at = up_data_address(config, url);
        if (!at)
            inspect_end(&r.i, "no `up` runs on the directory of --data.");
        return at ? inspect_verify_audit(at, bl_config_text(config, BL_OPTION_ENV),
                                         bl_config_text(config, BL_OPTION_HEAD), r.i.json)
                  : 1;
    }
    if (uv_loop_init(&r.loop) != 0)
        return 1;
    int status = run(&r, config);
    uv_loop_close(&r.loop);
    return status;
}
