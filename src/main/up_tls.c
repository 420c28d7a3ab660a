/* HTTPS, as far as the supervisor has to do with it: what does not fit is said before anything is started. */
#include "up.h"

#include "bl/config/config.h"

#include <errno.h>
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
