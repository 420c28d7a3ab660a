/* `inspect audit --verify`: follows the audit trail from its first entry to its head and says where it breaks. The head
 * that it prints is what to keep elsewhere, and to come back with as --head. */
#include "inspect_audit.h"

#include "bl/store/audit.h"

#include <stdio.h>

static void each(void *ctx, const struct bl_audit_record *record)
{
    bl_audit_check_next(ctx, record);
}

static void say_whole(const struct bl_audit_check *c, bool json)
{
    if (json)
        printf("{\"whole\":true,\"entries\":%lld,\"first\":%lld,\"head\":\"%lld:%.*s\"}\n",
               (long long)c->entries, (long long)c->first_n, (long long)c->last_n,
               c->last_n ? BL_AUDIT_HASH_CHARS : 0, c->last_hash);
    else if (c->entries == 0)
        puts("the audit trail is empty.");
    else
        printf("the audit trail is whole: %lld entries, %lld to %lld%s.\nhead %lld:%.*s\n",
               (long long)c->entries, (long long)c->first_n, (long long)c->last_n,
               c->first_n > 1 ? " (those before were removed as too old or too many, as it says itself)" : "",
               (long long)c->last_n, BL_AUDIT_HASH_CHARS, c->last_hash);
}

static void say_broken(const struct bl_audit_check *c, bool json)
{
    if (json)
        printf("{\"whole\":false,\"entries\":%lld,\"broken\":%lld,\"id\":\"%s\",\"why\":\"%s\"}\n",
               (long long)c->entries, (long long)c->broken_n, c->broken_id, c->why);
    else
        printf("the audit trail is broken at entry %lld%s%s%s: %s.\nThe %lld before it are as they were "
               "written.\n",
               (long long)c->broken_n, c->broken_id[0] ? " (" : "", c->broken_id, c->broken_id[0] ? ")" : "",
               c->why, (long long)c->entries);
}

int inspect_verify_audit(const char *url, const char *env, const char *head, bool json)
{
    struct bl_audit_check c;
    struct bl_buf why;
    if (!bl_audit_check_begin(&c, bl_str_of(head))) {
        fputs("behaviorlens inspect: --head is N:HASH, as `inspect audit --verify` prints it.\n", stderr);
        return 2;
    }
    bl_buf_init(&why, 0);
    enum bl_err err = bl_audit_each(url, env, each, &c, &why);
    bl_buf_char(&why, '\0');
    if (err != BL_OK)
        fprintf(stderr, "behaviorlens inspect: %s.\n", why.n > 1 ? why.p : bl_err_text(err));
    bl_buf_release(&why);
    if (err != BL_OK)
        return 1;
    bool whole = bl_audit_check_end(&c);
    (whole ? say_whole : say_broken)(&c, json);
    return whole && fflush(stdout) == 0 ? 0 : 1;
}
