/* Any bytes as a model's answer, as its text, and as the evidence of a question. What is kept of an answer is short,
 * clean UTF-8; a question is valid JSON or none. */
#include "fuzz.h"

#include "bl/base/limits.h"
#include "bl/wire/command.h"
#include "bl/wire/message.h"

static void check_clean(struct bl_str s)
{
    FUZZ_CHECK(s.n <= BL_MESSAGE_TEXT_MAX_BYTES && s.n <= BL_EXPLAIN_MAX_BYTES);
    FUZZ_CHECK(bl_str_utf8(s) && !bl_str_has_control(s));
    FUZZ_CHECK(!s.n || !memchr(s.p, '<', s.n));
    FUZZ_CHECK(!s.n || (s.p[0] != ' ' && s.p[s.n - 1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_str s = {(const char *)data, size};
    struct bl_buf out;
    bl_buf_init(&out, 0);
    if (bl_message_read(s, &out) == BL_OK)
        FUZZ_CHECK(out.n > 0);
    check_clean(bl_buf_view(&out));
    bl_buf_clear(&out);
    if (bl_str_utf8(s))
        bl_message_clean(s, &out);
    check_clean(bl_buf_view(&out));
    bl_buf_clear(&out);
    const struct bl_message_pattern p = {.type = BL_STR("rage-click"),
                                         .severity = BL_STR("high"),
                                         .page = s,
                                         .explanation = BL_STR("User clicked x 4 times."),
                                         .evidence = s};
    if (bl_message_write(&p, BL_STR("m"), &out) == BL_OK)
        FUZZ_CHECK(bl_str_utf8(bl_buf_view(&out)) &&
                   bl_message_read(bl_buf_view(&out), &(struct bl_buf){0}) == BL_ERR_CORRUPT);
    bl_buf_release(&out);
    return 0;
}
