/* How a token gets here (SPEC 6): `Authorization: Bearer TOKEN`, Basic with the token as user, `?key=TOKEN`, or the cookie
 * of who has logged in. */
#ifndef BL_HTTP_CREDENTIALS_H
#define BL_HTTP_CREDENTIALS_H

#include "route.h"

#include "bl/base/limits.h"

struct bl_credentials {
    struct bl_str token; /* empty: none, or none that could be read */
    bool by_cookie;      /* the browser sent it by itself: whoever made it ask need not be the person */
    char room[BL_TOKEN_MAX_BYTES + 4];
};

/* What is said outright (a header, the query) goes before the cookie. false: said more than once, and nobody should have to
 * guess which is meant. Only before the handler returns; out->token may point into the request or out->room. */
BL_CHECKED bool bl_credentials_read(const struct bl_request *r, const char *cookie,
                                    struct bl_credentials *out);

/* Was it sent by a page of this very host? By the browser's own word (Sec-Fetch-Site) if there is one, else by Origin. */
bool bl_request_same_origin(const struct bl_request *r);
/* Neither of them is there: no browser, or one that is asked nothing dangerous. */
bool bl_request_says_no_origin(const struct bl_request *r);
/* Did it come encrypted, here or to a proxy before us? */
bool bl_request_encrypted(const struct bl_request *r);
/* GET and HEAD change nothing. */
bool bl_request_changes(const struct bl_request *r);
bool bl_request_deletes(const struct bl_request *r);

#endif
