#include "presence.h"

#include "bl/base/log.h"

#include <string.h>

void presence_set(enum presence *said, enum presence now, const char *why)
{
    static const char *const lines[] = {
        [REDIS_AWAY] = "redis is away",
        [REDIS_LOADING] = "redis is loading its files",
        [REDIS_UNABLE] = "redis cannot open the data set now",
    };
    if (*said == now)
        return;
    *said = now;
    if (now < REDIS_AWAY)
        return;
    if (why && why[0])
        bl_log(BL_LOG_WARN, lines[now], BL_LOG_TEXT("reason", why));
    else
        bl_log_plain(BL_LOG_WARN, lines[now]);
}

void presence_lost(enum presence *said, const struct bl_link *link)
{
    struct bl_buf why;
    if (bl_link_is_loading(link)) {
        presence_set(said, REDIS_LOADING, NULL);
        return;
    }
    bl_buf_init(&why, 1024);
    bl_buf_z(&why, "no connection to ");
    bl_link_address(link, &why);
    bl_buf_z(&why, "; --redis names another place, `behaviorlens up` starts one of its own");
    bl_buf_char(&why, '\0');
    presence_set(said, REDIS_AWAY, why.err == BL_OK ? why.p : NULL);
    bl_buf_release(&why);
}

void presence_unable(enum presence *said, const struct bl_link *link, const char *why)
{
    if (bl_link_is_up(link) && why && why[0])
        presence_set(said, REDIS_UNABLE, why);
}

struct bl_dataset_want presence_want(const struct bl_config *config, const struct bl_hash_key *known_key)
{
    const char *durability = bl_config_text(config, BL_OPTION_DURABILITY);
    return (struct bl_dataset_want){
        .env = bl_str_of(bl_config_text(config, BL_OPTION_ENV)),
        .partitions = (int)bl_config_int(config, BL_OPTION_PARTITIONS),
        .event_clock = strcmp(bl_config_text(config, BL_OPTION_CLOCK), "event") == 0,
        .durable = strcmp(durability, "none") != 0,
        .every_write = strcmp(durability, "always") == 0,
        .known_key = known_key,
    };
}
