/* For memory that is given out in pieces: the address sanitizer is told which bytes are nobody's. Without it, nothing. */
#ifndef BL_BASE_POISON_H
#define BL_BASE_POISON_H

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define BL_POISON_GAP 8 /* bytes to leave between pieces, so that who goes too far is caught */
#else
#define ASAN_POISON_MEMORY_REGION(at, n)   ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define BL_POISON_GAP                      0
#endif

#endif
