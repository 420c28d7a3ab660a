/* The signature of what we post: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body" under the shared secret>`. The time
 * stands inside, so that a receiver can refuse a recorded request that is sent again. */
#ifndef BL_OUTBOUND_SIGN_H
#define BL_OUTBOUND_SIGN_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#define BL_SIGNATURE_BYTES 96

/* Into out, terminated. */
BL_CHECKED enum bl_err bl_outbound_sign(struct bl_str secret, int64_t unix_s, struct bl_str body,
                                        char out[BL_SIGNATURE_BYTES]);

#endif
