/* The scripts of virtual shoppers, a table each: a new scenario is a new table and a line in the list at the end. */
#include "simulate_scenario.h"

#define DO(action, page, target)                                                                             \
    {                                                                                                        \
        STEP_DO, BL_ACTION_##action, page, target, 100, 0, 0                                                 \
    }
#define MAYBE(percent, action, page, target)                                                                 \
    {                                                                                                        \
        STEP_DO, BL_ACTION_##action, page, target, percent, 0, 0                                             \
    }
/* Right after the step before, as what a machine reports, or a hand that does not wait. */
#define AT_ONCE(action, page, target, from_ms, to_ms)                                                        \
    {                                                                                                        \
        STEP_DO, BL_ACTION_##action, page, target, 100, from_ms, to_ms                                       \
    }
#define PAUSE(from_ms, to_ms)                                                                                \
    {                                                                                                        \
        STEP_PAUSE, BL_ACTION_COUNT, NULL, NULL, 100, from_ms, to_ms                                         \
    }
#define AGAIN(percent, back)                                                                                 \
    {                                                                                                        \
        STEP_AGAIN, BL_ACTION_COUNT, NULL, NULL, percent, back, 0                                            \
    }
#define SKIP(percent, ahead)                                                                                 \
    {                                                                                                        \
        STEP_SKIP, BL_ACTION_COUNT, NULL, NULL, percent, ahead, 0                                            \
    }
#define END                                                                                                  \
    {                                                                                                        \
        STEP_END, BL_ACTION_COUNT, NULL, NULL, 100, 0, 0                                                     \
    }
/* What may go wrong on any page, in one visit of ten each: a button that does not answer, a click into the void. */
#define MISHAPS(page)                                                                                        \
    SKIP(90, 5), DO(CLICK, page, "size-xl"), AT_ONCE(CLICK, page, "size-xl", 120, 350),                      \
        AT_ONCE(CLICK, page, "size-xl", 120, 350), AT_ONCE(CLICK, page, "size-xl", 120, 350),                \
        AT_ONCE(CLICK, page, "size-xl", 120, 350), SKIP(90, 2), DO(CLICK, page, "photo"),                    \
        AT_ONCE(DEAD_CLICK, page, "photo", 50, 300)

static const struct sim_step browse[] = {
    DO(PAGE_VIEW, "/", NULL),
    DO(SCROLL, "/", NULL),
    MAYBE(40, SEARCH, "/search", NULL),
    MAYBE(60, CLICK, "/", "nav-products"),
    DO(PAGE_VIEW, "/products", NULL),
    DO(SCROLL, "/products", NULL),
    DO(CLICK, "/products", "product-card"),
    DO(PAGE_VIEW, "1", NULL),
    DO(PRODUCT_VIEW, "1", NULL),
    MISHAPS("1"),
    PAUSE(500, 4000),
    MAYBE(50, SCROLL, "1", NULL),
    DO(PAGE_VIEW, "2", NULL),
    MAYBE(50, CLICK, "2", "photo-next"),
    PAUSE(500, 4000),
    DO(PAGE_EXIT, "2", NULL),
    END,
};

/* Stands still in front of a product, or of the cart, for 11 to 35 s. */
static const struct sim_step hesitation[] = {
    DO(PAGE_VIEW, "/", NULL),
    DO(CLICK, "/", "nav-products"),
    SKIP(40, 13), /* not at this one */
    DO(PAGE_VIEW, "1", NULL),
    MISHAPS("1"),
    DO(SCROLL, "1", NULL),
    PAUSE(11000, 35000),
    MAYBE(50, ADD_TO_CART, "1", "add-to-cart"),
    DO(PAGE_VIEW, "2", NULL),
    DO(CLICK, "2", "size-guide"),
    PAUSE(11000, 20000),
    MAYBE(60, CLICK, "2", "size-guide"),
    DO(PAGE_EXIT, "2", NULL),
    END,
};

/* Cannot decide: the same pages again and again. */
static const struct sim_step loop[] = {
    DO(PAGE_VIEW, "/products", NULL),
    DO(CLICK, "/products", "product-card"),
    DO(PAGE_VIEW, "1", NULL),
    MAYBE(50, SCROLL, "1", NULL),
    PAUSE(0, 1500),
    DO(PAGE_VIEW, "2", NULL),
    PAUSE(0, 1500),
    DO(PAGE_VIEW, "1", NULL),
    DO(PAGE_VIEW, "2", NULL),
    DO(PAGE_VIEW, "1", NULL),
    PAUSE(500, 3000),
    AGAIN(45, 3),
    MISHAPS("1"),
    DO(PAGE_EXIT, "1", NULL),
    END,
};

/* Gets as far as the checkout and turns away: to another page, or silently. */
static const struct sim_step abandonment[] = {
    DO(PAGE_VIEW, "1", NULL),
    MISHAPS("1"),
    DO(ADD_TO_CART, "1", "add-to-cart"),
    DO(PAGE_VIEW, "/cart", NULL),
    DO(CLICK, "/cart", "checkout"),
    DO(PAGE_VIEW, "/checkout", NULL),
    DO(CHECKOUT_START, "/checkout", NULL),
    DO(INPUT_CHANGE, "/checkout", "address"),
    MAYBE(50, FORM_SUBMIT, "/checkout", "address"),
    MAYBE(50, PAGE_VIEW, "/payment", NULL),
    PAUSE(1000, 8000),
    SKIP(50, 4),
    DO(PAGE_VIEW, "/products", NULL),
    DO(SCROLL, "/products", NULL),
    DO(PAGE_EXIT, "/products", NULL),
    END,
    END, /* silently: not even a page_exit */
};

static const struct sim_step purchase[] = {
    MAYBE(50, SEARCH, "/search", NULL),
    DO(PAGE_VIEW, "1", NULL),
    DO(PRODUCT_VIEW, "1", NULL),
    MISHAPS("1"),
    PAUSE(500, 5000),
    DO(ADD_TO_CART, "1", "add-to-cart"),
    DO(PAGE_VIEW, "/cart", NULL),
    DO(CLICK, "/cart", "checkout"),
    DO(PAGE_VIEW, "/checkout", NULL),
    DO(CHECKOUT_START, "/checkout", NULL),
    DO(INPUT_CHANGE, "/checkout", "address"),
    DO(FORM_SUBMIT, "/checkout", "address"),
    PAUSE(500, 5000),
    DO(PAGE_VIEW, "/payment", NULL),
    DO(INPUT_CHANGE, "/payment", "card"),
    DO(FORM_SUBMIT, "/payment", "card"),
    DO(PURCHASE, "/payment", NULL),
    DO(PAGE_VIEW, "/confirmation", NULL),
    PAUSE(500, 3000),
    DO(PAGE_EXIT, "/confirmation", NULL),
    END,
};

/* Clicks a button that does not answer, again and again. */
static const struct sim_step rage_click[] = {
    DO(PAGE_VIEW, "/", NULL),
    DO(PAGE_VIEW, "1", NULL),
    DO(SCROLL, "1", NULL),
    DO(CLICK, "1", "add-to-cart"),
    AT_ONCE(CLICK, "1", "add-to-cart", 120, 400),
    AT_ONCE(CLICK, "1", "add-to-cart", 120, 400),
    AT_ONCE(CLICK, "1", "add-to-cart", 120, 400),
    AGAIN(40, 2),
    PAUSE(500, 4000),
    MAYBE(50, ADD_TO_CART, "1", "add-to-cart"),
    DO(PAGE_EXIT, "1", NULL),
    END,
};

/* Takes a picture for a link; the tracker sees that nothing happens. */
static const struct sim_step dead_click[] = {
    DO(PAGE_VIEW, "1", NULL),
    DO(CLICK, "1", "photo"),
    AT_ONCE(DEAD_CLICK, "1", "photo", 50, 300),
    PAUSE(500, 2000),
    AGAIN(60, 3),
    MAYBE(50, CLICK, "1", "reviews"),
    DO(PAGE_EXIT, "1", NULL),
    END,
};

/* A coupon that the server chokes on. */
static const struct sim_step error_click[] = {
    DO(PAGE_VIEW, "1", NULL),
    DO(ADD_TO_CART, "1", "add-to-cart"),
    DO(PAGE_VIEW, "/cart", NULL),
    DO(INPUT_CHANGE, "/cart", "coupon"),
    DO(CLICK, "/cart", "apply-coupon"),
    AT_ONCE(API_ERROR, "/cart", NULL, 100, 1500),
    PAUSE(500, 4000),
    MAYBE(50, FORM_SUBMIT, "/cart", "coupon"),
    MAYBE(50, PURCHASE, "/cart", NULL),
    DO(PAGE_EXIT, "/cart", NULL),
    END,
};

/* Begins to sign up, and thinks better of it: goes elsewhere, closes the page, or just stops. */
static const struct sim_step form_abandonment[] = {
    DO(PAGE_VIEW, "/", NULL),
    DO(CLICK, "/", "sign-up"),
    DO(PAGE_VIEW, "/signup", NULL),
    DO(INPUT_CHANGE, "/signup", "signup"),
    DO(INPUT_CHANGE, "/signup", "signup"),
    MAYBE(50, INPUT_CHANGE, "/signup", "signup"),
    PAUSE(500, 4000),
    SKIP(20, 5), /* just stops */
    SKIP(40, 3),
    DO(PAGE_VIEW, "/products", NULL),
    DO(SCROLL, "/products", NULL),
    END,
    DO(PAGE_EXIT, "/signup", NULL),
    END,
};

/* Not what the link promised: back at once. */
static const struct sim_step quick_back[] = {
    DO(PAGE_VIEW, "/products", NULL),
    DO(SCROLL, "/products", NULL),
    DO(CLICK, "/products", "product-card"),
    DO(PAGE_VIEW, "1", NULL),
    AT_ONCE(PAGE_VIEW, "/products", NULL, 800, 3500),
    DO(SCROLL, "/products", NULL),
    MAYBE(50, CLICK, "/products", "product-card"),
    PAUSE(500, 4000),
    DO(PAGE_EXIT, "/products", NULL),
    END,
};

const struct sim_scenario sim_scenarios[] = {
    {"hesitation", 12, hesitation},
    {"loop", 12, loop},
    {"abandonment", 16, abandonment},
    {"purchase", 12, purchase},
    {"browse", 28, browse},
    {"rage-click", 6, rage_click},
    {"dead-click", 4, dead_click},
    {"error-click", 4, error_click},
    {"form-abandonment", 4, form_abandonment},
    {"quick-back", 4, quick_back},
};
const size_t sim_n_scenarios = sizeof sim_scenarios / sizeof *sim_scenarios;
