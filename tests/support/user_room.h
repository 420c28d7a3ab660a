/* Room for a user of a test: every list to its bound, few names. It fits a block of BL_TEST_USER_BYTES. */
#ifndef BL_TEST_USER_ROOM_H
#define BL_TEST_USER_ROOM_H

#include "bl/core/user.h"

#define BL_TEST_USER_BYTES 32768

static const struct bl_room bl_test_room = {.visits = BL_VISITS_MAX,
                                            .window = BL_WINDOW_KEEP,
                                            .open = BL_OPEN_MAX,
                                            .marks = BL_MARKS_MAX,
                                            .names = 64,
                                            .text = 4096};

#endif
