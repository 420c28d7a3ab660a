/* hiredis' reply reader with bounds: whoever answers in Redis' place must not make us allocate what he only announces. */
#ifndef BL_STORE_READER_H
#define BL_STORE_READER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

/* Its replies are given to bl_reply_free (bl/store/link.h). NULL: no memory. */
redisReader *bl_reader_new(void);
/* The same bounds for a reader of hiredis' own, whose replies are given to freeReplyObject. */
void bl_reader_bound(redisReader *reader);
/* Is there more of one reply than a reply may have? To be asked after each feed. */
bool bl_reader_full(const redisReader *reader);

#endif
