#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)80 * 1024) /* one full entry of the stream and a little */
#define SPARE_BYTES ((size_t)2 * 1024 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap;
    alignas(max_align_t) char bytes[];
};

/* The first spare chunk that is large enough, or a new one. */
static struct arena_chunk *chunk_of(struct arena *a, size_t n)
{
    for (struct arena_chunk **at = &a->spare; *at; at = &(*at)->next)
        if ((*at)->cap >= n) {
            struct arena_chunk *c = *at;
            *at = c->next;
            return c;
        }
    size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
    struct arena_chunk *c = malloc(sizeof *c + cap);
    if (c)
        c->cap = cap;
    return c;
}

void *arena_get(struct arena *a, size_t n)
{
    size_t align = alignof(max_align_t);
    n = (n + align - 1) / align * align;
    if (!a->chunks || a->chunks->cap - a->used < n) {
        struct arena_chunk *c = chunk_of(a, n);
        if (!c)
            return NULL;
        c->next = a->chunks;
        a->chunks = c;
        a->used = 0;
    }
    char *p = a->chunks->bytes + a->used;
    a->used += n;
    return p;
}

/* With a zero behind it. */
static struct bl_str copy_to(char *p, struct bl_str s)
{
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct bl_str){p, s.n};
}

struct bl_str arena_copy(struct arena *a, struct bl_str s)
{
    char *p = arena_get(a, s.n + 1);
    return p ? copy_to(p, s) : (struct bl_str){NULL, 0};
}

struct bl_str *arena_entry(struct arena *a, struct bl_str s)
{
    struct bl_str *entry = arena_get(a, sizeof *entry + s.n + 1);
    if (entry)
        *entry = copy_to((char *)(entry + 1), s);
    return entry;
}

static void free_all(struct arena_chunk *c)
{
    while (c) {
        struct arena_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_reset(struct arena *a)
{
    size_t kept = 0;
    struct arena_chunk *c = a->chunks, *old = a->spare;
    a->chunks = a->spare = NULL;
    a->used = 0;
    for (struct arena_chunk *next; c; c = next) {
        next = c->next;
        if (kept + c->cap > SPARE_BYTES) {
            free(c);
            continue;
        }
        kept += c->cap;
        c->next = a->spare;
        a->spare = c;
    }
    if (!a->spare)
        a->spare = old;
    else
        free_all(old);
}

void arena_release(struct arena *a)
{
    free_all(a->chunks);
    free_all(a->spare);
    *a = (struct arena){0};
}
