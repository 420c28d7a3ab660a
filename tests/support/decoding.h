/* Bodies through the decoder, for tests: what became of each event. Every accepted event's line is read back
 * as a worker would read it, and must give the same record. */
#ifndef BL_TEST_DECODING_H
#define BL_TEST_DECODING_H

#include "bl/base/limits.h"
#include "bl/wire/decode.h"

#define MADE "01890a5d-ac96-774b-bcce-b302099a8057" /* the id that is made where the client sent none */
#define U    "\"user_id\":\"u\",\"action\":\"click\",\"page\":\"/p\",\"event_id\":\"e\""
#define E    "{" U "}"
#define LINE "{" U /* the beginning of that event's line */

/* What the callback was given. */
struct outcome {
    size_t calls, accepted;
    enum bl_err err[8];
    char field[8][64];
    char message[8][1024];
    char line[8][BL_EVENT_MAX_BYTES];
    char raw[8][256];
    struct bl_record record; /* the last one; its slices are dead */
    char target[64], form[64];
};

extern struct outcome got;
extern struct bl_decode_options options;
extern struct bl_problem body_problem;
extern struct bl_decoder *worker;

enum bl_err decode(enum bl_body_kind kind, struct bl_str body);
/* One event; the error of the event or of the body. */
enum bl_err one(struct bl_str body);

int decoding_set_up(void **state);
int decoding_tear_down(void **state);

#endif
