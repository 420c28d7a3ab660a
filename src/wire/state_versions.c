/* What is common to the forms that states were stored in by data sets of versions 1 and 2 (state_version1.c,
 * state_version2.c), and that today's has no more: each chunk of the window tells its own number, the latest, which is
 * not full, is one of them, and no moment tells whether it was a visit. */
#include "state_fields.h"

size_t bl_state_values(const char *const *names, size_t n_names, const struct bl_state_pair *pairs, size_t n,
                       struct bl_str *value)
{
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        size_t slot = 0;
        while (slot < n_names && !bl_str_eqz(pairs[i].name, names[slot]))
            slot++;
        if (slot == n_names || pairs[i].value.n == 0)
            continue;
        value[slot] = pairs[i].value;
        known++;
    }
    return known;
}

/* -1: none. Just for the order: bl_state_chunk_follows checks. */
static int64_t chunk_number(struct bl_str text)
{
    int64_t number;
    size_t from = text.n && text.p[0] == '[', end = from;
    while (end < text.n && (unsigned char)(text.p[end] - '0') < 10)
        end++;
    return bl_str_int64((struct bl_str){text.p + from, end - from}, &number) ? number : -1;
}

size_t bl_state_chunk_order(const struct bl_str chunk[BL_STATE_OLD_CHUNKS], size_t order[BL_STATE_OLD_CHUNKS])
{
    int64_t numbers[BL_STATE_OLD_CHUNKS];
    size_t n = 0;
    for (size_t i = 0; i < BL_STATE_OLD_CHUNKS; i++) {
        if (chunk[i].n == 0)
            continue;
        int64_t number = chunk_number(chunk[i]);
        size_t at = n++;
        for (; at > 0 && numbers[at - 1] > number; at--) {
            order[at] = order[at - 1];
            numbers[at] = numbers[at - 1];
        }
        order[at] = i;
        numbers[at] = number;
    }
    return n;
}

bool bl_state_chunk_follows(struct bl_user *u, size_t slot, int64_t number, int64_t t_ms)
{
    size_t before = u->n_window;
    if (before == 0)
        u->window_first = number;
    return number == u->window_first + u->n_window &&
           (size_t)(number / BL_WINDOW_CHUNK) % BL_STATE_OLD_CHUNKS == slot &&
           (before == 0 || (number % BL_WINDOW_CHUNK == 0 && t_ms >= u->window[before - 1].t_ms));
}

bool bl_state_end_window(struct bl_user *u, int64_t moments)
{
    if (u->n_window > 0)
        return u->window_first % BL_WINDOW_CHUNK == 0 && u->window_first + u->n_window == moments;
    u->window_first = (moments + BL_WINDOW_CHUNK - 1) / BL_WINDOW_CHUNK * BL_WINDOW_CHUNK;
    return true;
}

void bl_state_find_visits(struct bl_user *u)
{
    size_t i = u->n_window, v = u->n_visits;
    for (; v > 0; v--) {
        struct bl_visit *visit = &u->visits[v - 1];
        while (i > 0 && u->window[i - 1].t_ms >= visit->t_ms) {
            const struct bl_moment *m = &u->window[i - 1];
            unsigned traits = bl_action_traits((enum bl_action)m->action);
            if (m->t_ms == visit->t_ms && m->page == visit->page && traits & BL_VISIT &&
                !(traits & BL_VIEW) == !visit->view)
                break;
            i--;
        }
        if (i == 0 || u->window[i - 1].t_ms < visit->t_ms)
            break;
        u->window[--i].visit = true;
        visit->moment = (uint32_t)(u->window_first + (int64_t)i);
    }
    while (v > 0)
        u->visits[--v].moment = (uint32_t)(u->window_first - 1);
}
