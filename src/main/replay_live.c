/* `replay --from-redis`: the streams of a live data set, partition after partition (each has its own clock, so
 * the order among them does not matter), up to the moment the command was started. What was detected since
 * --since is shown; reading begins earlier, so that the users' states are what they were then. What the
 * streams no longer hold is said, never passed over. */
#include "replay.h"
#include "up.h"

#include "bl/base/limits.h"
#include "bl/config/config.h"
#include "bl/store/tape.h"
#include "bl/wire/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What the rules look back on within a session (visits, 1 h) and how long an event id is remembered by
 * default. A person's memory of an abandonment is longer (24 h): at worst its resolution is missed. */
#define WARM_UP_MS BL_VISITS_KEEP_MS

struct replay_live {
    struct bl_tape *tape;
    int64_t since_ms;    /* shown from here; 0: all */
    int64_t begin_ms;    /* read from here */
    int64_t complete_ms; /* nothing later than this was trimmed away; 0: nothing was */
    int64_t trimmed;     /* entries, in the partitions that begin too late */
    struct bl_rules *rules;
    struct bl_config *config; /* with these rules; NULL: the data set keeps none */
    char name[64];
};

static enum bl_err give_up(const char *why)
{
    fprintf(stderr, "behaviorlens replay: %s\n", why);
    return BL_ERR_IO;
}

static void put_time(struct bl_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];
    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        bl_buf_z(out, text);
}

static bool read_since(const char *text, int64_t now_ms, int64_t *out)
{
    int64_t ago;
    *out = 0;
    if (!text[0] || bl_time_parse(bl_str_of(text), out))
        return true;
    if (!bl_config_time(bl_str_of(text), &ago) || ago < 0)
        return false;
    *out = now_ms > ago ? now_ms - ago : 0;
    return true;
}

/* How far the streams go back. */
static enum bl_err survey(struct replay_live *live)
{
    enum bl_err err = BL_OK;
    for (int p = 0; p < bl_tape_partitions(live->tape) && err == BL_OK; p++) {
        struct bl_tape_reach reach;
        err = bl_tape_reach(live->tape, p, &reach);
        int64_t first_ms = reach.first_ms < 0 ? bl_tape_now_ms(live->tape) : reach.first_ms;
        if (err != BL_OK || reach.trimmed == 0 || first_ms <= live->begin_ms)
            continue;
        live->trimmed += reach.trimmed;
        if (first_ms > live->complete_ms)
            live->complete_ms = first_ms;
    }
    return err;
}

static void tell_missing(const struct replay_live *live)
{
    struct bl_buf out;
    if (live->trimmed == 0)
        return;
    bl_buf_init(&out, 0);
    bl_buf_printf(&out, "behaviorlens replay: the streams are complete from ");
    put_time(&out, live->complete_ms);
    bl_buf_printf(
        &out, " on; %lld earlier entries were trimmed (see --stream-retention): patterns %s are missing\n",
        (long long)live->trimmed,
        live->complete_ms > live->since_ms ? "before that time, and some soon after it,"
                                           : "that depend on what came before");
    fwrite(out.p, 1, out.n, stderr);
    bl_buf_release(&out);
}

/* The rules in effect where reading begins; commands in the streams change them on the way. */
static enum bl_err read_rules(struct replay_live *live, const struct bl_config *config)
{
    struct bl_buf text, why;
    int64_t version = 0;
    bl_buf_init(&text, 0);
    bl_buf_init(&why, 0);
    enum bl_err err = bl_tape_rules(live->tape, live->begin_ms, &text, &version);
    if (err == BL_OK && version)
        err = bl_rules_read(bl_buf_view(&text), &live->rules, &why);
    if (err == BL_ERR_CORRUPT)
        err = give_up("the rules of the data set cannot be read: name a rule set with --config");
    if (err == BL_OK && live->rules)
        err = bl_config_over(config, bl_rules_settings(live->rules), &live->config);
    snprintf(live->name, sizeof live->name, "the rules of the data set, version %lld", (long long)version);
    bl_buf_release(&text);
    bl_buf_release(&why);
    return err;
}

const struct bl_config *replay_live_rules(const struct replay_live *live)
{
    return live->config;
}

const char *replay_live_name(const struct replay_live *live)
{
    return live->name;
}

enum bl_err replay_live_open(const struct bl_config *config, struct replay_live **out)
{
    char url[UP_URL_MAX];
    struct bl_buf why;
    const char *at = up_data_address(config, url);
    if (!at)
        return give_up("no `up` runs on the directory of --data");
    struct replay_live *live = calloc(1, sizeof *live);
    if (!live)
        return BL_ERR_NO_MEMORY;
    bl_buf_init(&why, 0);
    enum bl_err err = bl_tape_open(at, bl_config_text(config, BL_OPTION_ENV), &live->tape, &why);
    bl_buf_char(&why, '\0');
    if (err != BL_OK && err != BL_ERR_NO_MEMORY)
        err = give_up(why.p);
    bl_buf_release(&why);
    if (err == BL_OK &&
        !read_since(bl_config_text(config, BL_OPTION_SINCE), bl_tape_now_ms(live->tape), &live->since_ms))
        err = give_up("--since takes a time ago (30m, 1h, 2d) or an RFC 3339 time (2025-01-31T12:00:00Z)");
    live->begin_ms = live->since_ms > WARM_UP_MS ? live->since_ms - WARM_UP_MS : 0;
    if (err == BL_OK)
        err = survey(live);
    if (err == BL_OK && bl_config_is_default(config, BL_OPTION_CONFIG))
        err = read_rules(live, config);
    if (err == BL_ERR_STORE_UNAVAILABLE)
        err = give_up("the connection to Redis was lost");
    if (err != BL_OK) {
        replay_live_close(live);
        return err;
    }
    tell_missing(live);
    *out = live;
    return BL_OK;
}

void replay_live_close(struct replay_live *live)
{
    if (!live)
        return;
    bl_tape_close(live->tape);
    bl_config_free(live->config);
    bl_rules_free(live->rules);
    free(live);
}

int64_t replay_live_since_ms(const struct replay_live *live)
{
    return live->since_ms;
}

/* ---- the entries ---- */

struct feeding {
    struct replay_live *live;
    struct bl_replay *replay;
    struct replay_progress progress;
    struct replay_at at;
    int64_t first_ms; /* of the partition at hand */
};

static void show(struct feeding *f, int partition, int64_t ms)
{
    enum { SCALE = 1000 };
    int64_t span = bl_tape_now_ms(f->live->tape) - f->first_ms;
    struct bl_replay_counts counts = bl_replay_counts(f->replay);
    f->at.size = (int64_t)bl_tape_partitions(f->live->tape) * SCALE;
    f->at.done = (int64_t)partition * SCALE + (span > 0 ? (ms - f->first_ms) * SCALE / span : 0);
    f->at.events = counts.taken;
    f->at.patterns = (int64_t)counts.patterns;
    replay_progress_show(&f->progress, &f->at);
}

static void report(struct feeding *f, int partition, const struct bl_tape_entry *entry,
                   const struct bl_problem *problem)
{
    struct bl_buf line;
    bl_buf_init(&line, 0);
    bl_buf_printf(&line, "partition %d, entry %lld-%lld: %s\n", partition, (long long)entry->ms,
                  (long long)entry->seq, problem->message);
    replay_say(&f->progress, bl_buf_view(&line));
    bl_buf_release(&line);
}

static enum bl_err feed_partition(struct feeding *f, int partition)
{
    struct bl_tape *tape = f->live->tape;
    struct bl_tape_entry entry;
    struct bl_problem problem;
    bool more;
    bl_tape_wind(tape, partition, f->live->begin_ms, bl_tape_now_ms(tape));
    f->first_ms = -1;
    for (;;) {
        enum bl_err err = bl_tape_next(tape, &entry, &more);
        if (err != BL_OK || !more)
            return err;
        if (f->first_ms < 0)
            f->first_ms = entry.ms;
        struct bl_replay_entry e = {entry.ms, partition, entry.field, entry.value};
        err = bl_replay_entry(f->replay, &e, &problem);
        if (err == BL_ERR_CORRUPT)
            report(f, partition, &entry, &problem);
        else if (err != BL_OK)
            return err;
        show(f, partition, entry.ms);
    }
}

enum bl_err replay_live_feed(struct replay_live *live, struct bl_replay *r)
{
    struct feeding f = {.live = live, .replay = r};
    enum bl_err err = BL_OK;
    replay_progress_begin(&f.progress);
    for (int p = 0; p < bl_tape_partitions(live->tape) && err == BL_OK; p++)
        err = feed_partition(&f, p);
    f.at.done = f.at.size;
    f.at.events = bl_replay_counts(r).taken;
    f.at.patterns = (int64_t)bl_replay_counts(r).patterns;
    replay_progress_end(&f.progress, &f.at);
    return err == BL_ERR_STORE_UNAVAILABLE ? give_up("the connection to Redis was lost") : err;
}
