/* `behaviorlens key`: keys of an environment, made, listed and revoked while everything runs. A token is shown once, when
 * it is made: what is kept is a hash of it, from which nobody gets it back.
 *
 * What is done goes into the audit trail first; if that cannot be written, it is not done. */
#include "commands.h"
#include "keys.h"
#include "up.h"

#include "bl/store/audit.h"
#include "bl/store/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

struct key_call {
    const struct bl_config *config;
    const char *at, *env; /* where the store is */
    const char *id;       /* "": none was given */
    bool json;
    struct bl_buf out, why;
};

static struct bl_access_key all[BL_KEYS_MAX]; /* of the environment, once listed; too many for the stack */

static enum bl_err fail(struct key_call *c, const char *why)
{
    bl_buf_z(&c->why, why);
    return BL_ERR_CONFIG;
}

/* --- how keys are shown */

static void put_time(int64_t ms, struct bl_buf *out)
{
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    char text[32];
    if (gmtime_r(&s, &t) && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &t))
        bl_buf_z(out, text);
}

static void put_origins(const char *origins, struct bl_buf *out)
{
    const char *sep = "[";
    for (; *origins; sep = ",") {
        size_t n = strcspn(origins, " ");
        bl_buf_z(out, sep);
        bl_buf_json(out, (struct bl_str){origins, n});
        origins += n + (origins[n] ? 1 : 0);
    }
    bl_buf_z(out, *sep == '[' ? "[]" : "]");
}

/* token: NULL: not known any more. */
static void put_json(const struct bl_access_key *key, const char *token, struct bl_buf *out)
{
    bl_buf_printf(out, "{\"id\":\"%s\",\"kind\":\"%s\",\"name\":", key->id, bl_key_kind_name(key->kind));
    bl_buf_json(out, bl_str_of(key->name));
    bl_buf_z(out, ",\"origins\":");
    put_origins(key->origins, out);
    bl_buf_printf(out, ",\"created_at\":%lld", (long long)key->created_ms);
    if (token)
        bl_buf_printf(out, ",\"token\":\"%s\"", token);
    bl_buf_char(out, '}');
}

/* --- create, make */

static enum bl_err make(struct key_call *c, struct bl_access_key *key, char token[BL_TOKEN_CHARS + 1])
{
    uint8_t random[BL_TOKEN_RANDOM_BYTES];
    *key = (struct bl_access_key){.kind = (enum bl_key_kind)bl_config_int(c->config, BL_OPTION_KIND)};
    const char *origins = bl_config_text(c->config, BL_OPTION_ORIGIN);
    if (bl_config_is_default(c->config, BL_OPTION_KIND))
        return fail(c, "say what the key is for: --kind write (events), read (the API, the dashboard) or "
                       "admin (resolve, "
                       "erase and all else)");
    if (!bl_origins_read(bl_str_of(origins), key->origins))
        return fail(c, "--origin takes scheme://host or scheme://host:port, with commas between several");
    if (key->origins[0] && key->kind != BL_KIND_WRITE)
        return fail(c, "only write keys have origins: who may read by pages of other sites says "
                       "--dashboard-origins of serve");
    snprintf(key->name, sizeof key->name, "%s", bl_config_text(c->config, BL_OPTION_NAME));
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return fail(c, "the system has no random bytes");
    bl_token_make(key->kind, random, token);
    explicit_bzero(random, sizeof random);
    bl_token_hash(bl_str_of(token), key->hash);
    bl_token_id(bl_str_of(token), key->id);
    return BL_OK;
}

static enum bl_err audit(struct key_call *c, const char *action, const struct bl_access_key *key)
{
    char actor[KEYS_ACTOR_MAX], detail[64];
    keys_actor(actor);
    snprintf(detail, sizeof detail, "{\"kind\":\"%s\"}", bl_key_kind_name(key->kind));
    struct bl_audit_entry entry = {bl_str_of(action), bl_str_of(actor), bl_str_of(key->id),
                                   bl_str_of(detail)};
    return bl_audit_write_now(c->at, c->env, &entry, &c->why);
}

static const char *const uses[BL_KIND_COUNT] = {
    [BL_KIND_WRITE] = "Pages:   <script defer src=\".../tracker.js\" data-key=\"%s\"></script>\n"
                      "Servers: curl -H \"Authorization: Bearer %s\" -d '{...}' .../events\n",
    [BL_KIND_READ] = "The dashboard takes it to log in; programs send it: curl -H \"Authorization: Bearer "
                     "%s\" .../api/patterns\n",
    [BL_KIND_ADMIN] = "The dashboard takes it to log in; it may resolve and erase, so give it to few.\n",
};

static void put_made(const struct bl_access_key *key, const char *token, struct bl_buf *out)
{
    bl_buf_printf(out, "key      %s\nkind     %s\n", key->id, bl_key_kind_name(key->kind));
    if (key->name[0])
        bl_buf_printf(out, "name     %s\n", key->name);
    if (key->kind == BL_KIND_WRITE)
        bl_buf_printf(out, "origins  %s\n", key->origins[0] ? key->origins : "any");
    bl_buf_printf(out, "token    %s\n\nThe token is shown this once: only a hash of it is kept.\n", token);
    for (const char *p = uses[key->kind], *at; *p; p = at + (*at ? 2 : 0)) {
        at = strstr(p, "%s");
        at = at ? at : p + strlen(p);
        bl_buf_add(out, p, (size_t)(at - p));
        if (*at)
            bl_buf_z(out, token);
    }
}

static void say_first(struct key_call *c, const struct bl_access_key *key)
{
    size_t n, unread;
    if (bl_keyring_list(c->at, c->env, all, &n, &unread, &c->why) != BL_OK || n + unread != 1)
        return;
    bl_buf_z(&c->out, "\nIt is the first key of this environment: from now on every server asks for one, for "
                      "events and for "
                      "reading alike.\n");
    if (!bl_key_may(key->kind, BL_ACCESS_READ))
        bl_buf_z(&c->out, "For the dashboard: behaviorlens key create --kind admin --name me\n");
    else if (!bl_key_may(key->kind, BL_ACCESS_WRITE))
        bl_buf_z(&c->out, "For events: behaviorlens key create --kind write --name site\n");
}

static enum bl_err create(struct key_call *c)
{
    struct bl_access_key key;
    char token[BL_TOKEN_CHARS + 1];
    enum bl_err err = make(c, &key, token);
    if (err == BL_OK)
        err = audit(c, "key-create", &key);
    if (err == BL_OK)
        err = bl_keyring_put(c->at, c->env, &key, &c->why);
    if (err != BL_OK)
        return err;
    if (c->json) {
        put_json(&key, token, &c->out);
        bl_buf_char(&c->out, '\n');
    } else {
        put_made(&key, token, &c->out);
        say_first(c, &key);
    }
    return BL_OK;
}

/* For --keys-file and BL_KEYS: nothing is stored anywhere. */
static enum bl_err make_line(struct key_call *c)
{
    struct bl_access_key key;
    struct bl_buf line;
    char token[BL_TOKEN_CHARS + 1];
    enum bl_err err = make(c, &key, token);
    if (err != BL_OK)
        return err;
    bl_buf_init(&line, 0);
    bl_buf_printf(&line, "%s:sha256=", bl_key_kind_name(key.kind));
    bl_buf_hex(&line, key.hash, sizeof key.hash);
    for (const char *p = key.origins; *p; p++) {
        if (p == key.origins)
            bl_buf_char(&line, ':');
        bl_buf_char(&line, *p == ' ' ? ',' : *p);
    }
    if (c->json) {
        bl_buf_printf(&c->out, "{\"token\":\"%s\",\"line\":", token);
        bl_buf_json(&c->out, bl_buf_view(&line));
        bl_buf_z(&c->out, "}\n");
    } else {
        bl_buf_printf(
            &c->out,
            "token    %s\nline     %.*s\n\nThe line goes into the file of --keys-file, or into " KEYS_VARIABLE
            "; the token to who uses it.\n",
            token, BL_STR_ARG(bl_buf_view(&line)));
    }
    err = line.err;
    bl_buf_release(&line);
    return err;
}

/* --- list, revoke */

static enum bl_err list(struct key_call *c)
{
    size_t n, unread;
    enum bl_err err = bl_keyring_list(c->at, c->env, all, &n, &unread, &c->why);
    if (err != BL_OK)
        return err;
    if (c->json)
        bl_buf_char(&c->out, '[');
    else if (n == 0)
        bl_buf_z(&c->out, "no keys: servers are open, and listen on loopback alone.\n");
    else
        bl_buf_printf(&c->out, "%-16s %-6s %-21s %-24s %s\n", "KEY", "KIND", "CREATED", "NAME", "ORIGINS");
    for (size_t i = 0; i < n; i++) {
        if (c->json) {
            bl_buf_z(&c->out, i ? "," : "");
            put_json(&all[i], NULL, &c->out);
            continue;
        }
        bl_buf_printf(&c->out, "%-16s %-6s ", all[i].id, bl_key_kind_name(all[i].kind));
        put_time(all[i].created_ms, &c->out);
        bl_buf_printf(&c->out, "  %-24s %s\n", all[i].name,
                      all[i].kind != BL_KIND_WRITE ? ""
                      : all[i].origins[0]          ? all[i].origins
                                                   : "any");
    }
    if (c->json)
        bl_buf_z(&c->out, "]\n");
    if (unread)
        fprintf(stderr,
                "behaviorlens key: %zu keys cannot be read by this version of the program and open nothing\n",
                unread);
    return BL_OK;
}

static enum bl_err revoke(struct key_call *c)
{
    size_t n, unread, i = 0;
    bool removed = false;
    char id[BL_KEY_ID_MAX_BYTES + 1];
    /* Who has the token and not the id may give that. */
    if (strlen(c->id) > BL_KEY_ID_MAX_BYTES)
        bl_token_id(bl_str_of(c->id), id);
    else
        snprintf(id, sizeof id, "%s", c->id);
    enum bl_err err = bl_keyring_list(c->at, c->env, all, &n, &unread, &c->why);
    while (err == BL_OK && i < n && strcmp(all[i].id, id) != 0)
        i++;
    if (err == BL_OK && i == n)
        err = fail(
            c,
            "there is no such key: `behaviorlens key list` shows all (those of a file are taken out there)");
    if (err == BL_OK)
        err = audit(c, "key-revoke", &all[i]);
    if (err == BL_OK)
        err = bl_keyring_remove(c->at, c->env, bl_str_of(id), &removed, &c->why);
    if (err != BL_OK)
        return err;
    if (c->json)
        bl_buf_printf(&c->out, "{\"id\":\"%s\",\"revoked\":%s,\"left\":%zu}\n", id,
                      removed ? "true" : "false", n - 1);
    else
        bl_buf_printf(
            &c->out, "%s is revoked: within two seconds no server takes it any more.\n%s", id,
            n + unread > 1
                ? ""
                : "No key is left: servers that run refuse everything until there is one; one that is "
                  "started anew is open on loopback, and does not start elsewhere.\n");
    return BL_OK;
}

/* --- the command */

static const struct action {
    const char *name, *arg, *help;
    bool store;
    enum bl_err (*run)(struct key_call *c);
} actions[] = {
    {"create", "", "a new key: --kind write|read|admin, --name, --origin; its token is shown this once", true,
     create},
    {"make", "", "the same for --keys-file or " KEYS_VARIABLE ": prints token and line, stores nothing",
     false, make_line},
    {"list", "", "all keys, without their tokens", true, list},
    {"revoke", "ID", "the key of that id is taken by no server any more, within two seconds", true, revoke},
};
#define N_ACTIONS (sizeof actions / sizeof *actions)

void key_words(struct bl_buf *out)
{
    bl_buf_z(out, "\nWhat to do:\n");
    for (size_t i = 0; i < N_ACTIONS; i++)
        bl_buf_printf(out, "  %-7s %-3s  %s\n", actions[i].name, actions[i].arg, actions[i].help);
}

static int usage(void)
{
    struct bl_buf words;
    bl_buf_init(&words, 0);
    key_words(&words);
    fputs("usage: behaviorlens key create | make | list | revoke ID\n", stderr);
    fwrite(words.p, 1, words.n, stderr);
    bl_buf_release(&words);
    return 2;
}

int bl_main_key(const struct bl_config *config, int argc, char **argv)
{
    char url[UP_URL_MAX];
    size_t i = 0;
    while (i < N_ACTIONS && (argc == 0 || strcmp(argv[0], actions[i].name) != 0))
        i++;
    if (i == N_ACTIONS || argc != (actions[i].arg[0] ? 2 : 1))
        return usage();
    struct key_call c = {.config = config,
                         .env = bl_config_text(config, BL_OPTION_ENV),
                         .id = argc > 1 ? argv[1] : "",
                         .json = bl_config_int(config, BL_OPTION_JSON) != 0};
    bl_buf_init(&c.out, 0);
    bl_buf_init(&c.why, 0);
    enum bl_err err = BL_OK;
    if (actions[i].store && !(c.at = up_data_address(config, url)))
        err = fail(&c, "no `up` runs on the directory of --data");
    if (err == BL_OK)
        err = actions[i].run(&c);
    if (err != BL_OK) {
        struct bl_str why = c.why.n ? bl_buf_view(&c.why) : bl_str_of(bl_err_text(err));
        fprintf(stderr, "behaviorlens key: %.*s.\n", BL_STR_ARG(why));
    } else if (c.out.err != BL_OK || fwrite(c.out.p, 1, c.out.n, stdout) != c.out.n || fflush(stdout) != 0) {
        err = BL_ERR_IO;
    }
    if (c.out.p)
        explicit_bzero(c.out.p, c.out.cap);
    bl_buf_release(&c.out);
    bl_buf_release(&c.why);
    return err == BL_OK ? 0 : 1;
}
