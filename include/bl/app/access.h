/* Who may do what: keys, and the one place that decides by them. Pure: what is decided depends on the keys at hand, the
 * token, the need and the Origin alone; where keys come from, and how a token gets here, others know.
 *
 *   no keys known yet (the store has not answered)   -> BL_ERR_STORE_UNAVAILABLE, but for what is open
 *   no keys at all                                   -> all may do everything (SPEC 6)
 *   any key at all, once seen                        -> every need is asked for, for as long as this process lives
 *
 * So nothing becomes open again because keys vanish: a process that has seen keys and finds none any more refuses
 * everything until there is one.
 *
 * A token is compared by its SHA-256 with every key, in a time that depends on their number alone. */
#ifndef BL_APP_ACCESS_H
#define BL_APP_ACCESS_H

#include "bl/base/buf.h"
#include "bl/base/limits.h"

/* What a call needs of who calls. READ includes OPEN, ADMIN includes all; WRITE is apart from READ: a write key stands in
 * pages, for all to see. */
enum bl_access {
    BL_ACCESS_OPEN,  /* nothing: pages, health */
    BL_ACCESS_WRITE, /* sending events */
    BL_ACCESS_READ,  /* the API, the stream */
    BL_ACCESS_ADMIN, /* resolve, erase, audit */
};

enum bl_key_kind { BL_KIND_WRITE, BL_KIND_READ, BL_KIND_ADMIN, BL_KIND_COUNT };

#define BL_TOKEN_HASH_BYTES   32
#define BL_TOKEN_RANDOM_BYTES 50 /* one a character: 10 of the id, 40 of the secret (200 bits) */
#define BL_TOKEN_CHARS        55
#define BL_KEY_ID_MAX_BYTES   16

struct bl_access_key {
    char id[BL_KEY_ID_MAX_BYTES + 1]; /* public: goes into logs and the audit trail */
    enum bl_key_kind kind;
    bool unasked; /* does not make a server ask for keys: what `up` gives its own shoppers */
    uint8_t hash[BL_TOKEN_HASH_BYTES];
    char name[BL_KEY_NAME_MAX_BYTES + 1];
    char origins[BL_KEY_ORIGINS_MAX_BYTES + 1]; /* as bl_origins_read leaves them; "": any */
    int64_t created_ms;                         /* 0: not known */
};

const char *bl_key_kind_name(enum bl_key_kind kind);
/* BL_KIND_COUNT: there is none of that name. */
enum bl_key_kind bl_key_kind_of(struct bl_str name);
bool bl_key_may(enum bl_key_kind kind, enum bl_access need);

/* --- tokens (token.c) */

void bl_token_hash(struct bl_str token, uint8_t out[BL_TOKEN_HASH_BYTES]);
/* A new token from random bytes: its id, '_', its secret. Terminated. */
void bl_token_make(enum bl_key_kind kind, const uint8_t random[BL_TOKEN_RANDOM_BYTES],
                   char out[BL_TOKEN_CHARS + 1]);
/* The public id of a token: what stands before its secret; of one that was not made here, some of its hash. Terminated. */
void bl_token_id(struct bl_str token, char out[BL_KEY_ID_MAX_BYTES + 1]);
/* Long enough and of printable characters that need no quoting anywhere? NULL: yes; else what is wrong. */
const char *bl_token_fault(struct bl_str token);

/* --- origins (origins.c) */

/* A list with commas or spaces -> lower case, without default ports, a space between. false: one of them is none, or they
 * do not fit. A host that begins with "*." stands for all below it. */
BL_CHECKED bool bl_origins_read(struct bl_str list, char out[BL_KEY_ORIGINS_MAX_BYTES + 1]);
/* Is that Origin header among them? */
bool bl_origins_hold(const char *origins, struct bl_str origin);
/* Is it a page of this machine, by a name that no name server can give to another: localhost, 127.0.0.1, [::1]? */
bool bl_origin_is_local(struct bl_str origin);

/* --- keys as text (key_text.c) */

/* `kind:token`, `kind:sha256=HEX`, either with `:origin,origin`. `why` has a sentence that repeats nothing of the line. */
BL_CHECKED bool bl_key_read_line(struct bl_str line, struct bl_access_key *out, const char **why);
/* What stands in the store under the key's id. */
void bl_access_key_put(const struct bl_access_key *key, struct bl_buf *out);
/* BL_ERR_CORRUPT: it is none. BL_ERR_NO_MEMORY: it may be one. */
BL_CHECKED enum bl_err bl_access_key_read(struct bl_str id, struct bl_str json, struct bl_access_key *out);

/* --- the keys at hand (access.c) */

struct bl_access_keys;

BL_CHECKED enum bl_err bl_access_new(struct bl_access_keys **out);
void bl_access_free(struct bl_access_keys *a);
/* A key that holds for the life of the process (file, environment). BL_ERR_TOO_LARGE: BL_KEYS_MAX are there. */
BL_CHECKED enum bl_err bl_access_fix(struct bl_access_keys *a, const struct bl_access_key *key);
/* The keys of the store, anew: begin, each, end. What is over BL_KEYS_MAX or has the token of another is left out. `any`:
 * there are keys in the store, be it that none could be read. */
void bl_access_begin(struct bl_access_keys *a);
void bl_access_take(struct bl_access_keys *a, const struct bl_access_key *key);
void bl_access_end(struct bl_access_keys *a, bool any);

/* Nobody may do anything without a key. */
bool bl_access_asks(const struct bl_access_keys *a);
/* The store's keys have been read, at least once. */
bool bl_access_is_known(const struct bl_access_keys *a);
size_t bl_access_count(const struct bl_access_keys *a);
/* Does a key of that id hold? */
bool bl_access_has(const struct bl_access_keys *a, struct bl_str id);
/* NULL: no key has that token. */
const struct bl_access_key *bl_access_find(const struct bl_access_keys *a, struct bl_str token);

struct bl_access_ask {
    struct bl_str token; /* empty: none was given */
    enum bl_access need;
    struct bl_str origin; /* the header; empty: none */
};
/* BL_OK: *key is the caller's, NULL if none was needed or looked at. UNAUTHORIZED: no key, or one that does not hold.
 * FORBIDDEN: of another kind, or not from that origin. STORE_UNAVAILABLE: not known yet. */
BL_CHECKED enum bl_err bl_access_decide(const struct bl_access_keys *a, const struct bl_access_ask *ask,
                                        const struct bl_access_key **key);
/* May a page of that origin send events, by any of the keys? (What a preflight, which has no key, is told.) */
bool bl_access_origin_may_write(const struct bl_access_keys *a, struct bl_str origin);

#endif
