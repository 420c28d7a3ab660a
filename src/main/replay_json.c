/* The report of --compare for machines: one JSON object, everything in it, the order as in the table. Its
 * shape is documented in the README and only grows. Written piece by piece: it may be large. */
#include "replay.h"

#include <stdio.h>

struct writer {
    struct bl_buf out;
    const char *comma; /* before the next element */
    enum bl_err err;
};

static void flush(struct writer *w)
{
    if (w->err == BL_OK)
        w->err = w->out.err;
    if (w->err == BL_OK && w->out.n && fwrite(w->out.p, 1, w->out.n, stdout) != w->out.n)
        w->err = BL_ERR_IO;
    bl_buf_clear(&w->out);
}

static void put_key(struct writer *w, const char *name)
{
    bl_buf_z(&w->out, w->comma);
    bl_buf_char(&w->out, '"');
    bl_buf_z(&w->out, name);
    bl_buf_z(&w->out, "\":");
    w->comma = ",";
}

static void put_int(struct writer *w, const char *name, int64_t v)
{
    put_key(w, name);
    bl_buf_int(&w->out, v);
}

static void put_str(struct writer *w, const char *name, struct bl_str v)
{
    put_key(w, name);
    bl_buf_json(&w->out, v);
}

static void begin(struct writer *w, const char *name, const char *bracket)
{
    if (name)
        put_key(w, name);
    else
        bl_buf_z(&w->out, w->comma);
    bl_buf_z(&w->out, bracket);
    w->comma = "";
}

static void end(struct writer *w, const char *bracket)
{
    bl_buf_z(&w->out, bracket);
    w->comma = ",";
    flush(w);
}

static void on_setting(void *ctx, struct bl_str name, struct bl_str before, struct bl_str after)
{
    struct writer *w = ctx;
    begin(w, NULL, "{");
    put_str(w, "name", name);
    put_str(w, "before", before);
    put_str(w, "after", after);
    end(w, "}");
}

static void put_tally(struct writer *w, const struct bl_tally *t, const char *key)
{
    begin(w, key ? NULL : "all", "{");
    if (key)
        put_str(w, key, t->key);
    put_int(w, "before", t->before);
    put_int(w, "after", t->after);
    put_int(w, "gone", t->only_before);
    put_int(w, "new", t->only_after);
    put_int(w, "moved", t->moved);
    put_int(w, "severity", t->severity);
    put_int(w, "other", t->otherwise);
    end(w, "}");
}

static void put_tallies(struct writer *w, const char *name, const struct bl_tallies *t, const char *key)
{
    begin(w, name, "[");
    for (size_t i = 0; i < t->n; i++)
        put_tally(w, &t->v[i], key);
    end(w, "]");
}

static void put_row(struct writer *w, const char *name, const struct bl_ledger_entry *e)
{
    if (name)
        put_key(w, name);
    else
        bl_buf_z(&w->out, w->comma);
    bl_row_json(&e->row, &w->out);
    w->comma = ",";
    flush(w);
}

static void put_only(struct writer *w, const char *name, const struct bl_comparison *c, bool after)
{
    begin(w, name, "[");
    for (size_t i = 0; i < c->n; i++)
        if (after ? !c->v[i].before : !c->v[i].after)
            put_row(w, NULL, after ? c->v[i].after : c->v[i].before);
    end(w, "]");
}

static void put_changed(struct writer *w, const struct bl_comparison *c)
{
    static const struct {
        unsigned bit;
        const char *name;
    } hows[] = {{BL_DIFF_MOVED, "moved"},
                {BL_DIFF_SEVERITY, "severity"},
                {BL_DIFF_RESOLUTION, "resolution"},
                {BL_DIFF_TEXT, "explanation"}};
    begin(w, "changed", "[");
    for (size_t i = 0; i < c->n; i++) {
        if (!c->v[i].how)
            continue;
        begin(w, NULL, "{");
        begin(w, "how", "[");
        for (size_t k = 0; k < sizeof hows / sizeof *hows; k++)
            if (c->v[i].how & hows[k].bit) {
                bl_buf_z(&w->out, w->comma);
                bl_buf_json(&w->out, bl_str_of(hows[k].name));
                w->comma = ",";
            }
        end(w, "]");
        put_row(w, "before", c->v[i].before);
        put_row(w, "after", c->v[i].after);
        end(w, "}");
    }
    end(w, "]");
}

static void put_friction(struct writer *w, const struct bl_comparison *c)
{
    begin(w, "friction", "{");
    put_int(w, "sessions_before", c->scored_before);
    put_int(w, "sessions_after", c->scored_after);
    put_int(w, "sum_before", c->friction_before);
    put_int(w, "sum_after", c->friction_after);
    begin(w, "changed", "[");
    for (size_t i = 0; i < c->n_sessions; i++) {
        const struct bl_session_change *s = &c->sessions[i];
        begin(w, NULL, "{");
        put_str(w, "user_id", s->user_id);
        put_int(w, "session_started_at", s->session_ms);
        put_int(w, "before", s->before);
        put_int(w, "after", s->after);
        end(w, "}");
    }
    end(w, "]");
    end(w, "}");
}

static void put_input(struct writer *w, const struct bl_replay_counts *counts)
{
    begin(w, "input", "{");
    put_int(w, "events", counts->taken);
    put_int(w, "rejected", counts->rejected);
    put_int(w, "duplicates", counts->duplicates);
    if (counts->first_ms >= 0) {
        put_int(w, "from", counts->first_ms);
        put_int(w, "to", counts->last_ms);
    }
    end(w, "}");
}

enum bl_err replay_json(const struct replay_report *report)
{
    const struct bl_comparison *c = report->comparison;
    struct writer w = {.comma = ""};
    bl_buf_init(&w.out, 0);
    begin(&w, NULL, "{");
    put_str(&w, "before", bl_str_of(report->name[0]));
    put_str(&w, "after", bl_str_of(report->name[1]));
    put_input(&w, &report->counts);
    begin(&w, "settings", "[");
    enum bl_err err = bl_config_diff(report->config[0], report->config[1], on_setting, &w);
    end(&w, "]");
    put_tally(&w, &c->all, NULL);
    put_tallies(&w, "types", &c->types, "type");
    put_tallies(&w, "pages", &c->pages, "page");
    put_only(&w, "gone", c, false);
    put_only(&w, "new", c, true);
    put_changed(&w, c);
    put_friction(&w, c);
    end(&w, "}\n");
    if (err == BL_OK)
        err = w.err;
    if (err == BL_OK && fflush(stdout) != 0)
        err = BL_ERR_IO;
    bl_buf_release(&w.out);
    return err;
}
