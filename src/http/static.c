/* The web side: dashboard, demo shop, tracker, the API's description. Every file is in the program, in up to three
 * codings made at build time (cmake/web.cmake); an answer picks one and compresses nothing.
 *
 * Only paths that stand in the table are served, byte for byte as they are written there: there is no directory to
 * climb out of. `/demo/...` is the one place where an unknown path is a page: the shop has addresses of its own, which
 * its script reads. A name with a dot in it is a file, and an unknown one is 404.
 *
 * Whatever has a hash in its name may be kept for ever; pages are asked for each time (ETag); the tracker, whose
 * address is written into other people's pages, for five minutes. */
#include "route.h"

#include "bl/http/calls.h"
#include "coding.h"

#include <string.h>

#define FOR_EVER    "public, max-age=31536000, immutable"
#define EACH_TIME   "no-cache"
#define FOR_A_WHILE "public, max-age=300"

/* Nothing inline, nothing from elsewhere; styles set by script go through the CSSOM, which this allows. */
#define POLICY                                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "    \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

static const char no_web[] =
    "This behaviorlens was built without its web side (BL_WEB=OFF).\n\n"
    "To have the dashboard here, build it with: cmake -DBL_WEB=ON (it needs npm: deploy/install build).\n"
    "The API is there all the same: /api/patterns, /api/metrics, /openapi.json.\n";

static const struct {
    const char *suffix, *type;
} types[] = {{".html", "text/html; charset=utf-8"},
             {".js", "text/javascript; charset=utf-8"},
             {".css", "text/css; charset=utf-8"},
             {".json", "application/json; charset=utf-8"},
             {".map", "application/json; charset=utf-8"},
             {".svg", "image/svg+xml"},
             {".png", "image/png"},
             {".webp", "image/webp"},
             {".ico", "image/x-icon"},
             {".woff2", "font/woff2"},
             {".txt", "text/plain; charset=utf-8"}};

struct header {
    const char *name, *value;
};

static const struct header of_pages[] = {
    {"content-security-policy", POLICY},
    {"permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    {"cross-origin-opener-policy", "same-origin"},
    {"x-frame-options", "DENY"},
    {NULL, NULL}};
static const struct header of_tracker[] = {{"cross-origin-resource-policy", "cross-origin"}, {NULL, NULL}};

static bool ends_with(struct bl_str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

static void add_headers(struct bl_request *r, const struct header *h)
{
    for (; h->name; h++)
        bl_answer_header(r, h->name, bl_str_of(h->value));
}

static const char *type_of(struct bl_str path)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (ends_with(path, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

static const struct bl_web_file *find(struct bl_str path)
{
    for (size_t i = 0; i < bl_web_files_n; i++)
        if (bl_str_eqz(path, bl_web_files[i].path))
            return &bl_web_files[i];
    return NULL;
}

static void send_file(struct bl_request *r, const struct bl_web_file *f, const char *cache)
{
    struct bl_str path = bl_str_of(f->path);
    enum bl_coding coding = bl_coding_choose(bl_request_header(r, "accept-encoding"), f);
    const char *name = bl_coding_name(coding);
    bool varies = f->bytes[BL_CODING_GZIP].p || f->bytes[BL_CODING_BROTLI].p;
    if (ends_with(path, ".html"))
        add_headers(r, of_pages);
    if (bl_str_eqz(path, "/tracker.js"))
        add_headers(r, of_tracker);
    if (varies)
        bl_answer_header(r, "vary", BL_STR("accept-encoding"));
    bl_answer_header(r, "etag", bl_str_of(f->etag));
    if (bl_etag_known(r, bl_str_of(f->etag))) {
        bl_answer_bytes(r, 304, NULL, (struct bl_str){0}, cache);
        return;
    }
    if (name)
        bl_answer_header(r, "content-encoding", bl_str_of(name));
    bl_answer_bytes(r, 200, type_of(path), (struct bl_str){f->bytes[coding].p, f->bytes[coding].n}, cache);
}

/* `page`: what belongs at this address if there is a web side at all. */
static void send_page(struct bl_request *r, const char *page)
{
    const struct bl_web_file *f = find(bl_str_of(page));
    if (f) {
        send_file(r, f, EACH_TIME);
        return;
    }
    bl_answer_bytes(r, 200, "text/plain; charset=utf-8", bl_str_of(no_web), EACH_TIME);
}

static void send_known(struct bl_request *r, struct bl_str path, const char *cache)
{
    const struct bl_web_file *f = find(path);
    if (f)
        send_file(r, f, cache);
    else
        bl_answer_error(r, BL_ERR_NOT_FOUND, NULL, NULL);
}

static void get_dashboard(struct bl_request *r, void *ctx)
{
    (void)ctx;
    send_page(r, "/index.html");
}

static void get_demo(struct bl_request *r, void *ctx)
{
    (void)ctx;
    send_page(r, "/demo/index.html");
}

/* Of the last segment. */
static bool is_file_name(struct bl_str path)
{
    const char *slash = memrchr(path.p, '/', path.n), *from = slash ? slash : path.p;
    return memchr(from, '.', path.n - (size_t)(from - path.p)) != NULL;
}

static void get_below_demo(struct bl_request *r, void *ctx)
{
    struct bl_str path = bl_request_path(r);
    bool hashed = bl_str_starts(path, BL_STR("/demo/assets/"));
    if (hashed || is_file_name(path))
        send_known(r, path, hashed ? FOR_EVER : EACH_TIME);
    else
        get_demo(r, ctx);
}

static void get_hashed(struct bl_request *r, void *ctx)
{
    (void)ctx;
    send_known(r, bl_request_path(r), FOR_EVER);
}

static void get_tracker(struct bl_request *r, void *ctx)
{
    (void)ctx;
    send_known(r, BL_STR("/tracker.js"), FOR_A_WHILE);
}

static void get_openapi(struct bl_request *r, void *ctx)
{
    (void)ctx;
    send_known(r, BL_STR("/openapi.json"), EACH_TIME);
}

static void get_icon(struct bl_request *r, void *ctx)
{
    (void)ctx;
    send_known(r, BL_STR("/favicon.svg"), FOR_A_WHILE);
}

static const struct bl_route routes[] = {
    {"GET", "/", get_dashboard, BL_ACCESS_OPEN},
    {"GET", "/dashboard", get_dashboard, BL_ACCESS_OPEN},
    {"GET", "/assets/{file}", get_hashed, BL_ACCESS_OPEN},
    {"GET", "/demo", get_demo, BL_ACCESS_OPEN},
    {"GET", "/demo/", get_demo, BL_ACCESS_OPEN},
    {"GET", "/demo/{page}", get_below_demo, BL_ACCESS_OPEN},
    {"GET", "/demo/{page}/{page}", get_below_demo, BL_ACCESS_OPEN},
    {"GET", "/demo/{page}/{page}/{page}", get_below_demo, BL_ACCESS_OPEN},
    {"GET", "/tracker.js", get_tracker, BL_ACCESS_OPEN},
    {"GET", "/openapi.json", get_openapi, BL_ACCESS_OPEN},
    {"GET", "/favicon.svg", get_icon, BL_ACCESS_OPEN},
    {"GET", "/favicon.ico", get_icon, BL_ACCESS_OPEN},
};

enum bl_err bl_http_static(struct bl_server *s)
{
    return bl_server_add(s, routes, sizeof routes / sizeof routes[0], NULL);
}
