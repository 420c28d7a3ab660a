/* See reader.h.
 *
 * hiredis makes each element of a reply, and each text, by a call of malloc. A fetch has five elements for each entry, a commit
 * an answer and "QUEUED" for each command: of single POSTs a quarter of the worker's time was that. So a reply from a link
 * stands in one block, and in more that are chained to it if it turns out to be large:
 *
 *   root: the reply ─ texts and elements as they come ─ free ─┐   at, end
 *   block ──────────────────────────────────── full ──────────┘   more: the newest first
 *
 * Nothing of it can be freed or kept by itself. An array is made at once with as many places as its head says; our largest
 * replies (a data set's pattern ids, a user's fields) are far below the bound. A text grows with what has come.
 *
 * Invariant: at..end is free room of the newest block. */
#include "reader.h"

#include "bl/base/limits.h"
#include "bl/base/poison.h"
#include "bl/store/link.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEAST ((size_t)4 * 1024)
#define BLOCK_MOST  ((size_t)1024 * 1024)
#define ELEMENTS_EXPECTED                                                                                    \
    64 /* of an array have room in the first block: who announces more has yet to send it */
#define ALIGNED(n) (((n) + (alignof(redisReply) - 1)) & ~(alignof(redisReply) - 1))

struct block {
    struct block *next;
    alignas(redisReply) char bytes[];
};

struct root {
    redisReply reply; /* first: what the others see */
    char *at, *end;
    size_t next_size; /* of the next block */
    struct block *more;
    alignas(redisReply) char bytes[];
};

/* ---- a reply in blocks ---- */

static struct root *root_new(size_t room)
{
    room = ALIGNED(room) + BL_POISON_GAP;
    struct root *root = malloc(sizeof *root + room);
    if (!root)
        return NULL;
    memset(root, 0, sizeof *root);
    root->at = root->bytes;
    root->end = root->bytes + room;
    root->next_size = BLOCK_LEAST;
    ASAN_POISON_MEMORY_REGION(root->bytes, room);
    return root;
}

static struct root *root_of(const redisReadTask *task)
{
    while (task->parent)
        task = task->parent;
    return task->obj;
}

static void *root_get(struct root *root, size_t n)
{
    size_t taken = ALIGNED(n) + BL_POISON_GAP;
    if (taken > (size_t)(root->end - root->at)) {
        size_t size = taken > root->next_size ? taken : root->next_size;
        struct block *b = malloc(sizeof *b + size);
        if (!b)
            return NULL;
        b->next = root->more;
        root->more = b;
        root->at = b->bytes;
        root->end = b->bytes + size;
        root->next_size = root->next_size < BLOCK_MOST ? 2 * root->next_size : BLOCK_MOST;
        ASAN_POISON_MEMORY_REGION(b->bytes, size);
    }
    void *p = root->at;
    root->at += taken;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return p;
}

/* The object of a task, where it belongs, and the root of its reply; if that is this one, with `room` for what comes to it. A
 * root's task does not name it yet: hiredis does that when it has the object. */
static redisReply *make(const redisReadTask *task, size_t room, struct root **root)
{
    redisReply *r = NULL;
    if (task->parent) {
        const redisReply *parent = task->parent->obj;
        *root = root_of(task);
        r = root_get(*root, sizeof *r);
        if (r) {
            memset(r, 0, sizeof *r);
            parent->element[task->idx] = r;
        }
    } else if ((*root = root_new(room)) != NULL) {
        r = &(*root)->reply;
    }
    if (r)
        r->type = task->type;
    return r;
}

/* What is made so far of a reply goes with its root, which nobody else knows if it is this task's own. */
static void *fail(const redisReadTask *task, struct root *root)
{
    if (!task->parent)
        bl_reply_free(root);
    return NULL;
}

static void *make_string(const redisReadTask *task, char *text, size_t n)
{
    struct root *root;
    redisReply *r = make(task, n + 1, &root);
    char *copy = r ? root_get(root, n + 1) : NULL;
    if (!copy)
        return fail(task, root);
    memcpy(copy, text, n);
    copy[n] = '\0';
    r->str = copy;
    r->len = n;
    return r;
}

static void *make_array(const redisReadTask *task, int elements)
{
    if (elements < 0 || elements > BL_REPLY_ELEMENTS_MAX)
        return NULL;
    size_t n = (size_t)elements, expected = n < ELEMENTS_EXPECTED ? n : ELEMENTS_EXPECTED;
    struct root *root;
    redisReply *r = make(task, ALIGNED(n * sizeof(redisReply *)) + expected * 2 * sizeof *r, &root);
    if (r && n > 0 && !(r->element = root_get(root, n * sizeof(redisReply *))))
        return fail(task, root);
    if (r)
        r->elements = n;
    return r;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    struct root *root;
    redisReply *r = make(task, 0, &root);
    if (r)
        r->integer = value;
    return r;
}

/* The task is of what could have been there. */
static void *make_nil(const redisReadTask *task)
{
    struct root *root;
    redisReply *r = make(task, 0, &root);
    if (r)
        r->type = REDIS_REPLY_NIL;
    return r;
}

void bl_reply_free(void *reply)
{
    struct root *root = reply;
    for (struct block *b = root ? root->more : NULL, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(root);
}

/* ---- readers ---- */

static redisReplyObjectFunctions in_blocks = {make_string, make_array, make_integer, make_nil, bl_reply_free};
static redisReplyObjectFunctions bounded;
static void *(*unbounded_array)(const redisReadTask *task, int elements);

static void *bounded_array(const redisReadTask *task, int elements)
{
    return elements <= BL_REPLY_ELEMENTS_MAX ? unbounded_array(task, elements) : NULL;
}

static void keep_buffer(redisReader *reader)
{
    reader->maxbuf = (size_t)1024 * 1024; /* between replies */
}

void bl_reader_bound(redisReader *reader)
{
    if (!unbounded_array) {
        unbounded_array = reader->fn->createArray;
        bounded = *reader->fn;
        bounded.createArray = bounded_array;
    }
    reader->fn = &bounded;
    keep_buffer(reader);
}

redisReader *bl_reader_new(void)
{
    redisReader *reader = redisReaderCreateWithFunctions(&in_blocks);
    if (reader)
        keep_buffer(reader);
    return reader;
}

bool bl_reader_full(const redisReader *reader)
{
    return reader->len > BL_REPLY_BYTES_MAX;
}
