/* Any bytes as the head of a request, and as a body in chunks; the first byte says where they are cut in two.
 *
 * Properties: in two pieces it is the same as in one; a head that is taken ends in an empty line, holds no control
 * characters and frames its body in one way; a body is never longer than what it came in. */
#include "fuzz.h"

#include "bl/base/str.h"
#include "head.h"

#define LINES_MAX BL_HEAD_MAX_HEADERS

static bool inside(struct bl_str part, struct bl_str all)
{
    return part.p >= all.p && part.p + part.n <= all.p + all.n;
}

static void check_line(const struct bl_head_line *l, struct bl_str head, size_t framing[2])
{
    FUZZ_CHECK(inside(l->name, head) && inside(l->value, head) && l->name.n > 0);
    for (size_t i = 0; i < l->value.n; i++)
        FUZZ_CHECK(l->value.p[i] == '\t' || ((unsigned char)l->value.p[i] >= ' ' && l->value.p[i] != 127));
    framing[0] +=
        bl_str_ieq(l->name, BL_STR("content-length")) || bl_str_ieq(l->name, BL_STR("transfer-encoding"));
    framing[1] += bl_str_ieq(l->name, BL_STR("host"));
}

static void check_whole(const struct bl_head *h, const struct bl_head_line *lines, struct bl_str in)
{
    struct bl_str head = {in.p, h->bytes};
    size_t framing[2] = {0};
    FUZZ_CHECK(h->bytes <= in.n && h->bytes <= BL_HEAD_MAX_BYTES && h->lines_n <= LINES_MAX);
    FUZZ_CHECK(h->bytes >= 4 && memcmp(in.p + h->bytes - 4, "\r\n\r\n", 4) == 0);
    FUZZ_CHECK(inside(h->method, head) && inside(h->target, head) && h->target.n > 0);
    for (size_t i = 0; i < h->lines_n; i++)
        check_line(&lines[i], head, framing);
    FUZZ_CHECK(framing[0] <= 1 && framing[1] <= 1 && (framing[1] == 1 || h->minor == 0));
}

static void head(struct bl_str in, size_t cut)
{
    static struct bl_head_line lines[LINES_MAX], again[LINES_MAX];
    struct bl_head whole, part;
    enum bl_head_state state = bl_head_read(in, 0, &whole, lines, LINES_MAX);
    FUZZ_CHECK((state == BL_HEAD_BAD) == (whole.fault != BL_HEAD_OK) || state == BL_HEAD_PART);
    if (state == BL_HEAD_WHOLE)
        check_whole(&whole, lines, in);
    if (state == BL_HEAD_BAD)
        FUZZ_CHECK(bl_err_http(bl_head_fault_err(whole.fault)) / 100 == 4 &&
                   bl_head_fault_text(whole.fault)[0]);
    enum bl_head_state first = bl_head_read((struct bl_str){in.p, cut}, 0, &part, again, LINES_MAX);
    if (first == BL_HEAD_PART)
        first = bl_head_read(in, cut, &part, again, LINES_MAX);
    /* what comes in pieces may be waited for where at once it would be seen to be bad */
    FUZZ_CHECK(first == state || (first == BL_HEAD_PART && state == BL_HEAD_BAD));
    FUZZ_CHECK(first != state ||
               (part.fault == whole.fault && (state != BL_HEAD_WHOLE || part.bytes == whole.bytes)));
}

static void chunks(struct bl_str in, size_t cut)
{
    char *once = malloc(in.n + 1), *twice = malloc(in.n + 1);
    struct bl_chunks a = {0}, b = {0};
    size_t n = in.n, k = cut, rest;
    FUZZ_CHECK(once && twice);
    memcpy(once, in.p, in.n);
    memcpy(twice, in.p, in.n);
    ptrdiff_t all = bl_chunks_read(&a, once, &n), two = bl_chunks_read(&b, twice, &k);
    FUZZ_CHECK(n <= in.n && k <= cut && all >= BL_CHUNKS_MORE && all <= (ptrdiff_t)in.n);
    if (two == BL_CHUNKS_MORE) { /* as h2o does: what comes next lies right behind what there is */
        memcpy(twice + k, in.p + cut, in.n - cut);
        rest = in.n - cut;
        two = bl_chunks_read(&b, twice + k, &rest);
        k += rest;
        FUZZ_CHECK(two == all);
    } else if (two >= 0) {
        FUZZ_CHECK(all == two + (ptrdiff_t)(in.n - cut));
    } else {
        FUZZ_CHECK(all == BL_CHUNKS_BAD);
    }
    FUZZ_CHECK(n == k && memcmp(once, twice, n) == 0);
    free(once);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bl_str in = {(const char *)data + 1, size - 1};
    size_t cut = in.n ? (data[0] < 128 ? data[0] : in.n - (data[0] & 127) % (in.n + 1)) % (in.n + 1) : 0;
    head(in, cut);
    chunks(in, cut);
    return 0;
}
