/* The audit trail of a serve process: what is asked before anything audited happens, and what looks after the trail. */
#ifndef BL_MAIN_SERVE_AUDIT_H
#define BL_MAIN_SERVE_AUDIT_H

#include "bl/app/query.h"
#include "bl/config/settings.h"
#include "bl/store/audit.h"
#include "bl/store/process.h"

struct serve_audit;

/* config and link are borrowed; the link must be closed before free. */
BL_CHECKED enum bl_err serve_audit_new(const struct bl_config *config, struct bl_link *link,
                                       struct serve_audit **out);
/* NULL is fine. */
void serve_audit_free(struct serve_audit *a);
struct bl_audit_port serve_audit_port(struct serve_audit *a);
/* What these change is audited. */
void serve_audit_queries(struct serve_audit *a, struct bl_queries *q);
/* Once the data set is open, now and then: what is too old goes, the head is logged when it has moved. */
void serve_audit_tick(struct serve_audit *a, int64_t now_ms);
/* Appends to out, which holds n; how many it holds then. */
size_t serve_audit_counters(const struct serve_audit *a, struct bl_counter out[BL_PROCESS_COUNTERS_MAX],
                            size_t n);

#endif
