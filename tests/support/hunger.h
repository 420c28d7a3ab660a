/* Memory that is not there, inside a process: programs linked with HUNGER_OPTIONS (tests/CMakeLists.txt) ask here before each
 * allocation of the code that is linked into them. What shared libraries ask for themselves is not seen. */
#ifndef BL_TEST_HUNGER_H
#define BL_TEST_HUNGER_H

#include <stdbool.h>
#include <stddef.h>

/* Asked for each allocation; true: there is no memory for it. NULL: there is always some. */
extern bool (*hunger_fails)(void);

/* The same for what goes past the linker: C++ (operator new), and libraries that let one choose. */
void *hunger_malloc(size_t n);
void hunger_free(void *p);

#endif
