#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap;
    alignas(max_align_t) char bytes[];
};

void *arena_get(struct arena *a, size_t n)
{
    size_t align = alignof(max_align_t);
    n = (n + align - 1) / align * align;
    if (!a->chunks || a->chunks->cap - a->used < n) {
        size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
        struct arena_chunk *c = malloc(sizeof *c + cap);
        if (!c)
            return NULL;
        c->next = a->chunks;
        c->cap = cap;
        a->chunks = c;
        a->used = 0;
    }
    char *p = a->chunks->bytes + a->used;
    a->used += n;
    return p;
}

struct bl_str arena_copy(struct arena *a, struct bl_str s)
{
    char *p = arena_get(a, s.n + 1);
    if (!p)
        return (struct bl_str){NULL, 0};
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct bl_str){p, s.n};
}

void arena_reset(struct arena *a)
{
    while (a->chunks && (a->chunks->next || a->chunks->cap > CHUNK_BYTES)) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
    a->used = 0;
}

void arena_release(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
    a->used = 0;
}
