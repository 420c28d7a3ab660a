/* The audit trail: one chain however many write, whatever was done to it is found, and what is not in it must not be. */
#include "bl/store/audit.h"

#include "bl/base/limits.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#define TRAIL   "bl:test:audit"
#define WRITERS 8
#define EACH    25

static struct bl_test_redis redis;
static uv_loop_t loop;

struct writer {
    struct bl_link *link;
    struct bl_audit *audit;
    bool up, closed;
    int done, ok;
};

static void on_up(void *ctx)
{
    struct writer *w = ctx;
    w->up = true;
}

static void on_closed(void *ctx)
{
    ((struct writer *)ctx)->closed = true;
}

static void on_written(void *ctx, enum bl_err err)
{
    struct writer *w = ctx;
    w->done++;
    w->ok += err == BL_OK;
}

#define RUN_UNTIL(condition)                                                                                 \
    while (!(condition))                                                                                     \
    uv_run(&loop, UV_RUN_ONCE)

static void open_writer(struct writer *w)
{
    *w = (struct writer){0};
    struct bl_link_options o = {
        .url = redis.url, .timeout_ms = 20000, .retry_max_ms = 50, .ctx = w, .up = on_up};
    assert_int_equal(bl_link_new(&loop, &o, &w->link), BL_OK);
    assert_int_equal(bl_audit_new(w->link, BL_STR("test"), &w->audit), BL_OK);
    RUN_UNTIL(w->up);
}

static void close_writer(struct writer *w)
{
    bl_link_close(w->link, on_closed, w);
    RUN_UNTIL(w->closed);
    bl_audit_free(w->audit);
}

static struct bl_audit_entry entry(const char *action, const char *subject)
{
    return (struct bl_audit_entry){bl_str_of(action), BL_STR("key-1"), bl_str_of(subject),
                                   BL_STR("{\"a\":1}")};
}

static void write_some(struct writer *w, int n)
{
    struct bl_audit_entry e = entry("resolve", "pattern");
    int before = w->done;
    for (int i = 0; i < n; i++)
        bl_audit_write(w->audit, &e, on_written, w);
    RUN_UNTIL(w->done == before + n);
}

static void check_one(void *ctx, const struct bl_audit_record *r)
{
    bl_audit_check_next(ctx, r);
}

/* Is the trail whole, held against a remembered head (or none)? */
static bool whole(struct bl_audit_check *c, const char *head)
{
    struct bl_buf why;
    bl_buf_init(&why, 0);
    assert_true(bl_audit_check_begin(c, bl_str_of(head)));
    assert_int_equal(bl_audit_each(redis.url, "test", check_one, c, &why), BL_OK);
    bl_buf_release(&why);
    return bl_audit_check_end(c);
}

static void remember_head(char out[128])
{
    struct bl_audit_check c;
    assert_true(whole(&c, ""));
    snprintf(out, 128, "%lld:%.*s", (long long)c.last_n, BL_AUDIT_HASH_CHARS, c.last_hash);
}

static void forget(void)
{
    freeReplyObject(bl_test_redis(&redis, "FLUSHALL"));
}

/* Entry i of the trail (from 0): fields by name into a new stream entry, one of them changed. */
static void copy_trail(const char *field, const char *value, size_t at, size_t leave_out, size_t swap)
{
    redisReply *all = bl_test_redis(&redis, "XRANGE " TRAIL " - +");
    freeReplyObject(bl_test_redis(&redis, "DEL " TRAIL));
    for (size_t k = 0; k < all->elements; k++) {
        size_t i = k == swap ? k + 1 : k == swap + 1 ? k - 1 : k;
        const char *argv[24] = {"XADD", TRAIL, "*"};
        int argc = 3;
        const redisReply *f = all->element[i]->element[1];
        for (size_t x = 0; x + 1 < f->elements; x += 2) {
            bool change = i == at && strcmp(f->element[x]->str, field) == 0;
            argv[argc++] = f->element[x]->str;
            argv[argc++] = change ? value : f->element[x + 1]->str;
        }
        if (i != leave_out)
            freeReplyObject(redisCommandArgv(redis.c, argc, argv, NULL));
    }
    freeReplyObject(all);
}

#define NOWHERE 1000

static void eight_writers_make_one_chain(void **state)
{
    (void)state;
    struct writer w[WRITERS];
    struct bl_audit_check c;
    struct bl_audit_entry e = entry("resolve", "pattern");
    pid_t child[2];
    forget();
    for (int i = 0; i < 2; i++) { /* the command line's way, at the same time */
        child[i] = fork();
        if (child[i] == 0) {
            struct bl_buf why;
            bl_buf_init(&why, 0);
            int bad = 0;
            for (int k = 0; k < EACH; k++)
                bad |= bl_audit_write_now(redis.url, "test", &e, &why) != BL_OK;
            _exit(bad);
        }
    }
    for (int i = 0; i < WRITERS; i++)
        open_writer(&w[i]);
    for (int k = 0; k < EACH; k++)
        for (int i = 0; i < WRITERS; i++)
            bl_audit_write(w[i].audit, &e, on_written, &w[i]);
    for (int i = 0; i < WRITERS; i++) {
        RUN_UNTIL(w[i].done == EACH);
        assert_int_equal(w[i].ok, EACH);
        assert_int_equal(bl_audit_counts(w[i].audit)->written, EACH);
        close_writer(&w[i]);
    }
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    assert_true(whole(&c, ""));
    assert_int_equal(c.entries, (WRITERS + 2) * EACH);
    assert_int_equal(c.last_n, (WRITERS + 2) * EACH);
}

static void make_trail(void)
{
    struct writer w;
    forget();
    open_writer(&w);
    write_some(&w, 9);
    assert_int_equal(w.ok, 9);
    close_writer(&w);
}

static void what_was_changed_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *field, *value;
        size_t at;
        long long broken;
    } cases[] = {
        {"actor", "somebody", 4, 5},
        {"action", "erase", 0, 1},
        {"subject", "another", 8, 9},
        {"detail", "{}", 3, 4},
        {"at", "1", 4, 5},
        {"n", "7", 4, 7},
        {"hash", "0000000000000000000000000000000000000000000000000000000000000000", 2, 3},
        {"prev", "0000000000000000000000000000000000000000000000000000000000000000", 5, 6},
    };
    struct bl_audit_check c;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_trail();
        assert_true(whole(&c, ""));
        copy_trail(cases[i].field, cases[i].value, cases[i].at, NOWHERE, NOWHERE);
        assert_false(whole(&c, ""));
        assert_int_equal(c.broken_n, cases[i].broken);
        assert_non_null(c.why);
    }
}

static void what_was_removed_or_moved_is_found(void **state)
{
    (void)state;
    struct bl_audit_check c;
    make_trail();
    copy_trail("", "", NOWHERE, 4, NOWHERE); /* out of the middle */
    assert_false(whole(&c, ""));
    assert_int_equal(c.broken_n, 6);
    make_trail();
    copy_trail("", "", NOWHERE, NOWHERE, 3); /* two of them the other way round */
    assert_false(whole(&c, ""));
    assert_int_equal(c.broken_n, 5);
    make_trail();
    copy_trail("", "", NOWHERE, 0, NOWHERE); /* the beginning, without a note */
    assert_false(whole(&c, ""));
    assert_int_equal(c.broken_n, 2);
    make_trail();
    copy_trail("", "", NOWHERE, NOWHERE, NOWHERE); /* (copying it breaks nothing) */
    assert_true(whole(&c, ""));
}

static void a_cut_end_is_found_by_who_remembers_the_head(void **state)
{
    (void)state;
    struct bl_audit_check c;
    struct writer w;
    char head[128];
    make_trail();
    remember_head(head);
    assert_true(whole(&c, head));
    open_writer(&w);
    write_some(&w, 2); /* it goes on: the head is in the middle now */
    assert_true(whole(&c, head));
    remember_head(head);
    copy_trail("", "", NOWHERE, 10, NOWHERE);
    assert_true(whole(&c, "")); /* the chain alone cannot tell */
    assert_false(whole(&c, head));
    write_some(&w, 1); /* another entry of the same number */
    assert_false(whole(&c, head));
    assert_int_equal(c.broken_n, 11);
    forget();
    assert_false(whole(&c, head));
    write_some(&w, 12); /* all of it anew */
    assert_true(whole(&c, ""));
    assert_false(whole(&c, head));
    close_writer(&w);
    assert_false(bl_audit_check_begin(&c, BL_STR("11:zz")));
    assert_false(bl_audit_check_begin(&c, BL_STR("11")));
}

static void old_entries_go_and_the_trail_says_so(void **state)
{
    (void)state;
    struct bl_audit_check c;
    struct writer w;
    char head[128];
    const struct bl_audit_keep few = {86400000, 10}, young = {1, 1000};
    forget();
    open_writer(&w);
    write_some(&w, 30);
    remember_head(head);
    bl_audit_tidy(w.audit, &few);
    RUN_UNTIL(bl_audit_counts(w.audit)->written == 31);
    assert_true(whole(&c, head));
    assert_int_equal(c.entries, 11); /* ten of them, and the note */
    assert_int_equal(c.first_n, 21);
    write_some(&w, 1);
    for (uint64_t n = bl_audit_counts(w.audit)->written; bl_audit_counts(w.audit)->written == n;) {
        bl_audit_tidy(w.audit, &young); /* all that is older than a millisecond */
        uv_run(&loop, UV_RUN_ONCE);
    }
    write_some(&w, 1); /* no look is under way any more */
    assert_true(whole(&c, ""));
    assert_true(c.entries < 12);
    write_some(&w, 3);
    assert_true(whole(&c, head)); /* what is remembered has gone with leave */
    /* a note about something else explains nothing */
    copy_trail("", "", NOWHERE, 0, NOWHERE);
    assert_false(whole(&c, ""));
    close_writer(&w);
}

static void what_was_seen_and_is_gone_is_told(void **state)
{
    (void)state;
    struct writer w;
    const struct bl_audit_keep keep = {86400000, 1000};
    forget();
    open_writer(&w);
    write_some(&w, 3);
    bl_audit_tidy(w.audit, &keep);
    write_some(&w, 1); /* behind the look: its replies are there */
    assert_int_equal(bl_audit_counts(w.audit)->lost, 0);
    bl_audit_tidy(w.audit, &keep);
    write_some(&w, 1);
    assert_int_equal(bl_audit_counts(w.audit)->lost, 0);
    copy_trail("subject", "another", 3, NOWHERE, NOWHERE);
    bl_audit_tidy(w.audit, &keep);
    write_some(&w, 1);
    assert_int_equal(bl_audit_counts(w.audit)->lost, 1);
    close_writer(&w);
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct writer w;
    struct bl_buf why;
    struct bl_audit_entry e = entry("resolve", "pattern"), long_one = e;
    char text[BL_AUDIT_DETAIL_MAX + 1];
    bl_buf_init(&why, 0);
    forget();
    open_writer(&w);
    memset(text, 'x', sizeof text);
    long_one.detail = (struct bl_str){text, sizeof text};
    bl_audit_write(w.audit, &long_one, on_written, &w);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.ok, 0);
    freeReplyObject(bl_test_redis(&redis, "SCRIPT FLUSH")); /* forgotten scripts are loaded again */
    write_some(&w, 2);
    assert_int_equal(w.ok, 2);
    freeReplyObject(bl_test_redis(&redis, "XADD " TRAIL " * n x hash y")); /* nothing can follow that */
    write_some(&w, 1);
    assert_int_equal(bl_audit_write_now(redis.url, "test", &e, &why), BL_ERR_STORE_UNAVAILABLE);
    assert_true(why.n > 0);
    forget();
    freeReplyObject(bl_test_redis(&redis, "SET " TRAIL " x"));
    write_some(&w, 1);
    assert_int_equal(w.ok, 2);
    forget();
    write_some(&w, 1);
    assert_int_equal(w.ok, 3);
    /* many at once, then the store dies: each learns it once */
    int before = w.done;
    for (int i = 0; i < BL_AUDIT_WAITING_MAX; i++)
        bl_audit_write(w.audit, &e, on_written, &w);
    assert_int_equal(w.done, before);
    bl_audit_write(w.audit, &e, on_written, &w); /* one too many */
    assert_int_equal(w.done, before + 1);
    bl_test_redis_kill(&redis);
    RUN_UNTIL(w.done == before + 1 + BL_AUDIT_WAITING_MAX);
    assert_true(w.ok < before + BL_AUDIT_WAITING_MAX);
    int ok = w.ok;
    write_some(&w, 1);
    assert_int_equal(w.ok, ok);
    bl_buf_clear(&why);
    assert_int_equal(bl_audit_write_now(redis.url, "test", &e, &why), BL_ERR_STORE_UNAVAILABLE);
    bl_test_redis_restart(&redis);
    w.up = false;
    RUN_UNTIL(w.up);
    write_some(&w, 1);
    assert_int_equal(w.ok, ok + 1);
    close_writer(&w);
    bl_buf_release(&why);
}

static void a_user_is_a_keyed_hash(void **state)
{
    (void)state;
    char a[BL_AUDIT_USER_CHARS], b[BL_AUDIT_USER_CHARS], c[BL_AUDIT_USER_CHARS];
    bl_audit_user((struct bl_hash_key){1, 2}, BL_STR("ann@example.org"), a);
    bl_audit_user((struct bl_hash_key){1, 2}, BL_STR("ann@example.org"), b);
    assert_memory_equal(a, b, sizeof a);
    bl_audit_user((struct bl_hash_key){1, 3}, BL_STR("ann@example.org"), c);
    assert_memory_not_equal(a, c, sizeof a);
    bl_audit_user((struct bl_hash_key){1, 2}, BL_STR("bob@example.org"), c);
    assert_memory_not_equal(a, c, sizeof a);
}

/* The hash as the README tells to make it. */
static void the_hash_is_what_the_documents_say(void **state)
{
    (void)state;
    char hash[BL_AUDIT_HASH_CHARS], zeros[BL_AUDIT_HASH_CHARS];
    memset(zeros, '0', sizeof zeros);
    struct bl_audit_record r = {.n = 1, .at_ms = 1700000000000, .prev = {zeros, sizeof zeros}};
    r.entry = (struct bl_audit_entry){BL_STR("resolve"), BL_STR("anonymous"), BL_STR("p1"), BL_STR("{}")};
    assert_int_equal(bl_audit_hash(&r, hash), BL_OK);
    /* printf '1:1,13:1700000000000,7:resolve,9:anonymous,2:p1,2:{},64:000…000,' | sha256sum */
    assert_memory_equal(hash, "7fd462c24c6801dfbb75295c01254472c3ccab37aab64e8f214c10f3cf179b0a",
                        sizeof hash);
}

static int set_up(void **state)
{
    (void)state;
    bl_test_redis_start(&redis, NULL);
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    bl_test_redis_stop(&redis);
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_writers_make_one_chain),
        cmocka_unit_test(what_was_changed_is_found),
        cmocka_unit_test(what_was_removed_or_moved_is_found),
        cmocka_unit_test(a_cut_end_is_found_by_who_remembers_the_head),
        cmocka_unit_test(old_entries_go_and_the_trail_says_so),
        cmocka_unit_test(what_was_seen_and_is_gone_is_told),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(a_user_is_a_keyed_hash),
        cmocka_unit_test(the_hash_is_what_the_documents_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
