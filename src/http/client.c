#include "client.h"

#include "bl/base/limits.h"

static bool is_trusted(struct bl_client_trust trust, const struct bl_address *a)
{
    for (size_t i = 0; i < trust.n; i++)
        if (bl_network_has(&trust.networks[i], a))
            return true;
    return false;
}

/* Cuts the last entry off. */
static struct bl_str last_entry(struct bl_str *line)
{
    const char *comma = line->n ? memrchr(line->p, ',', line->n) : NULL;
    size_t at = comma ? (size_t)(comma - line->p) : 0, skip = comma != NULL;
    struct bl_str entry = {line->p + at + skip, line->n - at - skip};
    line->n = at;
    return entry;
}

static bool is_blank(struct bl_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t')
            return false;
    return true;
}

bool bl_client_address(struct bl_client_trust trust, const struct bl_address *peer,
                       bool (*before)(void *ctx, struct bl_str *line), void *ctx, struct bl_address *client)
{
    struct bl_str line = {0};
    int left = BL_FORWARDED_MAX;
    *client = *peer;
    while (is_trusted(trust, client)) {
        while (line.n == 0)
            if (!before(ctx, &line))
                return false;
        struct bl_str entry = last_entry(&line);
        if (is_blank(entry))
            continue;
        if (left-- == 0 || !bl_address_parse(entry, client))
            return true;
    }
    return true;
}
