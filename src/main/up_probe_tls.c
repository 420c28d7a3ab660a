/* HTTPS, as far as the supervisor has to do with it: do the options fit, and the question of up_probe_http under TLS, to
 * our own server on this machine: whose certificate it shows is not asked, as its name is not ours and nothing secret is
 * said. */
#include "up.h"

#include "bl/config/config.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <unistd.h>

bool up_tls_fits(const struct bl_config *config, struct bl_buf *why)
{
    const char *cert = bl_config_text(config, BL_OPTION_TLS_CERT),
               *key = bl_config_text(config, BL_OPTION_TLS_KEY);
    if (!cert[0] && !key[0])
        return true;
    if (!cert[0] || !key[0])
        bl_buf_z(why, "--tls-cert and --tls-key belong together: give both");
    else if (access(cert, R_OK) != 0)
        bl_buf_printf(why, "cannot read the certificate %s: %s", cert, strerror(errno));
    else if (access(key, R_OK) != 0)
        bl_buf_printf(why, "cannot read the certificate's key %s: %s", key, strerror(errno));
    else if (bl_config_int(config, BL_OPTION_DEMO))
        bl_buf_z(why, "the simulated shoppers of --demo speak plain HTTP: leave --demo or --tls-cert out");
    return why->n == 0;
}

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

bool up_ask_tls(int fd, const char *question, char *answer, size_t max)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    answer[0] = '\0';
    bool ok = ssl && SSL_set_fd(ssl, fd) == 1 && talk(ssl, question, answer, max);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return ok;
}
