/* Keys under the supervisor. Its servers read them by themselves (file, environment, store); here are looked at only what
 * they would refuse to start with, and the key of its own shoppers, who must go on when there are keys: it is made anew
 * at each start, kept in memory alone, and makes no server ask for one. */
#include "keys.h"
#include "up.h"

#include "bl/store/keyring.h"

#include <stdio.h>
#include <sys/random.h>

static bool store_has_keys(const struct bl_config *config, const char *redis_url)
{
    static struct bl_access_key all[BL_KEYS_MAX];
    struct bl_buf why;
    size_t n, unread;
    bl_buf_init(&why, 0);
    enum bl_err err =
        bl_keyring_list(redis_url, bl_config_text(config, BL_OPTION_ENV), all, &n, &unread, &why);
    bl_buf_release(&why);
    return err != BL_OK || n + unread > 0; /* not known: the servers will tell */
}

bool up_keys_fit(const struct bl_config *config, const char *redis_url)
{
    const char *listen = bl_config_text(config, BL_OPTION_LISTEN);
    char refusal[KEYS_REFUSED_MAX];
    struct bl_access_keys *keys;
    struct bl_buf why;
    if (bl_access_new(&keys) != BL_OK)
        return true; /* the servers will tell */
    bl_buf_init(&why, 0);
    bool ok = keys_read(config, keys, &why);
    if (ok && !bl_access_asks(keys) && !keys_is_loopback(listen) && !store_has_keys(config, redis_url)) {
        keys_refusal("up", listen, refusal);
        bl_buf_z(&why, refusal);
        ok = false;
    }
    if (!ok)
        fprintf(stderr, "behaviorlens up: %.*s.\n", BL_STR_ARG(bl_buf_view(&why)));
    bl_buf_release(&why);
    bl_access_free(keys);
    return ok;
}

char *up_keys_variable(enum up_role role)
{
    static char of_serve[sizeof UP_KEY_VARIABLE + BL_TOKEN_CHARS + 1],
        of_simulate[sizeof KEY_VARIABLE + BL_TOKEN_CHARS + 1];
    uint8_t random[BL_TOKEN_RANDOM_BYTES];
    char token[BL_TOKEN_CHARS + 1];
    if (role != UP_SERVE && role != UP_SIMULATE)
        return NULL;
    if (!of_serve[0] && getrandom(random, sizeof random, 0) == (ssize_t)sizeof random) {
        bl_token_make(BL_KIND_WRITE, random, token);
        snprintf(of_serve, sizeof of_serve, UP_KEY_VARIABLE "=%s", token);
        snprintf(of_simulate, sizeof of_simulate, KEY_VARIABLE "=%s", token);
    }
    return role == UP_SERVE ? of_serve : of_simulate;
}
