/* SIGTERM and SIGINT of a process on a loop: the first one is logged and asks for the end. Until signals_close a
 * second one does nothing but ask again; after it a signal does what it does by default. */
#ifndef BL_MAIN_SIGNALS_H
#define BL_MAIN_SIGNALS_H

#include <uv.h>

struct signals {
    uv_signal_t handle[2];
    void (*stop)(void *ctx);
    void *ctx;
};

void signals_open(struct signals *s, uv_loop_t *loop, void (*stop)(void *ctx), void *ctx);
void signals_close(struct signals *s);

#endif
