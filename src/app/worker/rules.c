/* The rules of a partition: taken over with it, changed by commands in its stream, noted by the commit that carries the
 * change's entry. So what is detected stays a function of the stream: a version holds from its entry on, whoever works,
 * and a new owner begins with the version that holds at the committed position, not with its own file. */
#include "bl/base/log.h"
#include "plant.h"
#include "worker/owner.h"

/* Takes the text as that of the version in effect; *out: what it says. */
static enum bl_err take(struct owner *o, struct bl_str text, int64_t version, struct bl_rules **out,
                        struct bl_buf *why)
{
    enum bl_err err = bl_rules_read(text, out, why);
    if (err != BL_OK)
        return err;
    if (why->n)
        bl_log(BL_LOG_WARN, "the rules name settings that this program does not know",
               BL_LOG_INT("partition", o->p), BL_LOG_INT("version", version),
               BL_LOG_STR("names", bl_buf_view(why)));
    return BL_OK;
}

static enum bl_err keep(struct owner *o, struct bl_str text, int64_t version, int64_t at_ms,
                        struct bl_str entry)
{
    size_t n = entry.n < sizeof o->rules_entry ? entry.n : 0;
    bl_buf_clear(&o->rules_text);
    bl_buf_str(&o->rules_text, text);
    o->rules_version = version;
    o->rules_at_ms = at_ms;
    if (n > 0)
        memcpy(o->rules_entry, entry.p, n);
    o->rules_entry[n] = '\0';
    return o->rules_text.err;
}

/* Stored rules that cannot be read are not of our making, or of a newer program's that changed a range: the version is
 * kept, so that only a newer one takes effect, and this worker's own file must do. */
enum bl_err rules_restore(struct owner *o, const struct bl_restored *r, struct bl_settings *out)
{
    const struct bl_settings *own = o->worker->options.rules;
    struct bl_buf why;
    *out = *own;
    if (r->rules_version <= 0)
        return BL_ERR_STORE_UNAVAILABLE; /* whoever opens the data set brings them */
    bl_buf_init(&why, 0);
    enum bl_err err = take(o, r->rules, r->rules_version, &o->rules, &why);
    if (err == BL_ERR_CORRUPT) {
        bl_log(BL_LOG_ERROR, "the rules of the partition cannot be read: this worker's own are in effect",
               BL_LOG_INT("partition", o->p), BL_LOG_INT("version", r->rules_version),
               BL_LOG_STR("why", bl_buf_view(&why)));
        err = BL_OK;
    } else if (err == BL_OK && !BL_PLANT(RULES_OWN)) {
        *out = *bl_rules_settings(o->rules);
        out->grace_ms = own->grace_ms;
        out->floor_ms = own->floor_ms;
    }
    bl_buf_release(&why);
    if (err == BL_OK)
        err = keep(o, r->rules, r->rules_version, r->rules_at_ms, BL_STR(""));
    o->rules_changed = o->rules && !r->rules_noted;
    return err;
}

enum bl_err rules_command(struct owner *o, const struct batch_entry *e, int64_t version,
                          struct bl_str settings)
{
    int64_t now_ms = o->worker->options.event_mode ? INT64_MIN : e->received_ms;
    struct bl_rules *rules = NULL;
    struct bl_buf why;
    if (version <= o->rules_version)
        return bl_partition_advance(o->partition, now_ms); /* brought before: the stream may hold it twice */
    bl_buf_init(&why, 0);
    enum bl_err err = take(o, settings, version, &rules, &why);
    if (err == BL_ERR_CORRUPT) {
        bl_log(BL_LOG_ERROR, "new rules cannot be read and are set aside", BL_LOG_INT("partition", o->p),
               BL_LOG_INT("version", version), BL_LOG_STR("why", bl_buf_view(&why)));
        effects_poison(&o->effects, e->id, -1, "unreadable rules", e->value);
        err = bl_partition_advance(o->partition, now_ms);
    } else if (err == BL_OK) {
        err = bl_partition_set_rules(o->partition, bl_rules_settings(rules), now_ms);
        bl_rules_free(o->rules);
        o->rules = rules;
        o->rules_changed = true;
        if (err == BL_OK)
            err = keep(o, settings, version, e->received_ms, e->id);
        bl_log(BL_LOG_INFO, "other rules in effect", BL_LOG_INT("partition", o->p),
               BL_LOG_INT("version", version));
    }
    bl_buf_release(&why);
    return err;
}

void rules_put(struct owner *o)
{
    struct bl_put_rules x = {o->rules_version, o->rules_at_ms, bl_buf_view(&o->rules_text),
                             bl_str_of(o->rules_entry)};
    if (o->rules_changed)
        o->worker->ports.put_rules(o->worker->ports.ctx, o->p, &x);
    o->rules_changed = false;
}

void rules_forget(struct owner *o)
{
    bl_rules_free(o->rules);
    o->rules = NULL;
    o->rules_version = 0;
    o->rules_changed = false;
}
