/* See keys.h. */
#include "keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files of secrets */

static bool is_private(int fd, struct bl_buf *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        bl_buf_z(why, "is no file");
        return false;
    }
    if (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) {
        bl_buf_z(why, "can be read or changed by others: chmod 600 it");
        return false;
    }
    return true;
}

static bool read_all(int fd, struct bl_buf *out, struct bl_buf *why)
{
    for (;;) {
        char *room = bl_buf_reserve(out, 4096);
        ssize_t n = room ? read(fd, room, 4096) : -1;
        if (n == 0)
            return true;
        if (n < 0) {
            bl_buf_z(why, room ? strerror(errno) : "is too large");
            return false;
        }
        out->n += (size_t)n;
    }
}

static bool read_secret_file(const char *option, const char *path, struct bl_buf *out, struct bl_buf *why)
{
    struct bl_buf reason;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would be waited for */
    bl_buf_init(&reason, 0);
    if (fd < 0)
        bl_buf_printf(&reason, "cannot be read: %s", strerror(errno));
    bool ok = fd >= 0 && is_private(fd, &reason) && read_all(fd, out, &reason);
    if (fd >= 0)
        close(fd);
    if (!ok) {
        bl_buf_printf(why, "%s ", option);
        bl_buf_json(why, bl_str_of(path));
        bl_buf_char(why, ' ');
        bl_buf_str(why, bl_buf_view(&reason));
    }
    bl_buf_release(&reason);
    return ok;
}

static void wipe(struct bl_buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    bl_buf_release(b);
}

/* --- several keys in one text */

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';';
}

/* The next key; '#' begins a comment that ends with the line. */
static bool next_key(struct bl_str *rest, struct bl_str *out)
{
    size_t i = 0, n;
    while (i < rest->n && (is_between(rest->p[i]) || rest->p[i] == '#')) {
        const char *end = rest->p[i] == '#' ? memchr(rest->p + i, '\n', rest->n - i) : rest->p + i;
        i = end ? (size_t)(end - rest->p) + 1 : rest->n;
    }
    for (n = i; n < rest->n && !is_between(rest->p[n]);)
        n++;
    *out = (struct bl_str){rest->p + i, n - i};
    *rest = (struct bl_str){rest->p + n, rest->n - n};
    return out->n > 0;
}

static bool take_keys(const char *from, struct bl_str text, struct bl_access_keys *keys, struct bl_buf *why)
{
    struct bl_str line;
    for (int number = 1; next_key(&text, &line); number++) {
        struct bl_access_key key;
        const char *fault;
        bool ok = bl_key_read_line(line, &key, &fault);
        if (ok && bl_access_fix(keys, &key) != BL_OK) {
            fault = "it is there twice, or there are more than 256";
            ok = false;
        }
        if (!ok) {
            bl_buf_printf(why, "%s, key %d: %s", from, number, fault);
            return false;
        }
    }
    return true;
}

/* What `up` gives its shoppers: nobody must be asked for a key because of it. */
static bool take_up_key(const char *token, struct bl_access_keys *keys)
{
    struct bl_access_key key = {.kind = BL_KIND_WRITE, .unasked = true, .name = "up --demo"};
    if (!token || bl_token_fault(bl_str_of(token)))
        return true;
    bl_token_hash(bl_str_of(token), key.hash);
    bl_token_id(bl_str_of(token), key.id);
    return bl_access_fix(keys, &key) == BL_OK;
}

bool keys_read(const struct bl_config *config, struct bl_access_keys *out, struct bl_buf *why)
{
    const char *path = bl_config_text(config, BL_OPTION_KEYS_FILE), *value = getenv(KEYS_VARIABLE);
    struct bl_buf text;
    bl_buf_init(&text, BL_KEYS_TEXT_MAX_BYTES);
    bool ok = !path[0] || (read_secret_file("keys-file", path, &text, why) &&
                           take_keys("keys-file", bl_buf_view(&text), out, why));
    ok = ok && (!value || take_keys(KEYS_VARIABLE, bl_str_of(value), out, why)) &&
         take_up_key(getenv(UP_KEY_VARIABLE), out);
    if (ok && path[0] && bl_access_count(out) == 0) {
        bl_buf_z(why, "keys-file has no key in it");
        ok = false;
    }
    wipe(&text);
    return ok;
}

bool keys_read_own(const struct bl_config *config, char out[BL_TOKEN_MAX_BYTES + 1], struct bl_buf *why)
{
    const char *path = bl_config_text(config, BL_OPTION_KEY_FILE), *value = getenv(KEY_VARIABLE);
    struct bl_buf text;
    bl_buf_init(&text, BL_KEYS_TEXT_MAX_BYTES);
    bool ok = true;
    if (path[0])
        ok = read_secret_file("key-file", path, &text, why);
    else
        bl_buf_z(&text, value ? value : "");
    struct bl_str rest = bl_buf_view(&text), token;
    out[0] = '\0';
    if (ok && next_key(&rest, &token)) {
        const char *fault = bl_token_fault(token);
        ok = fault == NULL;
        if (fault)
            bl_buf_printf(why, "%s: %s", path[0] ? "key-file" : KEY_VARIABLE, fault);
        else
            memcpy(out, token.p, token.n), out[token.n] = '\0';
    }
    wipe(&text);
    return ok;
}

/* --- where to listen */

bool keys_is_loopback(const char *listen)
{
    struct in_addr four;
    struct in6_addr six;
    if (!listen[0] || strcmp(listen, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, listen, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, listen, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

void keys_refusal(const char *command, const char *listen, char out[KEYS_REFUSED_MAX])
{
    snprintf(out, KEYS_REFUSED_MAX,
             "without keys `%s` listens on loopback alone, and --listen is %.64s: make a key first "
             "(`behaviorlens key "
             "create --kind admin --name me`; with `up`, while it runs on 127.0.0.1), or give it keys with "
             "--keys-file "
             "FILE or " KEYS_VARIABLE " (`behaviorlens key make` writes one)",
             command, listen);
}

/* --- who */

void keys_actor(char out[KEYS_ACTOR_MAX])
{
    const struct passwd *user = getpwuid(geteuid());
    if (user && user->pw_name[0])
        snprintf(out, KEYS_ACTOR_MAX, "local:%.57s", user->pw_name);
    else
        snprintf(out, KEYS_ACTOR_MAX, "local:%lu", (unsigned long)geteuid());
}
