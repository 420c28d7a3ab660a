/* A visitor in the middle of things, for tests of what is stored of one. */
#ifndef BL_TEST_STATE_SHOPPER_H
#define BL_TEST_STATE_SHOPPER_H

#include "bl/core/engine.h"
#include "bl/core/rule.h"
#include "bl/wire/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define T0 1700000000000LL

static struct bl_user *u, *back;
static struct bl_state_decoder *decoder;
static struct bl_buf text, again;

static int set_up(void **state)
{
    (void)state;
    u = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    back = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    assert_true(u && back);
    bl_user_init(u);
    return bl_state_decoder_new(&decoder) == BL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(u);
    free(back);
    bl_state_decoder_free(decoder);
    bl_buf_release(&text);
    bl_buf_release(&again);
    return 0;
}

static bl_name name(const char *z)
{
    return bl_user_intern(u, bl_str_of(z));
}

static struct bl_moment *add_moment(enum bl_action action, const char *page, int64_t t_ms)
{
    struct bl_moment *m = bl_user_add_moment(u, t_ms);
    *m = (struct bl_moment){.t_ms = t_ms, .page = name(page), .action = (uint8_t)action};
    return m;
}

/* A visit, and its twin at the same moment. */
static void add_visit(const char *page, int64_t t_ms, bool view, bool twinned)
{
    add_moment(view ? BL_ACTION_PAGE_VIEW : BL_ACTION_NAVIGATE, page, t_ms)->visit = true;
    *bl_user_add_visit(u) = (struct bl_visit){.t_ms = t_ms,
                                              .page = name(page),
                                              .view = view,
                                              .twinned = twinned,
                                              .moment = (uint32_t)(u->window_first + u->n_window - 1)};
    if (twinned)
        add_moment(view ? BL_ACTION_ROUTE_CHANGE : BL_ACTION_PAGE_VIEW, page, t_ms);
}

/* A shopper in the middle of things: 6 visits to 4 pages, 20 events, a loop, a cooldown, an attempt. */
static void shopper(void)
{
    static const char *const pages[] = {"/", "/products", "/products/42", "/cart", "/products", "/cart"};
    for (int i = 0; i < 6; i++) {
        add_visit(pages[i], T0 + i * 9000, true, false);
        for (int j = 0; j < (i < 4 ? 2 : 3); j++)
            add_moment(j % 2 ? BL_ACTION_SCROLL : BL_ACTION_CLICK, pages[i], T0 + i * 9000 + 1200 + j * 750);
    }
    u->seen_ms = u->floor_ms = T0 + 49000;
    u->in_session = true;
    u->session_ms = T0;
    u->page_ms = T0 + 45000;
    u->anchor_ms = T0 + 48000;
    u->events = 20;
    u->page = name("/cart");
    u->session = name("s-1");
    *bl_user_add_open(u) = (struct bl_open){.rule = BL_RULE_NAVIGATION_LOOP,
                                            .variant = 1,
                                            .severity = BL_MEDIUM,
                                            .page = name("/products"),
                                            .detected_ms = T0 + 36000,
                                            .due_ms = T0 + 156000,
                                            .n = 3};
    struct bl_mark *m = bl_user_add_mark(u);
    m->rule = BL_RULE_ABANDONMENT;
    m->kind = 1;
    m->page = name("/cart");
    m->element = name("#pay");
    m->t_ms = T0 + 27000;
    m->due_ms = T0 + 87000;
    m->session = true;
    m->n = -1;
}

static size_t encode_into(const struct bl_user *from, struct bl_buf *to,
                          struct bl_state_field out[BL_STATE_FIELDS_MAX])
{
    size_t n = 0;
    assert_int_equal(bl_state_encode(from, to, out), BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        n += out[i].value.n ? strlen(out[i].name) + out[i].value.n : 0;
    return n;
}

#endif
