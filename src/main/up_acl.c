/* Who may do what in the private Redis: its ACL file, made anew at each start with new secrets.
 *
 *   redis.acl                    the users of acl.def, and the default one, switched off
 *   redis.admin redis.operator   the passwords of those two, for the commands of a person and for whoever repairs
 *
 * Redis runs the transactions of its append-only file as the default user: one that may only look would lose them all
 * without a word (found with 7.0; redis/redis#14541). So that user is off, with every right, until Redis has loaded, and is
 * then made the one that looks (up_probe_open), which no file remembers.
 *
 * All of it is for this user alone (0600 in a directory of 0700). The children get theirs by their environment, which others
 * cannot read either; no secret is ever an argument or a line of a log. */
#include "up.h"

#include "bl/store/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

static bool make_secrets(struct up_acl *acl)
{
    unsigned char random[UP_SECRET_BYTES / 2];
    struct bl_buf hex = {.max = UP_SECRET_BYTES};
    for (size_t i = 0; i < BL_ACL_COUNT; i++) {
        hex.p = acl->secret[i];
        hex.n = 0;
        hex.cap = UP_SECRET_BYTES;
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return false;
        bl_buf_hex(&hex, random, sizeof random);
        acl->secret[i][UP_SECRET_BYTES] = '\0';
    }
    return true;
}

/* Whole or not at all: a Redis that starts again meanwhile must not read half of it. */
static bool write_file(const char *dir, const char *name, struct bl_str text, struct bl_buf *why)
{
    char path[UP_PATH_MAX + 32], next[UP_PATH_MAX + 40];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(next, sizeof next, "%s.next", path);
    unlink(next);
    int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    ok = fd >= 0 && close(fd) == 0 && ok && rename(next, path) == 0;
    if (!ok)
        bl_buf_printf(why, "cannot write %s: %s", path, strerror(errno));
    return ok;
}

static bool write_users(const struct up_acl *acl, const char *dir, struct bl_str env, struct bl_buf *why)
{
    struct bl_buf text;
    bl_buf_init(&text, 0);
    bl_buf_z(&text, BL_ACL_LOADING "\n");
    for (size_t i = 0; i < BL_ACL_COUNT; i++) {
        if (!bl_acl_doc(i)->in_up)
            continue;
        bl_buf_z(&text, "user ");
        bl_acl_put(&text, i, env, bl_str_of(acl->secret[i]));
        bl_buf_char(&text, '\n');
    }
    bool ok = text.err == BL_OK && write_file(dir, UP_ACL_FILE, bl_buf_view(&text), why);
    if (text.err != BL_OK)
        bl_buf_z(why, bl_err_text(text.err));
    bl_buf_release(&text);
    return ok;
}

const char *up_acl_secret(const struct up_acl *acl, const char *user)
{
    for (size_t i = 0; i < BL_ACL_COUNT; i++)
        if (bl_acl_doc(i)->in_up && strcmp(bl_acl_doc(i)->name, user) == 0)
            return acl->secret[i];
    return NULL;
}

static bool write_password(const struct up_acl *acl, const char *dir, const char *user, struct bl_buf *why)
{
    char name[32], line[UP_SECRET_BYTES + 2];
    snprintf(name, sizeof name, UP_PASSWORD_FILE "%s", user);
    snprintf(line, sizeof line, "%s\n", up_acl_secret(acl, user));
    return write_file(dir, name, bl_str_of(line), why);
}

bool up_acl_write(struct up_acl *acl, const char *dir, const char *env, struct bl_buf *why)
{
    if (!make_secrets(acl)) {
        bl_buf_printf(why, "cannot make secrets: %s", strerror(errno));
        return false;
    }
    return write_users(acl, dir, bl_str_of(env), why) && write_password(acl, dir, "admin", why) &&
           write_password(acl, dir, "operator", why);
}

bool up_acl_read(const char *dir, const char *user, char out[UP_SECRET_BYTES + 1])
{
    char path[UP_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/" UP_PASSWORD_FILE "%s", dir, user);
    FILE *in = fopen(path, "re");
    bool ok = in && fgets(out, UP_SECRET_BYTES + 1, in) && strspn(out, "0123456789abcdef") == UP_SECRET_BYTES;
    if (in)
        fclose(in);
    return ok;
}
