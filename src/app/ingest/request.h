/* The request at hand, private to ingest/ingest.c and ingest/events.c. */
#ifndef BL_APP_INGEST_REQUEST_H
#define BL_APP_INGEST_REQUEST_H

#include "bl/app/ingest.h"
#include "bl/base/limits.h"
#include "ingest/group.h"
#include "ingest/uuid.h"

struct flight;

struct staged {
    int partition;
    size_t at, n; /* in lines */
};

struct bl_ingest {
    struct bl_ingest_port port;
    struct bl_ingest_options options;
    struct bl_decoder *decoder;
    struct bl_uuid_source uuids;
    struct bl_group group;
    struct flight *open; /* the requests of the open group; NULL: none */
    size_t in_flight;
    struct bl_ingest_counts counts;
    bool deaf; /* nobody may wish that nothing be kept */
    /* the request at hand */
    struct bl_buf lines, errors, json;
    size_t room[BL_PARTITIONS_MAX]; /* make_room's; all 0 otherwise */
    struct staged *staged;
    size_t staged_n, received, rejected, limited;
    bool pass;          /* nothing of it is to be kept */
    bool no_memory;     /* for one of its events: then none is taken, so that the client repeats them all */
    int64_t wait_ms;    /* the longest of those over their limit */
    enum bl_err denied; /* why its events cannot be stored now */
    bool admitted[BL_PARTITIONS_MAX]; /* whose partition was asked about and has room */
    char event_id[BL_EVENT_ID_MAX_BYTES + 1];
    struct bl_problem problem; /* the first one */
};

/* bl_decode_fn: stages a good event, or says what is wrong with it. ctx: the bl_ingest. */
void ingest_event(void *ctx, size_t index, const struct bl_record *record, const struct bl_problem *problem,
                  struct bl_str raw);
/* The same of a body of which nothing is to be kept. */
void ingest_passed(void *ctx, size_t index, const struct bl_record *record, const struct bl_problem *problem,
                   struct bl_str raw);
/* Counts what is refused, and hands it to who keeps it. */
void ingest_refuse(struct bl_ingest *i, const struct bl_problem *problem, struct bl_str raw);
/* For Retry-After: at least 1. */
int ingest_seconds(int64_t ms);

#endif
