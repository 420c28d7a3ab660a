/* What writing and reading a stored state share (state_write.c, state_changes.c, state_read.c). There may be millions of
 * users, and a byte here is one in memory, on the wire and in the append-only file; so names are short, nothing stands
 * twice, and what is 0, or never, is left out. Fields of the hash:
 *
 *   h       BASE tag…:MOMENTS;MARK…|TEXT…    what changes with each event: the state but for its lists, the moments that
 *                                    fill no chunk yet, the marks, and the texts that the marks tell of
 *   n       1/|3/cart|7s-1           texts of pages, of the session and of open patterns: number and text. Elsewhere each is
 *                                    told by its number; 0, or no number: none
 *   v       1v 2n9000 3V800          visits that the window has lost: the page, the kind (v: view, n: navigation; capital: its
 *                                    twin has come) and the ms since the one before
 *   o       RULE.VARIANT SEVERITY tag…;…   open patterns
 *   0…14    MOMENTS                  a full chunk of the window, written once; its name: its number modulo BL_STATE_CHUNKS
 *
 *   MOMENTS 1vc350 2v1200ssc         the page, where it is another than the one before, behind a space; the action's letter;
 *                                    ' if it was a twin; the ms since the one before
 *   MARK    RC5/1u1001n1,4/2x60y64   the rule's code in capitals if the mark ends with the session; .KIND and a space if it is
 *                                    not 0; page/element; tags. Behind a comma: another one like it, with the same u
 *   TEXT    #buy                     of elements; marks tell of each by its place, from 1
 *
 * Times count from BASE, when the session began, which stays while the session lasts: so what is stored stays good. The
 * first of a list counts from there. In texts \ stands before a '|', a '\', and a digit at the beginning.
 *
 * A tag is a letter with a number behind it (upper case: without one). Tags stand in the order of these lists, each at
 * most once.
 *
 *   h        s seen; f floor, d due, from there (D: due at the usual end of a session); o on the page since, a anchor, before
 *            it; e events in the session, if not as many as m, moments ever; p page, i session id; c the moment from which
 *            visits count, if not all do; E no session, H tab hidden, l level, r friction
 *   a mark   t its time before SEEN, u until and d due from its time, n number, x y place
 *   o        p page, e element, o other page, t its time, d due from there, n number, P of an earlier session
 *
 * Visits that are in the window are told by it: all that are no twins, from c on. Whose twin a twin is, is not told: it is the
 * latest visit that fits, as it was then (engine.c).
 *
 * An entry whose rule or variant has no such name any more is dropped, an action without a letter is `custom`: text may be
 * older or newer than the program. */
#ifndef BL_WIRE_STATE_FIELDS_H
#define BL_WIRE_STATE_FIELDS_H

#include "bl/wire/state.h"

enum bl_state_slot { BL_STATE_HEAD, BL_STATE_NAMES, BL_STATE_VISITS, BL_STATE_OPEN, BL_STATE_CHUNK0 };

extern const char *const bl_state_names[BL_STATE_FIELDS_MAX];
/* The letters of actions; and by letter the action, plus 1: 0 is none. */
extern const char bl_state_letters[BL_ACTION_COUNT];
extern const uint8_t bl_state_actions[128];

#define BL_STATE_HEAD_TAGS "sfdDoaempicEHlr"
#define BL_STATE_MARK_TAGS "tudnxy"
#define BL_STATE_OPEN_TAGS "peotdnP"

/* Where chunk number c (of all the user's) is stored. */
static inline size_t bl_state_chunk_slot(int64_t c)
{
    return BL_STATE_CHUNK0 + (size_t)(c % BL_STATE_CHUNKS);
}

/* D: so long after the last event. Part of the form, whatever the rules say. */
#define BL_STATE_USUAL_MS 1800000

/* Whole numbers below this are places in plain digits. */
#define BL_STATE_PLACE_PLAIN 1e15

/* Which of up to 64 names stand in field n; of more there is only the text's hash. */
#define BL_STATE_TEXTS_TOLD 64

/* Tells texts of one user apart; 0: there is none. */
uint64_t bl_state_text_hash(struct bl_str text);
/* What the store holds of the window once all of u is there. */
void bl_state_note(const struct bl_user *u, struct bl_state_stored *stored);

/* The parts, written with a bare pointer: each takes a place that has room (bl_state_room) and gives the end. */
size_t bl_state_room(const struct bl_user *u);
char *bl_state_write_head(const struct bl_user *u, char *p);
char *bl_state_write_names(const struct bl_user *u, char *p, uint64_t *told);
char *bl_state_write_visits(const struct bl_user *u, char *p);
char *bl_state_write_open(const struct bl_user *u, char *p);
char *bl_state_write_moments(const struct bl_user *u, int64_t from, int64_t to, char *p); /* by number */

#define BL_STATE_TIME_MAX_MS (2 * BL_TIMESTAMP_MAX_MS)
#define BL_STATE_ELEMENT_MAX BL_METADATA_MAX_BYTES
#define BL_STATE_PAGE_MAX    (BL_PAGE_MAX_BYTES + 1) /* a missing first '/' was added to what had the limit */

/* The values by the places of their names in a list, which are zeroed before; how many there are. */
size_t bl_state_values(const char *const *names, size_t n_names, const struct bl_state_pair *pairs, size_t n,
                       struct bl_str *value);

/* ---- the forms of data sets of versions 1 and 2, read only ----
 * Told by the field `head`, which today's has not: JSON in version 1, a number in version 2. */
struct bl_json_parser;
enum bl_err bl_state_version1_decode(struct bl_json_parser *parser, struct bl_user *u,
                                     const struct bl_state_pair *pairs, size_t n);
enum bl_err bl_state_version2_decode(struct bl_state_decoder *decoder, struct bl_user *u,
                                     const struct bl_state_pair *pairs, size_t n);

/* What both share (state_versions.c). Fields w0 to w14 are chunks; a chunk's text begins with the number of its first moment. */
#define BL_STATE_OLD_CHUNKS 15
/* The places of the chunks that are there, in order of their numbers; how many there are. */
size_t bl_state_chunk_order(const struct bl_str chunk[BL_STATE_OLD_CHUNKS],
                            size_t order[BL_STATE_OLD_CHUNKS]);
/* May a chunk that begins so stand in this place, behind the moments that have been read? */
bool bl_state_chunk_follows(struct bl_user *u, size_t slot, int64_t number, int64_t t_ms);
/* After the last chunk: are they the latest of all the user's moments? Without any (a list asks for no more than the head)
 * numbers go on with a new chunk. */
bool bl_state_end_window(struct bl_user *u, int64_t moments);
/* Which moments of the window were visits: told by the visits themselves. */
void bl_state_find_visits(struct bl_user *u);

#endif
