/* See bl/app/reads.h. */
#include "bl/app/reads.h"

bool bl_read_entry(const struct bl_read_reply *r, size_t *at, struct bl_str *id, struct bl_read_reply *fields)
{
    int64_t items;
    if (*at + 1 >= r->n || !bl_str_int64(r->item[*at + 1], &items) || items < 0 ||
        (size_t)items > r->n - *at - 2)
        return false;
    *id = r->item[*at];
    *fields = (struct bl_read_reply){(size_t)items, r->item + *at + 2};
    *at += 2 + (size_t)items;
    return true;
}
