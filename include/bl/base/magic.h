/* Every struct that travels through a `void *` begins with a magic number; BL_CAST checks it on the way back.
 */
#ifndef BL_BASE_MAGIC_H
#define BL_BASE_MAGIC_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define BL_MAGIC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* T *x = BL_CAST(struct foo, ptr, FOO_MAGIC): asserts that ptr points at a live struct foo. */
#define BL_CAST(type, ptr, m)                                                                                \
    __extension__({                                                                                          \
        type *cast_ = (ptr);                                                                                 \
        assert(cast_ != NULL && cast_->magic == (m));                                                        \
        cast_;                                                                                               \
    })

/* The struct that holds `member` at this address. */
#define BL_CONTAINER(type, ptr, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
