/* Where there is no memory and no honest way on: a promise to call back, or to send all of a whole, needs memory to be
 * kept. Everywhere else want of memory is BL_ERR_NO_MEMORY, and only what was asked for fails. */
#ifndef BL_BASE_MEMORY_H
#define BL_BASE_MEMORY_H

#define BL_EXIT_NO_MEMORY 71 /* EX_OSERR */

/* Says so in the log and ends the process, at once: what is stored stays right, whoever takes over goes on from there. */
_Noreturn void bl_out_of_memory(void);

#endif
