/* What writing and reading a stored state share (state_write.c, state_read.c).
 *
 *   page, session   plain text
 *   head            {"seen":T,"floor":±,"due":±,"began":±,"page":±,"anchor":±,"events":N,"moments":N,
 *                    "session":1,"hidden":1,"level":L,"friction":F}
 *                   times are ms after (or before) "seen"; no "due": no deadline; of the rest what is 0 or
 *                   false is left out
 *   visits          [T,["/a"],"view",0,["/b"],"nav",1200,[0],"view+",900]
 *                   T: time of the first; then for each visit its kind ('+': its twin has come) and the ms since
 *                   the one before. A list sets the page from here on: a text, or the number of an earlier text
 *                   of this field, from 0
 *   w0…             [N,T,["/a"],"click",0,"scroll",350]: a chunk of the window; N: the number of its first moment
 *                   among all of the user; actions and ms since the one before, pages as in visits. The field's
 *                   number is N / BL_WINDOW_CHUNK modulo BL_STATE_CHUNKS
 *   open            [["abandonment","exit","high",page,element,other,±detected,±due,n,past],…]
 *   marks           [["hesitation",kind,page,element,±t,±until,±due,n,session],…]; with a place: …,session,x,y]
 *                   page, element and other are a text, the number of an earlier text, or null. The first time is
 *                   absolute, those of further entries count from the entry before; due and until count from the
 *                   entry's own time, null: never. A variant is null where the rule has none
 *
 * An entry whose rule, variant or action has no such name any more is dropped: text may be older than the
 * program. */
#ifndef BL_WIRE_STATE_FIELDS_H
#define BL_WIRE_STATE_FIELDS_H

#include "bl/wire/state.h"

enum bl_state_slot {
    BL_STATE_PAGE,
    BL_STATE_SESSION,
    BL_STATE_HEAD,
    BL_STATE_VISITS,
    BL_STATE_OPEN,
    BL_STATE_MARKS,
    BL_STATE_CHUNK0
};

extern const char *const bl_state_names[BL_STATE_FIELDS_MAX];

#endif
