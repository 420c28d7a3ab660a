/* The keys of an environment in the store: the hash `keys` (keys.def), public id -> what the key is, with a hash of its
 * token and never the token. `serve` follows it; `behaviorlens key` changes it. */
#ifndef BL_STORE_KEYRING_H
#define BL_STORE_KEYRING_H

#include "bl/app/access.h"
#include "bl/store/link.h"

/* --- following, for serve */

struct bl_keyring;

struct bl_keyring_options {
    const char *env;             /* borrowed until new returns */
    struct bl_access_keys *keys; /* borrowed for its life: kept as the store has them */
    void *ctx;
    void (*changed)(void *ctx); /* from the loop, when they are others than before; the first time always */
};

BL_CHECKED enum bl_err bl_keyring_new(const struct bl_keyring_options *options, struct bl_keyring **out);
/* No poll may be pending: close the link first. NULL is fine. */
void bl_keyring_free(struct bl_keyring *k);
/* Asks for all of them, unless the last poll has not been answered; without an answer those known hold. For what is sent
 * on the same link afterwards, they are there when that is answered. */
void bl_keyring_poll(struct bl_keyring *k, struct bl_link *link);

/* --- changing, for the command line: each call blocks, on a connection of its own; if it fails `why` has a sentence */

/* Sets key->created_ms, by the store's clock. BL_ERR_TOO_LARGE: BL_KEYS_MAX are there. */
BL_CHECKED enum bl_err bl_keyring_put(const char *url, const char *env, struct bl_access_key *key,
                                      struct bl_buf *why);
/* *removed: it was there. */
BL_CHECKED enum bl_err bl_keyring_remove(const char *url, const char *env, struct bl_str id, bool *removed,
                                         struct bl_buf *why);
/* All that can be read, at most BL_KEYS_MAX into out, in the order of their making; *unread: how many cannot. */
BL_CHECKED enum bl_err bl_keyring_list(const char *url, const char *env,
                                       struct bl_access_key out[BL_KEYS_MAX], size_t *n, size_t *unread,
                                       struct bl_buf *why);

#endif
