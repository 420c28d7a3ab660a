/* Whether a serve process can do its work, and if not, why: the answer of GET /ready. */
#ifndef BL_APP_READY_H
#define BL_APP_READY_H

#include "bl/base/buf.h"
#include "bl/base/limits.h"

/* Facts about the store as last seen. */
struct bl_ready {
    bool store_up, store_loading, dataset_open,
        seen;            /* seen: the figures below have been read at least once */
    const char *refused; /* why the data set was refused; NULL: it was not */
    bool worker_live;
    bool memory_full;
    bool disk_failed;       /* its append-only file could not be written */
    int64_t clock_ahead_ms; /* last stream id ahead of the store's clock */
    int partitions;
    int backlog_partitions; /* over backlog-max or stream-max */
    bool group_cut_off;     /* a consumer group lost entries to trimming */
    int64_t lag_max;        /* entries */
    int n_unowned;          /* partitions that no worker has, … */
    int unowned[BL_PARTITIONS_MAX];
};

/* Appends {"status":"ready|not_ready","reasons":[{"code":…,"message":…}],"partitions":P,"lag_max":N}; true:
 * ready. */
bool bl_ready_json(const struct bl_ready *r, struct bl_buf *out);

#endif
