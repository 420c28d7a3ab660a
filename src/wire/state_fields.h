/* What writing and reading a stored state share (state_write.c, state_read.c). Fields of the hash:
 *
 *   names    ["/","/cart","#buy"]   a JSON list of all texts; elsewhere each is told by its place, from 1; 0: none
 *   head     SEEN tag… ;MARK…       the state but for its lists, and the marks
 *   visits   T 1v 2n1200 1V900      T: time of the first; then for each visit the page, its kind (v: view, n: navigation;
 *                                   capital: its twin has come) and the ms since the one before, if any
 *   w0…      N T 1vi cl350 2na40    a chunk of the window. N: the number of its first moment among all of the user; T: its
 *                                   time; then for each the page, where it is another than the one before, the action's
 *                                   code, and the ms since the one before. The field's number is N / BL_WINDOW_CHUNK
 *                                   modulo BL_STATE_CHUNKS
 *   open     RULE.VARIANT SEVERITY tag…;…   open patterns
 *
 * A tag is a letter with a number behind it (upper case: without one). Tags stand in the order of these lists, each at
 * most once; what is 0, or never, is left out.
 *
 *   head     times count from SEEN: f floor, d due, b session began, o on the page since, a anchor; e events in the
 *            session, m moments ever, p page, i session id, S in a session, H tab hidden, l level, r friction
 *   a mark   ;RULE.KIND p page, e element, t its time from SEEN, u until and d due from its time, n number, S of the
 *            session, x y place
 *   open     p page, e element, o other page, t its time, d due from there, n number, P of an earlier session
 *
 * An entry whose rule or variant has no such name any more is dropped, an action without a code is `custom`: text may be
 * older or newer than the program. */
#ifndef BL_WIRE_STATE_FIELDS_H
#define BL_WIRE_STATE_FIELDS_H

#include "bl/wire/state.h"

enum bl_state_slot { BL_STATE_HEAD, BL_STATE_NAMES, BL_STATE_VISITS, BL_STATE_OPEN, BL_STATE_CHUNK0 };

extern const char *const bl_state_names[BL_STATE_FIELDS_MAX];
/* By action: two lower-case letters. */
extern const char bl_state_codes[BL_ACTION_COUNT][3];

/* Tells texts of one user apart; 0: there is none. */
uint64_t bl_state_text_hash(struct bl_str text);
/* What the store holds of the window and the names once all of u is there. */
void bl_state_note(const struct bl_user *u, struct bl_state_stored *stored);

#define BL_STATE_TIME_MAX_MS (2 * BL_TIMESTAMP_MAX_MS)
#define BL_STATE_ELEMENT_MAX BL_METADATA_MAX_BYTES
#define BL_STATE_PAGE_MAX    (BL_PAGE_MAX_BYTES + 1) /* a missing first '/' was added to what had the limit */

/* The form of data sets of version 1 (state_old.c), told by the first letter of its head. */
struct bl_json_parser;
bool bl_state_is_old(const struct bl_state_pair *pairs, size_t n);
enum bl_err bl_state_old_decode(struct bl_json_parser *parser, struct bl_user *u,
                                const struct bl_state_pair *pairs, size_t n);

#endif
