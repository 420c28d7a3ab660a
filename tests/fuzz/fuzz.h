/* A fuzz target: built with libFuzzer (preset fuzz) and, in every preset, with smoke.c. A target checks
 * properties with FUZZ_CHECK, which holds in release builds too. */
#ifndef BL_TESTS_FUZZ_H
#define BL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
