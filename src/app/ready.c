/* The reasons are a table: a condition each, looked at in order. */
#include "bl/app/ready.h"

/* Ids follow the store's clock closely; a lead this long is no delay of a network. */
#define CLOCK_AHEAD_MS 5000

static bool store_down(const struct bl_ready *r)
{
    return !r->store_up && !r->store_loading;
}
static bool store_loading(const struct bl_ready *r)
{
    return !r->store_up && r->store_loading;
}
static bool dataset_refused(const struct bl_ready *r)
{
    return r->store_up && r->refused;
}
static bool starting(const struct bl_ready *r)
{
    return r->store_up && !r->refused && (!r->dataset_open || !r->seen);
}
static bool no_worker(const struct bl_ready *r)
{
    return r->store_up && r->seen && !r->worker_live;
}
static bool unowned(const struct bl_ready *r)
{
    return r->store_up && r->seen && r->worker_live && r->n_unowned > 0;
}
static bool backlog(const struct bl_ready *r)
{
    return r->store_up && r->seen && r->backlog_partitions > 0;
}
static bool memory(const struct bl_ready *r)
{
    return r->store_up && r->seen && r->memory_full;
}
static bool disk(const struct bl_ready *r)
{
    return r->store_up && r->seen && r->disk_failed;
}
static bool clock_ahead(const struct bl_ready *r)
{
    return r->store_up && r->seen && r->clock_ahead_ms > CLOCK_AHEAD_MS;
}
static bool cut_off(const struct bl_ready *r)
{
    return r->store_up && r->seen && r->group_cut_off;
}

static void say_refused(const struct bl_ready *r, struct bl_buf *out)
{
    bl_buf_z(out, r->refused);
}
static void say_unowned(const struct bl_ready *r, struct bl_buf *out)
{
    for (int i = 0; i < r->n_unowned; i++)
        bl_buf_printf(out, "%s%d", i ? ", " : "", r->unowned[i]);
}

static const struct {
    bool (*holds)(const struct bl_ready *r);
    const char *code, *message;
    void (*say)(const struct bl_ready *r, struct bl_buf *out); /* what else there is to say; NULL: nothing */
} reasons[] = {
    {store_down, "redis_down", "Redis cannot be reached; events are answered 503 until it is back.", NULL},
    {store_loading, "redis_loading", "Redis is loading its files; events are answered 503 until it is done.",
     NULL},
    {dataset_refused, "dataset_refused", "", say_refused},
    {starting, "starting", "The data set has not been read yet.", NULL},
    {no_worker, "no_worker",
     "No worker is alive: events are stored, but nothing is detected. Start `worker`.", NULL},
    {unowned, "partition_unowned",
     "Events are stored, but no worker takes on these partitions: ", say_unowned},
    {backlog, "backlog_full",
     "Workers lag behind by more than backlog-max or backlog-max-bytes: start more of them.", NULL},
    {memory, "maxmemory",
     "Redis has less than memory-headroom left of its maxmemory and takes no events: give it more.", NULL},
    {disk, "store_disk",
     "Redis cannot write its append-only file (is its disk full? its log says why) and takes no events until "
     "it can.",
     NULL},
    {clock_ahead, "clock_ahead",
     "The newest stream id is ahead of Redis' clock, which has jumped; time stands still until it is "
     "reached.",
     NULL},
    {cut_off, "group_cut_off", "A consumer group lost entries that were trimmed before it read them.", NULL},
};

bool bl_ready_json(const struct bl_ready *r, struct bl_buf *out)
{
    struct bl_buf list, text;
    bl_buf_init(&list, 16 * 1024);
    bl_buf_init(&text, 4 * 1024);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (!reasons[i].holds(r))
            continue;
        bl_buf_z(&list, list.n ? ",{\"code\":\"" : "{\"code\":\"");
        bl_buf_z(&list, reasons[i].code);
        bl_buf_z(&list, "\",\"message\":");
        bl_buf_clear(&text);
        bl_buf_z(&text, reasons[i].message);
        if (reasons[i].say)
            reasons[i].say(r, &text);
        bl_buf_json(&list, bl_buf_view(&text));
        bl_buf_char(&list, '}');
    }
    bool ready = list.n == 0;
    bl_buf_printf(out, "{\"status\":\"%s\",\"reasons\":[", ready ? "ready" : "not_ready");
    bl_buf_str(out, bl_buf_view(&list));
    bl_buf_printf(out, "],\"partitions\":%d,\"lag_max\":%lld}", r->partitions, (long long)r->lag_max);
    bl_buf_release(&list);
    bl_buf_release(&text);
    return ready;
}
