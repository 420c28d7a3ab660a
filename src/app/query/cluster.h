/* Leases, views and processes, as /api/partitions, /api/workers and /metrics read them. */
#ifndef APP_QUERY_CLUSTER_H
#define APP_QUERY_CLUSTER_H

#include "query/job.h"

/* The worker named in a lease; empty: nobody. */
struct bl_str lease_owner(const struct bl_read_reply *lease);
int64_t fence_epoch(const struct bl_read_reply *fence);
/* Entries that are not committed. */
int64_t view_lag(const struct bl_read_reply *view);

/* Takes the list of processes into the job's state, in order of id, and asks for each. False: the job failed.
 */
bool cluster_ask_processes(struct job *j, const struct bl_read_reply *list);
size_t cluster_processes(const struct job *j);
struct bl_str cluster_process(const struct job *j, size_t i);

#endif
