/* What each child of the supervisor finds in its environment. */
#include "explain.h"
#include "keys.h"
#include "up.h"

#include "bl/config/alerts.h"

#include <stdlib.h>
#include <string.h>

static bool is_variable(const char *entry, const char *name)
{
    size_t n = strlen(name);
    return n > 0 && strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* What is set for us must not be set again for the children: they get the effective settings in a file. A secret is for
 * the one that uses it alone. */
static bool may_have(const struct bl_config *config, enum up_role role, const char *entry)
{
    size_t n;
    const struct bl_alert_rule *alerts = bl_config_alerts(config, &n);
    if (is_variable(entry, KEYS_VARIABLE))
        return role == UP_SERVE;
    if (strncmp(entry, "BL_", 3) == 0 || is_variable(entry, "PORT"))
        return false;
    if (is_variable(entry, EXPLAIN_KEY_VARIABLE))
        return role == UP_EXPLAIN;
    for (size_t i = 0; i < n && role != UP_ALERTS; i++)
        if (is_variable(entry, alerts[i].secret_env))
            return false;
    return true;
}

/* The simulator talks to the server alone. */
static bool needs_redis(enum up_role role)
{
    return role != UP_SIMULATE && role != UP_REDIS;
}

char **up_env(const struct bl_config *config, enum up_role role, char *redis)
{
    extern char **environ;
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + 3, sizeof *env), *key = up_keys_variable(role);
    for (size_t i = 0; env && i < n; i++)
        if (may_have(config, role, environ[i]))
            env[kept++] = environ[i];
    if (env && needs_redis(role))
        env[kept++] = redis;
    if (env && key)
        env[kept] = key;
    return env;
}
