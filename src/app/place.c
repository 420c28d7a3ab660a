/* Places as text. Times of the partitions lie close together, so what counts from the latest is short: with eight busy
 * partitions an id has some fifty bytes, and it goes out with every event. */
#include "place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARKS 256

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

struct bl_str place_text(struct place at, char out[PLACE_TEXT])
{
    int n = snprintf(out, PLACE_TEXT, "%" PRIu64 "-%" PRIu64, at.ms, at.seq);
    return (struct bl_str){out, (size_t)n};
}

static bool number(struct bl_str text, unsigned base, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.p[i] ? strchr(digits, text.p[i]) : NULL;
        uint64_t digit = at ? (uint64_t)(at - digits) : base;
        if (digit >= base || *out > (UINT64_MAX - digit) / base)
            return false;
        *out = *out * base + digit;
    }
    return text.n > 0;
}

bool place_read(struct bl_str text, struct place *out)
{
    out->mark = 0;
    struct bl_str ms = bl_str_cut(&text, '-');
    return number(ms, 10, &out->ms) && number(text, 10, &out->seq);
}

static unsigned hex_digit(char c)
{
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at && at - digits < 16 ? (unsigned)(at - digits) : 16;
}

uint8_t place_mark(struct bl_str pattern_id)
{
    unsigned high = pattern_id.n >= 2 ? hex_digit(pattern_id.p[0]) : 16;
    unsigned low = pattern_id.n >= 2 ? hex_digit(pattern_id.p[1]) : 16;
    return high < 16 && low < 16 ? (uint8_t)(high * 16 + low) : 0;
}

int place_cmp(struct place a, struct place b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

static void write_number(uint64_t v, struct bl_buf *out)
{
    char text[16];
    size_t at = sizeof text;
    do {
        text[--at] = digits[v % 36];
        v /= 36;
    } while (v);
    bl_buf_add(out, text + at, sizeof text - at);
}

void places_write(const struct place *at, int partitions, struct bl_buf *out)
{
    uint64_t latest = 0;
    for (int p = 0; p < partitions; p++)
        latest = at[p].ms > latest ? at[p].ms : latest;
    write_number(latest, out);
    for (int p = 0; p < partitions; p++) {
        bl_buf_char(out, '.');
        if (at[p].ms == 0 && at[p].seq == 0) {
            bl_buf_char(out, '-');
            continue;
        }
        write_number(latest - at[p].ms, out);
        if (at[p].seq || at[p].mark) {
            bl_buf_char(out, '_');
            write_number(at[p].seq * MARKS + at[p].mark, out);
        }
    }
}

static bool read_one(struct bl_str part, uint64_t latest, struct place *out)
{
    uint64_t before, within = 0;
    *out = (struct place){0, 0, 0};
    if (bl_str_eqz(part, "-"))
        return true;
    bool has_within = part.n && memchr(part.p, '_', part.n);
    struct bl_str first = bl_str_cut(&part, '_');
    if (!number(first, 36, &before) || before > latest || (has_within && !number(part, 36, &within)))
        return false;
    *out = (struct place){latest - before, within / MARKS, (uint8_t)(within % MARKS)};
    return true;
}

int places_read(struct bl_str text, struct place at[BL_PARTITIONS_MAX])
{
    uint64_t latest;
    int n = 0;
    if (!number(bl_str_cut(&text, '.'), 36, &latest))
        return 0;
    while (text.n) {
        if (n == BL_PARTITIONS_MAX || !read_one(bl_str_cut(&text, '.'), latest, &at[n]))
            return 0;
        n++;
    }
    return n;
}
