/* Flows whose memory fails (main.c): what they share. A flow is a session from nothing to nothing. What it finds on its way
 * it tells by came(), each step under a number of its own; without memory a step fails and says so, or comes out as ever. */
#ifndef BL_TEST_FLOWS_H
#define BL_TEST_FLOWS_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flow {
    const char *name;
    void (*run)(void);
};

#define STEPS_MAX 256
#define SAID_MAX  ((size_t)512 * 1024)

/* What a step says of itself, anew after each came(); needs no memory. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_str(struct bl_str s);
void say_nothing(void); /* what was said of this step is taken back */
/* The end of step `step`, with what was said. false: it had no memory (BL_ERR_NO_MEMORY), which is fine if it was so; once
 * there is memory again the step may not fail a second time. Anything else must be as in the run that lacked nothing. */
bool came(int step, enum bl_err err);
/* Between these the test itself gets its memory. */
bool full_begin(void);
void full_end(bool was);
_Noreturn void flow_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define FLOW_CHECK(x) ((x) ? (void)0 : flow_broken("%s:%d: %s", __FILE__, __LINE__, #x))

/* A step that is tried again for want of memory: `for (TRIES) if (came(…)) break;` */
#define TRIES                                                                                                \
    int try_ = 0;                                                                                            \
    try_ < 3;                                                                                                \
    try_++

extern const struct flow decode_flows[], ask_flows[], run_flows[];

#endif
