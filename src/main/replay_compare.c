/* `replay --compare OTHER.yaml`: both rule sets over the same events in one pass, and what would have been
 * different. */
#include "replay.h"
#include "say.h"

#include "bl/config/config.h"

#include <stdio.h>

static enum bl_err report(const struct bl_config *config, const struct bl_config *other,
                          const struct replay_session *s)
{
    struct bl_comparison comparison;
    enum bl_err err = bl_compare(bl_replay_ledger(s->replay, 0), bl_replay_ledger(s->replay, 1), &comparison);
    if (err != BL_OK)
        return err;
    struct replay_report report = {
        .config = {s->rules, other},
        .name = {s->name, bl_config_text(config, BL_OPTION_COMPARE)},
        .comparison = &comparison,
        .counts = bl_replay_counts(s->replay),
        .limit = (size_t)bl_config_int(config, BL_OPTION_LIMIT),
    };
    err = bl_config_int(config, BL_OPTION_JSON) ? replay_json(&report) : replay_table(&report);
    bl_comparison_release(&comparison);
    return err;
}

enum bl_err replay_compare(const struct bl_config *config, const char *path)
{
    struct bl_config *other = NULL;
    struct replay_session s = {0};
    struct bl_buf problems;
    bl_buf_init(&problems, 0);
    enum bl_err err = bl_config_load(bl_config_text(config, BL_OPTION_COMPARE), &other, &problems);
    if (err == BL_OK) {
        err = replay_in_memory(config, other, path, &s);
        if (err == BL_OK)
            err = report(config, other, &s);
    } else {
        say_problems("replay", bl_buf_view(&problems));
    }
    replay_session_release(&s);
    bl_config_free(other);
    bl_buf_release(&problems);
    return err;
}
