#include "signals.h"

#include "bl/base/log.h"

#include <signal.h>

static const int numbers[2] = {SIGTERM, SIGINT};

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *s = handle->data;
    bl_log(BL_LOG_INFO, "stopping", BL_LOG_INT("signal", number));
    s->stop(s->ctx);
}

void signals_open(struct signals *s, uv_loop_t *loop, void (*stop)(void *ctx), void *ctx)
{
    s->stop = stop;
    s->ctx = ctx;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &s->handle[i]);
        s->handle[i].data = s;
        uv_signal_start(&s->handle[i], on_signal, numbers[i]);
    }
}

void signals_close(struct signals *s)
{
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&s->handle[i], NULL);
}
