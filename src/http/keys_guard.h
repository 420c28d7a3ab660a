/* What the files about keys share. */
#ifndef BL_HTTP_KEYS_GUARD_H
#define BL_HTTP_KEYS_GUARD_H

#include "route.h"

#include "bl/http/access.h"

/* Answers with the error, and counts it. why: NULL: the error's own words. */
void bl_keys_refuse(struct bl_http_access *a, struct bl_request *r, enum bl_err err, const char *why);
/* login_calls.c */
BL_CHECKED enum bl_err bl_http_login(struct bl_server *s, struct bl_http_access *a);

#endif
