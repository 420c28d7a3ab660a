/* See reader.h. An array is made at once with as many places as its head says; our largest replies (a data set's pattern
 * ids, a user's fields) are far below. A text grows with what has come. */
#include "reader.h"
#include "bl/base/limits.h"

static redisReplyObjectFunctions bounded;
static void *(*make_array)(const redisReadTask *task, int elements);

static void *bounded_array(const redisReadTask *task, int elements)
{
    return elements <= BL_REPLY_ELEMENTS_MAX ? make_array(task, elements) : NULL;
}

void bl_reader_bound(redisReader *reader)
{
    if (!make_array) {
        make_array = reader->fn->createArray;
        bounded = *reader->fn;
        bounded.createArray = bounded_array;
    }
    reader->fn = &bounded;
    reader->maxbuf = (size_t)1024 * 1024; /* keeps its buffer between replies */
}

redisReader *bl_reader_new(void)
{
    redisReader *reader = redisReaderCreate();
    if (reader)
        bl_reader_bound(reader);
    return reader;
}

bool bl_reader_full(const redisReader *reader)
{
    return reader->len > BL_REPLY_BYTES_MAX;
}
