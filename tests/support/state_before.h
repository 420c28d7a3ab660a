/* For tests of states that data sets of older versions hold: they are read, checked as strictly as those of today, and
 * written anew. */
#ifndef BL_TEST_STATE_BEFORE_H
#define BL_TEST_STATE_BEFORE_H

#include "bl/core/rule.h"
#include "bl/wire/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct bl_user *back;
static struct bl_state_decoder *decoder;

static int set_up(void **state)
{
    (void)state;
    back = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    assert_non_null(back);
    return bl_state_decoder_new(&decoder) == BL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(back);
    bl_state_decoder_free(decoder);
    return 0;
}

#define PAIR(name, value)                                                                                    \
    {                                                                                                        \
        {"" name, sizeof(name) - 1},                                                                         \
        {                                                                                                    \
            "" value, sizeof(value) - 1                                                                      \
        }                                                                                                    \
    }

/* What is read from `pairs` has these fields, and no others, in today's form; and it is written whole, once. */
static void assert_becomes(const struct bl_state_pair *pairs, size_t n, const struct bl_state_pair *want,
                           size_t n_want)
{
    struct bl_state_stored stored;
    struct bl_state_changes c;
    struct bl_buf text = {0};
    assert_int_equal(bl_state_decode(decoder, back, pairs, n, &stored), BL_OK);
    assert_int_equal(bl_state_changes(back, &stored, &text, &c), BL_OK);
    assert_true(c.replace);
    assert_int_equal(c.n_set, n_want);
    for (size_t i = 0; i < n_want; i++) {
        size_t at = 0;
        while (at < c.n_set && !bl_str_eqz(want[i].name, c.set[at].name))
            at++;
        if (at == c.n_set)
            fail_msg("no %.*s", BL_STR_ARG(want[i].name));
        if (!bl_str_eq(c.set[at].value, want[i].value))
            fail_msg("%.*s is %.*s, not %.*s", BL_STR_ARG(want[i].name), BL_STR_ARG(c.set[at].value),
                     BL_STR_ARG(want[i].value));
    }
    assert_int_equal(bl_state_changes(back, &stored, &text, &c), BL_OK);
    assert_false(c.replace);
    assert_int_equal(c.n_set, 1);
    bl_buf_release(&text);
}

/* Each field cut at each byte: read or refused, and what is read can be written and read back. */
static void assert_can_be_cut(const struct bl_state_pair *pairs, size_t n)
{
    struct bl_state_pair cut[BL_STATE_FIELDS_MAX], today[BL_STATE_FIELDS_MAX];
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    struct bl_buf text = {0};
    memcpy(cut, pairs, n * sizeof *pairs);
    for (size_t i = 0; i < n; cut[i] = pairs[i], i++)
        for (size_t bytes = 0; bytes < pairs[i].value.n; bytes++) {
            char *copy = malloc(bytes + 1); /* so that a read past the end is found */
            assert_non_null(copy);
            memcpy(copy, pairs[i].value.p, bytes);
            cut[i].value = (struct bl_str){copy, bytes};
            enum bl_err err = bl_state_decode(decoder, back, cut, n, NULL);
            assert_true(err == BL_OK || err == BL_ERR_CORRUPT);
            assert_int_equal(bl_state_encode(back, &text, f), BL_OK);
            for (size_t j = 0; j < BL_STATE_FIELDS_MAX; j++)
                today[j] = (struct bl_state_pair){bl_str_of(f[j].name), f[j].value};
            assert_int_equal(bl_state_decode(decoder, back, today, BL_STATE_FIELDS_MAX, NULL), BL_OK);
            free(copy);
        }
    bl_buf_release(&text);
}

/* One field beside a head and, maybe, another. */
struct text_case {
    const char *what, *name, *value, *head;
    enum bl_err err;
};

static void check_text(const struct text_case *c, struct bl_state_pair beside)
{
    struct bl_state_pair pairs[3] = {{bl_str_of(c->name), bl_str_of(c->value)}};
    size_t n = 1;
    if (c->head)
        pairs[n++] = (struct bl_state_pair){BL_STR("head"), bl_str_of(c->head)};
    if (beside.name.n && !bl_str_eqz(beside.name, c->name))
        pairs[n++] = beside;
    enum bl_err err = bl_state_decode(decoder, back, pairs, n, NULL);
    if (err != c->err)
        fail_msg("%s: %s, not %s", c->what, bl_err_code(err), bl_err_code(c->err));
    if (err == BL_OK)
        assert_int_equal(back->n_marks + back->n_open, 0);
    else
        assert_true(bl_user_gone(back));
}

#endif
