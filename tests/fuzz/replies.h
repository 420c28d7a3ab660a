/* Private to fuzz_replies: a link that answers from the bytes at hand, and who asks it. */
#ifndef BL_TESTS_FUZZ_REPLIES_H
#define BL_TESTS_FUZZ_REPLIES_H

#include "bl/base/str.h"
#include "bl/store/link.h"

#include <uv.h>

/* replies_link.c */
void fake_begin(const uint8_t *data, size_t size);
/* Nothing is said from here on. */
void fake_end(void);
bool fake_has_more(void);
/* The next command has its reply, or NULL; false: nobody waits. */
bool fake_answer(void);
uv_loop_t *fake_loop(void);
/* The clock that the store sees moves, and the loop is turned once. */
void fake_time_passes(int64_t ms);
struct bl_link *fake_link(void);
void fake_link_close(struct bl_link *link);
/* Until that is so. */
void fake_close_all(const bool *closed);
void fake_clear(void);

/* replies_flows.c */
void lead_alerts(void);
void append_some(void);
void follow_erasures(void);
void write_audit(void);
void read_tape(void);
void see_rules(void);
void collect(void);

#endif
