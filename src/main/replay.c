/* `behaviorlens replay`: recorded events through the rules, patterns out as NDJSON (SPEC 8). In memory here,
 * from a file, standard input or the streams of a live data set; through the whole pipeline in replay_store.c;
 * under two rule sets at once in replay_compare.c. Output is made at the end, so a run that fails prints no
 * half. */
#include "replay.h"
#include "commands.h"

#include "bl/config/config.h"

#include <stdio.h>

#define PRINT_BYTES (64 * 1024) /* at a time */

enum bl_err replay_print(const struct bl_ledger *ledger)
{
    struct bl_buf out;
    enum bl_err err = BL_OK;
    bl_buf_init(&out, 0);
    for (size_t i = 0, n = bl_ledger_count(ledger); i < n && err == BL_OK; i++) {
        bl_row_json(&bl_ledger_entry(ledger, i)->row, &out);
        bl_buf_char(&out, '\n');
        err = out.err;
        if (out.n < PRINT_BYTES && i + 1 < n)
            continue;
        if (err == BL_OK && fwrite(out.p, 1, out.n, stdout) != out.n)
            err = BL_ERR_IO;
        bl_buf_clear(&out);
    }
    if (err == BL_OK && fflush(stdout) != 0)
        err = BL_ERR_IO;
    bl_buf_release(&out);
    return err;
}

static enum bl_err on_line(void *ctx, struct bl_str line, struct bl_problem *problem)
{
    return bl_replay_line(ctx, line, problem);
}

/* Changes of the rules that were made while the traffic was recorded. */
static void tell_rules_ignored(const struct bl_replay *r)
{
    int64_t n = bl_replay_counts(r).rules_ignored;
    if (n)
        fprintf(stderr,
                "behaviorlens replay: %lld recorded change%s of the rules %s not followed: the rule set "
                "under test stands\n",
                (long long)n, n == 1 ? "" : "s", n == 1 ? "was" : "were");
}

static enum bl_err feed(struct replay_session *s, const char *path, const struct bl_replay_options *options)
{
    enum bl_err err = bl_replay_new(options, &s->replay);
    if (err != BL_OK)
        return err;
    err = s->live ? replay_live_feed(s->live, s->replay) : replay_read(path, on_line, s->replay, s->replay);
    if (err == BL_OK && s->live)
        err = bl_replay_end(s->replay);
    if (err == BL_OK && !options->follow_rules)
        tell_rules_ignored(s->replay);
    return err;
}

void replay_session_release(struct replay_session *s)
{
    bl_replay_free(s->replay);
    replay_live_close(s->live);
    *s = (struct replay_session){0};
}

enum bl_err replay_in_memory(const struct bl_config *config, const struct bl_config *other, const char *path,
                             struct replay_session *out)
{
    bool from_redis = bl_config_int(config, BL_OPTION_FROM_REDIS);
    bool own = bl_config_is_default(config, BL_OPTION_CONFIG);
    *out = (struct replay_session){
        .rules = config, .name = own ? "the default settings" : bl_config_text(config, BL_OPTION_CONFIG)};
    enum bl_err err = from_redis ? replay_live_open(config, &out->live) : BL_OK;
    if (err != BL_OK)
        return err;
    if (out->live && own && replay_live_rules(out->live)) {
        out->rules = replay_live_rules(out->live);
        out->name = replay_live_name(out->live);
    }
    struct bl_replay_options options = {.config = {out->rules, other},
                                        .live = from_redis || bl_config_int(config, BL_OPTION_ENTRIES),
                                        .follow_rules = own};
    if (out->live)
        options.since_ms = replay_live_since_ms(out->live);
    err = feed(out, path, &options);
    if (err != BL_OK)
        replay_session_release(out);
    return err;
}

static enum bl_err in_memory(const struct bl_config *config, const char *path)
{
    struct replay_session s;
    enum bl_err err = replay_in_memory(config, NULL, path, &s);
    if (err != BL_OK)
        return err;
    err = replay_print(bl_replay_ledger(s.replay, 0));
    replay_session_release(&s);
    return err;
}

/* Where a replay runs, as a set. */
enum { IN_MEMORY = 1, COMPARED = 2, FROM_REDIS = 4, THROUGH_STORE = 8 };

/* --redis counts only as a flag: an environment made for `serve` must not send a replay into the live store. */
static unsigned ways_of(const struct bl_config *config)
{
    bool live = bl_config_int(config, BL_OPTION_FROM_REDIS) != 0;
    bool compared = bl_config_text(config, BL_OPTION_COMPARE)[0] != '\0';
    if (!live && bl_config_is_flag(config, BL_OPTION_REDIS))
        return THROUGH_STORE | (compared ? COMPARED : 0);
    return (live ? FROM_REDIS : IN_MEMORY) | (compared ? COMPARED : 0);
}

/* Flags that would have no effect. `on`: an option of yes and no counts if it is yes. */
static const struct demand {
    enum bl_option_id id;
    bool on;
    unsigned needs, excludes;
    const char *why;
} demands[] = {
    {BL_OPTION_JSON, true, COMPARED, 0, "--json is for --compare: patterns are JSON lines anyway"},
    {BL_OPTION_LIMIT, false, COMPARED, 0, "--limit is for --compare"},
    {BL_OPTION_WORKERS, false, THROUGH_STORE, 0,
     "--workers is for --redis: without it everything runs in this process"},
    {BL_OPTION_PARTITIONS, false, 0, FROM_REDIS,
     "--from-redis takes the partitions that there are: leave out --partitions"},
    {BL_OPTION_DURABILITY, false, THROUGH_STORE, 0,
     "--durability is for --redis: without it nothing is stored"},
    {BL_OPTION_SINCE, false, FROM_REDIS, 0, "--since is for --from-redis"},
    {BL_OPTION_DATA, false, FROM_REDIS, 0, "--data is for --from-redis"},
    {BL_OPTION_ENTRIES, true, 0, FROM_REDIS,
     "--from-redis reads the streams themselves: leave out --entries"},
    {BL_OPTION_ENTRIES, true, 0, THROUGH_STORE, "--entries runs in memory: leave out --redis"},
};

/* What is wrong with the call; NULL: nothing. */
static const char *mistake(const struct bl_config *config, int argc)
{
    unsigned ways = ways_of(config);
    if (ways == (THROUGH_STORE | COMPARED))
        return "--compare runs in memory: leave out --redis, or add --from-redis to compare over its streams";
    for (size_t i = 0; i < sizeof demands / sizeof *demands; i++) {
        const struct demand *d = &demands[i];
        if (!bl_config_is_flag(config, d->id) || (d->on && !bl_config_int(config, d->id)))
            continue;
        if ((d->needs & ways) != d->needs || (d->excludes & ways))
            return d->why;
    }
    if (ways & FROM_REDIS)
        return argc == 0 ? NULL : "--from-redis reads no file: leave out its name";
    return argc == 1 ? NULL : "name one file of recorded events (NDJSON), or - for standard input";
}

typedef enum bl_err replay_fn(const struct bl_config *config, const char *path);

int bl_main_replay(const struct bl_config *config, int argc, char **argv)
{
    const char *wrong = mistake(config, argc);
    if (wrong) {
        fprintf(stderr, "behaviorlens replay: %s\n", wrong);
        return 2;
    }
    unsigned ways = ways_of(config);
    replay_fn *replay = ways & COMPARED        ? replay_compare
                        : ways & THROUGH_STORE ? replay_through_store
                                               : in_memory;
    enum bl_err err = replay(config, argc ? argv[0] : NULL);
    if (err != BL_OK && err != BL_ERR_IO && err != BL_ERR_CONFIG)
        fprintf(stderr, "behaviorlens replay: %s\n", bl_err_text(err));
    return err == BL_OK ? 0 : err == BL_ERR_CONFIG ? 2 : 1;
}
