/* Ids for events that come without one: UUIDv7 (RFC 9562), growing within one process. */
#ifndef BL_APP_UUID_H
#define BL_APP_UUID_H

#include <stddef.h>
#include <stdint.h>

struct bl_uuid_source {
    int64_t last_ms;
    unsigned count; /* the 12 bits after the time, within one ms */
    size_t used;    /* of pool */
    unsigned char pool[2048];
};

void bl_uuid_init(struct bl_uuid_source *s);
/* 36 characters, not terminated. */
void bl_uuid_make(struct bl_uuid_source *s, char out[36]);

#endif
