/* Virtual shoppers: each follows one script of simulate_scenario.c, with its chances and pauses. Randomness comes
 * from a generator of their own, seeded from the run's seed and their number. */
#include "simulate.h"
#include "simulate_scenario.h"

#include <stdio.h>

static const char *const products[] = {"linen-shirt", "trail-shoes",  "desk-lamp",  "espresso-cup",
                                       "wool-socks",  "rain-jacket",  "travel-bag", "reading-chair",
                                       "oak-table",   "garden-shears"};
static const char *const devices[] = {"desktop", "mobile", "mobile", "tablet"};
static const char *const countries[] = {"DE", "FR", "US", "GB", "NL", "ES", "SE", "JP"};
#define ROUNDS_MAX  6 /* of AGAIN, in one visit */
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t below(struct sim_user *u, uint64_t n)
{
    return next_random(&u->random) % n;
}

/* The first users go through the scenarios in turn, so that even a short run shows each of them. */
static const struct sim_scenario *choose(struct sim_user *u)
{
    int64_t total = 0, left;
    if (u->number < sim_n_scenarios)
        return &sim_scenarios[u->number];
    for (size_t i = 0; i < sim_n_scenarios; i++)
        total += sim_scenarios[i].weight;
    left = (int64_t)below(u, (uint64_t)total);
    for (size_t i = 0;; i++) {
        left -= sim_scenarios[i].weight;
        if (left < 0)
            return &sim_scenarios[i];
    }
}

/* The user's own pace: half to one and a half times the rate. */
static int64_t pace(struct sim_user *u, const struct sim_world *w)
{
    return w->rate_ms / 2 + (int64_t)below(u, (uint64_t)w->rate_ms + 1);
}

/* Goes to the next step that is an event; the ms until then, -1 at the end. */
static int64_t advance(struct sim_user *u, const struct sim_world *w)
{
    int64_t wait_ms = pace(u, w);
    for (;;) {
        const struct sim_step *s = &u->scenario->steps[u->at];
        bool taken = (int64_t)below(u, 100) < s->percent;
        switch (s->kind) {
        case STEP_END:
            return -1;
        case STEP_DO:
            if (taken)
                return (s->b ? s->a + (int64_t)below(u, (uint64_t)(s->b - s->a) + 1) : wait_ms) / w->speed;
            u->at++;
            break;
        case STEP_PAUSE:
            wait_ms += s->a + (int64_t)below(u, (uint64_t)(s->b - s->a) + 1);
            u->at++;
            break;
        case STEP_AGAIN:
            taken = taken && u->rounds++ < ROUNDS_MAX;
            u->at = taken ? u->at - (uint32_t)s->a : u->at + 1;
            break;
        case STEP_SKIP:
            u->at += taken ? (uint32_t)s->a + 1 : 1;
            break;
        }
    }
}

int64_t sim_user_begin(struct sim_user *u, const struct sim_world *w, uint64_t number)
{
    struct bl_heap_node node = u->node;
    uint64_t mix = w->seed;
    *u = (struct sim_user){.node = node, .number = number};
    u->random = next_random(&mix) ^ (number * 0x9E3779B97F4A7C15u);
    u->scenario = choose(u);
    u->first = (uint8_t)below(u, COUNT(products));
    u->second = (uint8_t)((u->first + 1 + below(u, COUNT(products) - 1)) % COUNT(products));
    u->device = (uint8_t)below(u, COUNT(devices));
    u->country = (uint8_t)below(u, COUNT(countries));
    return advance(u, w);
}

static void put_page(const struct sim_user *u, const char *page, struct bl_buf *out)
{
    char text[64];
    if (page[0] == '/')
        snprintf(text, sizeof text, "%s", page);
    else
        snprintf(text, sizeof text, "/products/%s", products[page[0] == '1' ? u->first : u->second]);
    bl_buf_z(out, ",\"page\":");
    bl_buf_json(out, bl_str_of(text));
}

static void put_metadata(const struct sim_user *u, const struct sim_step *s, struct bl_buf *out)
{
    bool form = s->action == BL_ACTION_INPUT_CHANGE || s->action == BL_ACTION_FORM_SUBMIT;
    bl_buf_z(out, ",\"metadata\":{\"scenario\":");
    bl_buf_json(out, bl_str_of(u->scenario->name));
    if (s->target) {
        bl_buf_z(out, form ? ",\"form\":" : ",\"target\":");
        bl_buf_json(out, bl_str_of(s->target));
    }
    if (s->action == BL_ACTION_SEARCH) {
        bl_buf_z(out, ",\"query\":");
        bl_buf_json(out, bl_str_of(products[u->first]));
    }
    bl_buf_char(out, '}');
}

int64_t sim_user_act(struct sim_user *u, const struct sim_world *w, int64_t now_ms, struct bl_buf *out)
{
    const struct sim_step *s = &u->scenario->steps[u->at];
    uint64_t mix = w->seed ^ u->number;
    unsigned name = (unsigned)(next_random(&mix) & 0xFFFFFF);
    bl_buf_printf(out, "{\"user_id\":\"shopper-%06x-%u\",\"session_id\":\"s-%06x-%u\"", name,
                  (unsigned)u->number, name, (unsigned)u->number);
    bl_buf_z(out, ",\"action\":");
    bl_buf_json(out, bl_str_of(bl_action_name(s->action)));
    if (s->page)
        put_page(u, s->page, out);
    bl_buf_printf(out, ",\"event_id\":\"sim-%016llx-%u-%u\",\"timestamp\":%lld", (unsigned long long)w->run,
                  (unsigned)u->number, u->events, (long long)now_ms);
    bl_buf_printf(out, ",\"device\":\"%s\",\"country\":\"%s\"", devices[u->device], countries[u->country]);
    put_metadata(u, s, out);
    bl_buf_char(out, '}');
    u->events++;
    u->at++;
    return advance(u, w);
}
