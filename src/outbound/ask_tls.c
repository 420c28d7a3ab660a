/* The supervisor's question to its own server, when that speaks HTTPS. */
#include "bl/outbound/ask_tls.h"

#include <openssl/ssl.h>
#include <string.h>

static bool talk(SSL *ssl, const char *question, char *answer, size_t max)
{
    int length = (int)strlen(question);
    size_t n = 0;
    if (SSL_connect(ssl) != 1 || SSL_write(ssl, question, length) != length)
        return false;
    while (n + 1 < max && !strstr(answer, "\r\n\r\n")) {
        int got = SSL_read(ssl, answer + n, (int)(max - 1 - n));
        if (got <= 0)
            break;
        n += (size_t)got;
        answer[n] = '\0';
    }
    return n > 0;
}

bool bl_ask_tls(int fd, const char *question, char *answer, size_t max)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    answer[0] = '\0';
    bool ok = ssl && SSL_set_fd(ssl, fd) == 1 && talk(ssl, question, answer, max);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return ok;
}
