/* HMAC-SHA256 by OpenSSL, over "t.body" put together in one buffer: bodies are small. */
#include "bl/outbound/sign.h"

#include "bl/base/buf.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

enum bl_err bl_outbound_sign(struct bl_str secret, int64_t unix_s, struct bl_str body,
                             char out[BL_SIGNATURE_BYTES])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    struct bl_buf text, hex;
    bl_buf_init(&text, 0);
    bl_buf_init(&hex, 0);
    bl_buf_int(&text, unix_s);
    bl_buf_char(&text, '.');
    bl_buf_str(&text, body);
    bool ok = text.err == BL_OK && secret.n > 0 && secret.n <= INT_MAX &&
              HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)text.p, text.n, mac, &n);
    if (ok)
        bl_buf_hex(&hex, mac, n);
    ok = ok && hex.err == BL_OK;
    if (ok)
        snprintf(out, BL_SIGNATURE_BYTES, "t=%lld,v1=%.*s", (long long)unix_s, BL_STR_ARG(bl_buf_view(&hex)));
    bl_buf_release(&text);
    bl_buf_release(&hex);
    return ok ? BL_OK : BL_ERR_NO_MEMORY;
}
