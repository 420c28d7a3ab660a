/* Stories: what users do, as lines of text, and what the product must say about it, as lines of text.
 *
 * A line of the script is a time and what happens then:
 *
 *   0 page_view /cart            an event of user "u"
 *   5s idle /cart idle=5000      with metadata.duration_ms; also u=NAME s=SESSION id=EVENT_ID ts=TIME
 * sent=TIME 9s form=F target=T           … 2m tick                      time passes (event mode: the clock is
 * moved; live mode: a tick entry)
 *   - set hesitation.low 2s      a setting, before the first event
 *   - live                       live mode: the line's time is `received`, ts= the event's own
 *
 * Times are ms, or with s, m, h. The log has a line per effect: `TIME new TYPE[/VARIANT] SEVERITY PAGE |
 * SENTENCE`, `TIME raised …`, `TIME resolved RESOLUTION TYPE PAGE`, `attempt completed`, `attempt abandoned`,
 * `duplicate`, `late`. */
#ifndef BL_TEST_STORY_H
#define BL_TEST_STORY_H

#include "bl/base/buf.h"

/* Runs the script and appends the log. Aborts the test on a script it cannot read. */
void story_run(const char *script, struct bl_buf *log);
/* Runs and compares: each expected line must be the beginning of the log line at its place. */
void story_check(const char *name, const char *script, const char *expected);

#endif
