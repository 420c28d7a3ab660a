/* `inspect entries`: the event streams of all partitions merged in order of entry id, one JSON object a line:
 *
 *   {"received":ms,"partition":p,"event":{…}}      one line for each event of an entry
 *   {"received":ms,"partition":p,"tick":true}
 *   {"received":ms,"partition":p,"command":{…}}
 *
 * and before the first entry of each partition the rules in effect until then:
 *
 *   {"received":ms,"partition":p,"rules":{"command":"rules","version":N,"settings":{…}}}
 *
 * What is detected is a function of these lines alone (SPEC 3.5): they are the export of a run. What workers died of and
 * set aside before the command was run is left out, for it had no effect. Entries are
 * read a few at a time from each partition; memory does not grow with the stream. */
#include "inspect.h"

#include "bl/app/aside.h"
#include "bl/base/limits.h"
#include "bl/wire/command.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE 16

struct id {
    int64_t ms, seq;
};

struct lane {
    struct id last; /* read so far */
    bool done;
    struct bl_buf text; /* the lines of the page */
    size_t n, at;
    struct bl_aside aside;
    struct {
        struct id id;
        size_t end; /* of its lines, in text */
    } entry[PAGE];
};

static struct {
    struct inspect *i;
    int partitions;
    struct lane *lane;
    struct bl_read *reads;
    char (*after)[48];
    int *asked;
    struct bl_buf left; /* of an entry, without what was set aside */
    bool begun;         /* the rules are asked for */
} all;                  /* the command runs once */

static void end(const char *complaint)
{
    for (int p = 0; all.lane && p < all.partitions; p++) {
        bl_buf_release(&all.lane[p].text);
        bl_aside_release(&all.lane[p].aside);
    }
    bl_buf_release(&all.left);
    free(all.lane);
    free(all.reads);
    free(all.after);
    free(all.asked);
    inspect_end(all.i, complaint);
}

static struct id id_of(struct bl_str text)
{
    struct id id = {0, 0};
    const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
    size_t n = dash ? (size_t)(dash - text.p) : 0;
    if (!dash || !bl_str_int64((struct bl_str){text.p, n}, &id.ms) ||
        !bl_str_int64((struct bl_str){dash + 1, text.n - n - 1}, &id.seq))
        return (struct id){0, 0};
    return id;
}

static bool before(struct id a, struct id b)
{
    return a.ms != b.ms ? a.ms < b.ms : a.seq < b.seq;
}

static void put_line(struct lane *lane, struct id id, int p, const char *name, struct bl_str value)
{
    bl_buf_printf(&lane->text, "{\"received\":%lld,\"partition\":%d,\"%s\":", (long long)id.ms, p, name);
    bl_buf_str(&lane->text, value);
    bl_buf_z(&lane->text, "}\n");
}

static void put_entry(struct lane *lane, int p, struct id id, struct bl_str field, struct bl_str value)
{
    if (bl_str_eqz(field, "tick")) {
        put_line(lane, id, p, "tick", BL_STR("true"));
        return;
    }
    if (bl_str_eqz(field, "command")) {
        while (value.n && value.p[value.n - 1] == ' ') /* an erase is padded */
            value.n--;
        put_line(lane, id, p, "command", value);
        return;
    }
    while (bl_str_eqz(field, "events") && value.n) {
        const char *newline = memchr(value.p, '\n', value.n);
        size_t n = newline ? (size_t)(newline - value.p) : value.n;
        if (n)
            put_line(lane, id, p, "event", (struct bl_str){value.p, n});
        n += newline ? 1 : 0;
        value = (struct bl_str){value.p + n, value.n - n};
    }
}

static void take(int p, const struct bl_read_reply *r)
{
    struct lane *lane = &all.lane[p];
    lane->n = lane->at = 0;
    bl_buf_clear(&lane->text);
    struct bl_read_reply fields;
    struct bl_str id;
    for (size_t k = 0; lane->n < PAGE && bl_read_entry(r, &k, &id, &fields);) {
        lane->last = lane->entry[lane->n].id = id_of(id);
        for (size_t f = 0; f + 1 < fields.n; f += 2) {
            struct bl_str field = fields.item[f], value = fields.item[f + 1];
            if (bl_aside_leave_out(&lane->aside, id, &field, &value, &all.left) != BL_OK)
                lane->text.err = BL_ERR_NO_MEMORY;
            put_entry(lane, p, lane->last, field, value);
        }
        lane->entry[lane->n++].end = lane->text.n;
    }
    lane->done = lane->n < PAGE;
}

/* Prints while every lane that may have more has an entry at hand. */
static void print_ready(void)
{
    for (;;) {
        int first = -1;
        for (int p = 0; p < all.partitions; p++) {
            const struct lane *lane = &all.lane[p];
            if (lane->at == lane->n && !lane->done)
                return;
            if (lane->at < lane->n &&
                (first < 0 || before(lane->entry[lane->at].id, all.lane[first].entry[all.lane[first].at].id)))
                first = p;
        }
        if (first < 0)
            return;
        struct lane *lane = &all.lane[first];
        size_t from = lane->at ? lane->entry[lane->at - 1].end : 0;
        inspect_print(all.i, (struct bl_str){lane->text.p + from, lane->entry[lane->at].end - from});
        lane->at++;
    }
}

static void ask(void);

/* ---- the rules before the first entry ---- */

/* The version that the partition had before that entry: the newest that took effect with an earlier one. */
static int64_t version_before(const struct bl_read_reply *noted, struct id first)
{
    int64_t version = 1, v;
    for (size_t k = 0; k + 1 < noted->n; k += 2) {
        struct bl_str name = noted->item[k];
        if (bl_str_starts(name, BL_STR("since:")) &&
            bl_str_int64((struct bl_str){name.p + 6, name.n - 6}, &v) && v > version &&
            before(id_of(noted->item[k + 1]), first))
            version = v;
    }
    return version;
}

/* The settings of that version; of the oldest that is left, if it is older still. */
static struct bl_str settings_of(const struct bl_read_reply *history, int64_t version, int64_t *found)
{
    struct bl_str settings = {NULL, 0};
    *found = INT64_MAX;
    struct bl_read_reply fields;
    struct bl_str id;
    for (size_t k = 0; *found > version && bl_read_entry(history, &k, &id, &fields);) {
        int64_t v = 0;
        struct bl_str text = {NULL, 0};
        for (size_t f = 0; f + 1 < fields.n; f += 2) {
            if (bl_str_eqz(fields.item[f], "settings"))
                text = fields.item[f + 1];
            else if (bl_str_eqz(fields.item[f], "version") && !bl_str_int64(fields.item[f + 1], &v))
                v = 0;
        }
        if (v > 0 && text.n) {
            *found = v;
            settings = text;
        }
    }
    return settings;
}

/* A line before those of the first entry, with its time: the order of the export stays that of the ids. */
static void put_rules(int p, const struct bl_read_reply *noted, const struct bl_read_reply *history)
{
    struct lane *lane = &all.lane[p];
    struct bl_command rules = {.kind = BL_COMMAND_RULES};
    struct bl_buf text;
    if (lane->n == 0)
        return;
    rules.settings = settings_of(history, version_before(noted, lane->entry[0].id), &rules.version);
    if (!rules.settings.n)
        return;
    bl_buf_init(&text, 0);
    bl_buf_printf(&text, "{\"received\":%lld,\"partition\":%d,\"rules\":", (long long)lane->entry[0].id.ms,
                  p);
    bl_command_write(&rules, &text);
    bl_buf_z(&text, "}\n");
    size_t more = text.n;
    bl_buf_str(&text, bl_buf_view(&lane->text));
    bl_buf_release(&lane->text);
    lane->text = text;
    for (size_t i = 0; i < lane->n; i++)
        lane->entry[i].end += more;
}

static void on_rules(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    (void)ctx;
    if (err != BL_OK) {
        end(bl_err_text(err));
        return;
    }
    for (int p = 0; p < all.partitions; p++) {
        put_rules(p, &r[p], &r[n - 1]);
        if (all.lane[p].text.err != BL_OK) {
            end(bl_err_text(all.lane[p].text.err));
            return;
        }
    }
    print_ready();
    ask();
}

/* After the first pages, so that what took effect before their first entries is noted by now. */
static void ask_rules(void)
{
    for (int p = 0; p < all.partitions; p++)
        all.reads[p] = (struct bl_read){.kind = BL_READ_RULES, .partition = p};
    all.reads[all.partitions] = (struct bl_read){.kind = BL_READ_RULES_HISTORY, .a = BL_RULES_KEPT};
    all.begun = true;
    all.i->reads->read(all.i->reads->port, all.reads, (size_t)all.partitions + 1, on_rules, NULL);
}

static void on_pages(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    (void)ctx;
    if (err != BL_OK) {
        end(bl_err_text(err));
        return;
    }
    for (size_t k = 0; k < n; k++) {
        take(all.asked[k], &r[k]);
        if (all.lane[all.asked[k]].text.err != BL_OK) {
            end(bl_err_text(all.lane[all.asked[k]].text.err));
            return;
        }
    }
    if (!all.begun) {
        ask_rules();
        return;
    }
    print_ready();
    ask();
}

static void ask(void)
{
    size_t n = 0;
    for (int p = 0; p < all.partitions; p++) {
        const struct lane *lane = &all.lane[p];
        if (lane->done || lane->at < lane->n)
            continue;
        int length = snprintf(all.after[p], sizeof all.after[p], "%lld-%lld", (long long)lane->last.ms,
                              (long long)lane->last.seq);
        all.reads[n] = (struct bl_read){
            .kind = BL_READ_ENTRIES, .partition = p, .arg = {all.after[p], (size_t)length}, .a = PAGE};
        all.asked[n++] = p;
    }
    if (n == 0 || all.i->done)
        end(NULL);
    else
        all.i->reads->read(all.i->reads->port, all.reads, n, on_pages, NULL);
}

/* ---- what was set aside ---- */

static void on_aside(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    (void)ctx;
    struct bl_read_reply fields;
    struct bl_str id;
    for (size_t p = 0; p < n && err == BL_OK; p++)
        for (size_t k = 0; err == BL_OK && bl_read_entry(&r[p], &k, &id, &fields);)
            err = bl_aside_add(&all.lane[p].aside, fields.item, fields.n);
    if (err != BL_OK)
        end(bl_err_text(err));
    else
        ask();
}

static void ask_aside(void)
{
    for (int p = 0; p < all.partitions; p++)
        all.reads[p] = (struct bl_read){.kind = BL_READ_ASIDE, .partition = p};
    all.i->reads->read(all.i->reads->port, all.reads, (size_t)all.partitions, on_aside, NULL);
}

static void on_meta(void *ctx, enum bl_err err, const struct bl_read_reply *r, size_t n)
{
    (void)ctx, (void)n;
    int64_t partitions = 0;
    for (size_t k = 0; err == BL_OK && k + 1 < r[0].n; k += 2)
        if (bl_str_eqz(r[0].item[k], "partitions") && !bl_str_int64(r[0].item[k + 1], &partitions))
            partitions = 0;
    if (err != BL_OK || partitions < 1 || partitions > BL_PARTITIONS_MAX) {
        end(err != BL_OK ? bl_err_text(err) : "there is no data set of this environment.");
        return;
    }
    all.partitions = (int)partitions;
    all.lane = calloc((size_t)partitions, sizeof *all.lane);
    all.reads = calloc((size_t)partitions + 1, sizeof *all.reads);
    all.after = calloc((size_t)partitions, sizeof *all.after);
    all.asked = calloc((size_t)partitions, sizeof *all.asked);
    if (!all.lane || !all.reads || !all.after || !all.asked)
        end(bl_err_text(BL_ERR_NO_MEMORY));
    else
        ask_aside();
}

void inspect_entries(struct inspect *i)
{
    struct bl_read meta = {.kind = BL_READ_META};
    all.i = i;
    i->reads->read(i->reads->port, &meta, 1, on_meta, NULL);
}
