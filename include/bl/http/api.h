/* The reading side of the API (SPEC 6): one file per group of calls, all on the queries of app/query.h. */
#ifndef BL_HTTP_API_H
#define BL_HTTP_API_H

#include "bl/app/query.h"
#include "bl/http/server.h"

/* Adds the routes. `q` must outlive the server. */
BL_CHECKED enum bl_err bl_http_api(struct bl_server *s, struct bl_queries *q);

#endif
