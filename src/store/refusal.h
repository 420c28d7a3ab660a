/* What an operator can do about an error that Redis answered. */
#ifndef BL_STORE_REFUSAL_H
#define BL_STORE_REFUSAL_H

/* To be put behind the error's own words; "" if there is nothing to add. Static. */
const char *bl_refusal_advice(const char *error);

#endif
