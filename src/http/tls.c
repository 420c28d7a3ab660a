/* TLS by certificate files: 1.2 and up, ciphers with forward secrecy only, HTTP/1.1 and nothing else offered. The files
 * are looked at every few seconds, and taken anew once they have changed and fit together: whoever renews them need not
 * tell us. Connections keep what they began with. */
#include "server_internal.h"

#include "bl/base/log.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LOOK_MS 2000
#define CIPHERS                                                                                              \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"               \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

struct stamp {
    struct timespec at;
    off_t size;
    ino_t inode;
};

struct bl_tls {
    char *cert, *key;
    struct stamp seen[2];
    int64_t looked_ms;
};

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct stamp){0};
    return (struct stamp){st.st_mtim, st.st_size, st.st_ino};
}

static bool same(struct stamp a, struct stamp b)
{
    return a.at.tv_sec == b.at.tv_sec && a.at.tv_nsec == b.at.tv_nsec && a.size == b.size &&
           a.inode == b.inode;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                           unsigned in_n, void *ctx)
{
    static const unsigned char http1[] = "\x08http/1.1";
    union {
        const unsigned char **in;
        unsigned char **ssl;
    } chosen = {out};
    (void)ssl;
    (void)ctx;
    return SSL_select_next_proto(chosen.ssl, out_n, http1, sizeof http1 - 1, in, in_n) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static void complain(const char *what, const char *file)
{
    char reason[256];
    unsigned long error = ERR_get_error();
    if (ERR_SYSTEM_ERROR(error))
        snprintf(reason, sizeof reason, "%s", strerror(ERR_GET_REASON(error)));
    else
        ERR_error_string_n(error, reason, sizeof reason);
    ERR_clear_error();
    bl_log(BL_LOG_ERROR, what, BL_LOG_TEXT("file", file), BL_LOG_TEXT("reason", reason));
}

static SSL_CTX *context_new(const struct bl_tls *t)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    if (!c)
        return NULL;
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
    bool ok = SSL_CTX_set_cipher_list(c, CIPHERS) == 1;
    if (!ok)
        complain("the TLS ciphers cannot be set", "");
    else if (SSL_CTX_use_certificate_chain_file(c, t->cert) != 1)
        complain("the TLS certificate cannot be used", t->cert), ok = false;
    else if (SSL_CTX_use_PrivateKey_file(c, t->key, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(c) != 1)
        complain("the TLS key cannot be used with the certificate", t->key), ok = false;
    if (ok)
        return c;
    SSL_CTX_free(c);
    return NULL;
}

static enum bl_err load(struct bl_server *s)
{
    struct bl_tls *t = s->tls;
    t->seen[0] = stamp_of(t->cert);
    t->seen[1] = stamp_of(t->key);
    SSL_CTX *c = context_new(t);
    if (!c)
        return BL_ERR_CONFIG;
    if (s->accept.ssl_ctx)
        SSL_CTX_free(s->accept.ssl_ctx);
    s->accept.ssl_ctx = c;
    return BL_OK;
}

enum bl_err bl_tls_open(struct bl_server *s)
{
    const char *cert = s->options.tls_cert, *key = s->options.tls_key;
    bool has_cert = cert && cert[0], has_key = key && key[0];
    if (!has_cert && !has_key)
        return BL_OK;
    if (!has_cert || !has_key) {
        bl_log_plain(BL_LOG_ERROR, "tls-cert and tls-key belong together");
        return BL_ERR_CONFIG;
    }
    s->tls = calloc(1, sizeof *s->tls);
    if (!s->tls)
        return BL_ERR_NO_MEMORY;
    s->tls->cert = strdup(cert);
    s->tls->key = strdup(key);
    return s->tls->cert && s->tls->key ? load(s) : BL_ERR_NO_MEMORY;
}

/* A pair that does not fit (one file is there, the other not yet) is looked at again when it changes. */
void bl_tls_look(struct bl_server *s, int64_t now_ms)
{
    struct bl_tls *t = s->tls;
    if (!t || now_ms - t->looked_ms < LOOK_MS)
        return;
    t->looked_ms = now_ms;
    if (same(t->seen[0], stamp_of(t->cert)) && same(t->seen[1], stamp_of(t->key)))
        return;
    if (load(s) == BL_OK)
        bl_log(BL_LOG_INFO, "the TLS certificate was taken anew", BL_LOG_TEXT("file", t->cert));
}

void bl_tls_close(struct bl_server *s)
{
    if (s->accept.ssl_ctx)
        SSL_CTX_free(s->accept.ssl_ctx);
    s->accept.ssl_ctx = NULL;
    if (s->tls) {
        free(s->tls->cert);
        free(s->tls->key);
        free(s->tls);
    }
    s->tls = NULL;
}
