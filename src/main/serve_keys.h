/* Keys in a serve process: those of file and environment, those of the store followed, the guard that asks for them. */
#ifndef BL_MAIN_SERVE_KEYS_H
#define BL_MAIN_SERVE_KEYS_H

#include "bl/app/audit.h"
#include "bl/config/config.h"
#include "bl/http/access.h"
#include "bl/store/link.h"
#include "bl/store/process.h"
#include "bl/store/rejects.h"

struct serve_keys;

struct serve_keys_options {
    const struct bl_config *config; /* all borrowed for its life */
    struct bl_rejects *rejects;
    void *ctx;
    /* From the loop: without keys this process must not listen where it does. */
    void (*refused)(void *ctx, const char *why);
};

/* BL_ERR_CONFIG: the file or the environment is wrong; it has been logged why. */
BL_CHECKED enum bl_err serve_keys_new(const struct serve_keys_options *options, struct serve_keys **out);
/* After the link is closed and the server is gone. NULL is fine. */
void serve_keys_free(struct serve_keys *k);
/* Before listen and before other guards. audit: where logins are written down. */
BL_CHECKED enum bl_err serve_keys_guard(struct serve_keys *k, struct bl_server *server,
                                        struct bl_audit_port audit);
/* As soon as the link is up, and twice a second. */
void serve_keys_poll(struct serve_keys *k, struct bl_link *link);
/* Appends its counters to the n that are there; how many there are then. */
size_t serve_keys_counters(const struct serve_keys *k, struct bl_counter out[BL_PROCESS_COUNTERS_MAX],
                           size_t n);

#endif
