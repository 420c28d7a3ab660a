/* A shop and its visitors. A visit is a journey: a row of steps of the table below, in order, leaving out those that
 * belong to other kinds of visitors. Each user goes through visit after visit, of a kind drawn anew each time; the first
 * begins somewhere in the middle, so that a short run sees all of it.
 *
 * Most visitors look, search or buy without trouble: they go from page to page, never to the same one often, click on
 * different things, send the forms they fill in, and end their session. The others meet what the rules are about, once
 * in a visit. So some 2 % of the events make or change a pattern (the runs print how many did). What deadlines make
 * (hesitation, above all) comes on top where users act less often than every ten seconds.
 *
 * An event is a template, made once for each step, copied and filled in with digits. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_DIGITS 8
#define ID_DIGITS   16
#define PAGES       200
#define PAGE_DIGITS 3
#define ROW_MAX     64 /* steps of a journey */

enum { LOOKER, SEARCHER, BUYER, RAGING, LOST, LEAVING, UNLUCKY, HASTY, PASSING, LIVING, KINDS };

/* Of 100 visits. */
static const unsigned share[KINDS] = {
    [LOOKER] = 32, [SEARCHER] = 22, [BUYER] = 16,  [RAGING] = 7,
    [LOST] = 7,    [LEAVING] = 6,   [UNLUCKY] = 6, [HASTY] = 4,
};

#define EACH               0xff
#define IS(k)              (1u << (k))
#define SEARCH             (IS(SEARCHER) | IS(HASTY))
#define CARTS              (IS(BUYER) | IS(LEAVING))
#define ITEM               "/products/item-000" /* ends in the digits of the user's page */
#define NEXT               "+" ITEM             /* goes to a page not seen before */
#define META(x)            ",\"metadata\":{" x "}"
#define AT(target, x, y)   META("\"target\":\"" target "\",\"x\":" #x ",\"y\":" #y)
#define SEEN(depth)        META("\"depth\":" #depth)
#define TYPED(form, field) META("\"form\":\"" form "\",\"field\":\"" field "\"")
#define SENT(form)         META("\"form\":\"" form "\"")
#define TITLE(x)           ",\"title\":\"" x "\""

static const struct step {
    unsigned who;
    const char *action, *page, *more;
} steps[] = {
    {EACH, "page_view", "/", TITLE("The lamp shop") ",\"referrer\":\"https://search.example\""},
    {EACH, "scroll", "/", SEEN(50)},
    {EACH, "click", "/", AT("nav > ul > li:2 > a", 412, 64)},
    {EACH, "page_view", NEXT, TITLE("Lamps for the desk - The lamp shop")},
    {EACH, "scroll", ITEM, SEEN(25)},
    {EACH, "scroll", ITEM, SEEN(75)},
    {EACH, "click", ITEM, AT("#cards > div:3 > a", 688, 540)},
    {EACH, "page_view", NEXT, TITLE("Desk lamp Arc, brass - The lamp shop")},
    {EACH, "product_view", ITEM, META("\"price\":129.5,\"currency\":\"EUR\",\"in_stock\":true")},
    {IS(UNLUCKY), "click", ITEM, AT("#photo > button.zoom", 300, 260)},
    {IS(UNLUCKY), "error", ITEM, META("\"message\":\"TypeError: zoom is undefined\",\"line\":118")},
    {EACH, "click", ITEM, AT("#photo > button.next", 540, 420)},
    {EACH, "scroll", ITEM, SEEN(50)},
    {EACH, "click", ITEM, AT("#tabs > button.reviews", 205, 702)},
    {SEARCH, "page_view", "/search", TITLE("Search - The lamp shop")},
    {SEARCH, "input_change", "/search", TYPED("search", "q")},
    {SEARCH, "input_change", "/search", TYPED("search", "price_to")},
    {IS(SEARCHER), "form_submit", "/search", SENT("search")},
    {IS(SEARCHER), "scroll", "/search", SEEN(50)},
    {IS(SEARCHER), "search_result_click", "/search", AT("#results > a:4", 402, 611)},
    {EACH, "page_view", NEXT, TITLE("Floor lamp Reed, black - The lamp shop")},
    {EACH, "scroll", ITEM, SEEN(25)},
    {EACH, "click", ITEM, AT("#colours > button.black", 760, 388)},
    {IS(LOST), "page_view", "/delivery", TITLE("Delivery - The lamp shop")},
    {IS(LOST), "page_view", NEXT, TITLE("Floor lamp Reed, white - The lamp shop")},
    {IS(LOST), "page_view", NEXT, TITLE("Floor lamp Twig, oak - The lamp shop")},
    {IS(LOST), "page_view", "/delivery", TITLE("Delivery - The lamp shop")},
    {IS(LOST), "scroll", "/delivery", SEEN(100)},
    {IS(LOST), "page_view", NEXT, TITLE("Help - The lamp shop")},
    {IS(LOST), "page_view", NEXT, TITLE("Prices of delivery - The lamp shop")},
    {IS(LOST), "page_view", "/delivery", TITLE("Delivery - The lamp shop")},
    {IS(RAGING), "click", ITEM, AT("#add", 760, 512)},
    {IS(RAGING), "click", ITEM, AT("#add", 761, 512)},
    {IS(RAGING), "click", ITEM, AT("#add", 761, 513)},
    {IS(RAGING), "click", ITEM, AT("#add", 760, 513)},
    {IS(RAGING), "click", ITEM, AT("#add", 760, 512)},
    {IS(UNLUCKY), "click", ITEM, AT("#notify", 690, 530)},
    {IS(UNLUCKY), "dead_click", ITEM, AT("#notify", 690, 530)},
    {EACH, "page_view", NEXT, TITLE("Bulb E27, warm white - The lamp shop")},
    {EACH, "click", ITEM, AT("#quantity > button.more", 640, 470)},
    {EACH, "scroll", ITEM, SEEN(75)},
    {CARTS, "add_to_cart", ITEM, META("\"price\":6.9,\"currency\":\"EUR\",\"quantity\":2")},
    {CARTS, "page_view", "/cart", TITLE("Your cart - The lamp shop")},
    {CARTS, "click", "/cart", AT("#to-checkout", 980, 410)},
    {CARTS, "page_view", "/checkout", TITLE("Checkout - The lamp shop")},
    {CARTS, "input_change", "/checkout", TYPED("address", "name")},
    {CARTS, "input_change", "/checkout", TYPED("address", "street")},
    {CARTS, "form_submit", "/checkout", SENT("address")},
    {IS(BUYER), "click", "/checkout", AT("#pay", 902, 744)},
    {IS(BUYER), "purchase", "/checkout", META("\"total\":143.3,\"currency\":\"EUR\"")},
    {IS(BUYER), "page_view", "/confirmation", TITLE("Thank you - The lamp shop")},
    {EACH, "page_view", NEXT, TITLE("Opening hours - The lamp shop")},
    {EACH, "scroll", ITEM, SEEN(100)},
    {EACH, "page_exit", ITEM, META("\"depth\":100")},
    {EACH, "session_end", NULL, ""},
    {IS(PASSING), "page_view", NEXT, TITLE("Desk lamp Arc, brass - The lamp shop")},
    {IS(PASSING), "click", ITEM, AT("#photo > button.next", 540, 420)},
    {IS(PASSING), "page_exit", ITEM, META("\"depth\":25")},
    {IS(LIVING), "page_view", "/", TITLE("The lamp shop") ",\"referrer\":\"https://search.example\""},
    {IS(LIVING), "click", "/", AT("nav > ul > li:2 > a", 412, 64)},
    {IS(LIVING), "page_view", "/products", TITLE("All lamps - The lamp shop")},
    {IS(LIVING), "scroll", "/products", SEEN(25)},
    {IS(LIVING), "scroll", "/products", SEEN(75)},
    {IS(LIVING), "click", "/products", AT("#cards > div:3 > a", 688, 540)},
    {IS(LIVING), "page_view", "/products/arc", TITLE("Desk lamp Arc, brass - The lamp shop")},
    {IS(LIVING), "click", "/products/arc", AT("#photo > button.next", 540, 420)},
    {IS(LIVING), "scroll", "/products/arc", SEEN(50)},
    {IS(LIVING), "click", "/products/arc", AT("#tabs > button.reviews", 205, 702)},
    {IS(LIVING), "click", "/products/arc", AT("footer > a:2", 120, 902)},
    {IS(LIVING), "page_view", "/help", TITLE("Help - The lamp shop")},
    {IS(LIVING), "scroll", "/help", SEEN(50)},
    {IS(LIVING), "click", "/help", AT("nav > a.home", 60, 64)},
    {IS(LIVING), "page_view", "/", TITLE("The lamp shop")},
    {IS(LIVING), "click", "/", AT("#last-seen > a", 900, 300)},
    {IS(LIVING), "page_view", "/products/arc", TITLE("Desk lamp Arc, brass - The lamp shop")},
    {IS(LIVING), "scroll", "/products/arc", SEEN(75)},
    {IS(LIVING), "click", "/products/arc", AT("#colours > button.black", 760, 388)},
    {IS(LIVING), "tab_hidden", "/products/arc", META("\"depth\":75")},
};

#define STEPS (sizeof steps / sizeof *steps)

struct template
{
    char text[LOAD_EVENT_MAX];
    size_t n, user, id,
        page; /* places of the last digits' ends; id 0: it carries none; page 0: on none of its own */
    bool next;
};

/* Where somebody is. */
struct visitor {
    uint8_t kind, step;
    uint16_t page; /* counts the pages seen */
};

struct load_site {
    struct template templates[STEPS][2]; /* without and with an event_id */
    uint8_t rows[KINDS][ROW_MAX], lengths[KINDS];
    uint64_t users;
    uint16_t first_page;
    struct visitor *visitors;
};

uint64_t load_random(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static void template_make(struct template *t, const struct step *s, bool with_id)
{
    size_t n = (size_t)snprintf(t->text, sizeof t->text, "{\"user_id\":\"user-%0*d", USER_DIGITS, 0);
    t->user = n;
    t->text[n++] = '"';
    if (with_id) {
        n += (size_t)snprintf(t->text + n, sizeof t->text - n, ",\"event_id\":\"018bcfe5-6800-7000-%0*d",
                              ID_DIGITS, 0);
        t->id = n;
        t->text[n++] = '"';
    }
    n += (size_t)snprintf(t->text + n, sizeof t->text - n, ",\"action\":\"%s\"", s->action);
    if (s->page) {
        t->next = s->page[0] == '+';
        n += (size_t)snprintf(t->text + n, sizeof t->text - n, ",\"page\":\"%s", s->page + t->next);
        t->page = strstr(s->page, ITEM) ? n : 0;
        t->text[n++] = '"';
    }
    t->n = n + (size_t)snprintf(t->text + n, sizeof t->text - n,
                                ",\"device\":\"desktop\",\"country\":\"DE\"%s}", s->more);
}

static unsigned kind_draw(uint64_t draw)
{
    unsigned left = (unsigned)(draw % 100), kind = 0;
    while (left >= share[kind])
        left -= share[kind++];
    return kind;
}

struct load_site *load_site_new(uint64_t users, uint64_t seed)
{
    struct load_site *s = calloc(1, sizeof *s);
    s->users = users;
    s->visitors = calloc(users, sizeof *s->visitors);
    s->first_page = (uint16_t)(load_random(&seed) % PAGES);
    for (size_t i = 0; i < STEPS; i++) {
        template_make(&s->templates[i][0], &steps[i], false);
        template_make(&s->templates[i][1], &steps[i], true);
        for (unsigned k = 0; k < KINDS; k++)
            if (steps[i].who & IS(k))
                s->rows[k][s->lengths[k]++] = (uint8_t)i;
    }
    for (uint64_t u = 0; u < users; u++) {
        struct visitor *v = &s->visitors[u];
        v->kind = (uint8_t)kind_draw(load_random(&seed));
        v->step = (uint8_t)(load_random(&seed) % s->lengths[v->kind]);
    }
    return s;
}

/* The digits that end at `end`. */
static void put_digits(char *end, unsigned digits, uint32_t v)
{
    for (; digits; digits--, v /= 10)
        *--end = (char)('0' + v % 10);
}

static void put_hex(char *end, uint64_t v)
{
    for (unsigned digits = ID_DIGITS; digits; digits--, v >>= 4)
        *--end = "0123456789abcdef"[v & 15];
}

static size_t step_write(const struct load_site *s, struct visitor *v, size_t row, uint64_t user,
                         uint64_t *seed, char *out)
{
    uint64_t draw = load_random(seed);
    const struct template *t = &s->templates[row][draw >> 63];
    v->page = (uint16_t)(v->page + t->next);
    memcpy(out, t->text, t->n);
    put_digits(out + t->user, USER_DIGITS, (uint32_t)user);
    if (t->id)
        put_hex(out + t->id, draw);
    if (t->page)
        put_digits(out + t->page, PAGE_DIGITS, (uint32_t)((user * 7919 + s->first_page + v->page) % PAGES));
    return t->n;
}

size_t load_site_step(struct load_site *s, uint64_t user, uint64_t *seed, char *out)
{
    struct visitor *v = &s->visitors[user];
    size_t n = step_write(s, v, s->rows[v->kind][v->step], user, seed, out);
    if (++v->step == s->lengths[v->kind]) {
        v->step = 0;
        v->kind = (uint8_t)kind_draw(load_random(seed));
    }
    return n;
}

static const unsigned fill_kind[] = {[LOAD_PASSING] = PASSING, [LOAD_LIVING] = LIVING};

unsigned load_site_fill_steps(const struct load_site *s, enum load_fill fill)
{
    return s->lengths[fill_kind[fill]];
}

size_t load_site_fill(struct load_site *s, enum load_fill fill, uint64_t user, unsigned step, uint64_t *seed,
                      char *out)
{
    return step_write(s, &s->visitors[user], s->rows[fill_kind[fill]][step], user, seed, out);
}
