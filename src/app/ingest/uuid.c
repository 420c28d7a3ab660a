/* 48 bits of milliseconds, 12 of a counter that starts anew each millisecond, 62 random. The random bytes are
 * drawn from the kernel in blocks: a system call for each id would cost more than decoding the event. When
 * the counter is full or the clock stands back, the last millisecond goes on: order matters more than the
 * time. */
#include "ingest/uuid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COUNT_MAX    0xFFF
#define RANDOM_BYTES 8

void bl_uuid_init(struct bl_uuid_source *s)
{
    memset(s, 0, sizeof *s);
    s->used = sizeof s->pool;
}

static void refill(struct bl_uuid_source *s)
{
    size_t n = 0;
    while (n < sizeof s->pool) {
        ssize_t got = getrandom(s->pool + n, sizeof s->pool - n, 0);
        if (got > 0)
            n += (size_t)got;
    }
    s->used = 0;
}

static void step(struct bl_uuid_source *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (ms > s->last_ms) {
        s->last_ms = ms;
        s->count = 0;
    } else if (++s->count > COUNT_MAX) {
        s->last_ms++;
        s->count = 0;
    }
}

void bl_uuid_make(struct bl_uuid_source *s, char out[36])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char b[16];
    step(s);
    if (s->used + RANDOM_BYTES > sizeof s->pool)
        refill(s);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)((uint64_t)s->last_ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | s->count >> 8);
    b[7] = (unsigned char)s->count;
    memcpy(b + 8, s->pool + s->used, RANDOM_BYTES);
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
    s->used += RANDOM_BYTES;
    for (size_t i = 0, o = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[o++] = '-';
        out[o++] = digits[b[i] >> 4];
        out[o++] = digits[b[i] & 15];
    }
}
