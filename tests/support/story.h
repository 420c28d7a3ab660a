/* Stories: what users do, as lines of text, and what the product must say about it, as lines of text.
 *
 * A line of the script is a time and what happens then:
 *
 *   0 page_view /cart            an event of user "u"
 *   5s idle /cart idle=5000      with metadata.duration_ms; also u=NAME s=SESSION id=EVENT_ID ts=TIME sent=TIME
 *                                target=T x=N y=N form=F
 *   2m tick                      time passes (event mode: the clock is moved; live mode: a tick entry)
 *   3m resolve TYPE PAGE         a person resolves the latest open pattern of user "u" of that type and page
 *   4m set hesitation.low 3s     other rules from here on
 *   - set hesitation.low 2s      a setting, before the first event; the entries of a list are joined by commas
 *   - live                       live mode: the line's time is `received`, ts= the event's own
 *   - facts                      the log shows the numbers behind each sentence
 *
 * Times are ms, or with s, m, h. The log has a line per effect: `TIME new TYPE[/VARIANT] SEVERITY PAGE | SENTENCE`
 * (with facts: ` | NAME=VALUE…`), `TIME raised …`, `TIME resolved RESOLUTION TYPE PAGE`, `attempt completed`,
 * `attempt abandoned`, `duplicate`, `late`. */
#ifndef BL_TEST_STORY_H
#define BL_TEST_STORY_H

#include "bl/base/buf.h"

/* Runs the script and appends the log. Aborts the test on a script it cannot read. */
void story_run(const char *script, struct bl_buf *log);
/* Runs and compares: each expected line must be the beginning of the log line at its place. */
void story_check(const char *name, const char *script, const char *expected);

struct story_case {
    const char *name, *script, *expected;
};
/* Checks a table of stories; `prelude` (settings) comes before each script. */
void story_check_all(const struct story_case *cases, size_t n, const char *prelude);

/* A cmocka test TABLE_stories of the stories in `table`. */
#define STORIES(table, prelude)                                                                              \
    static void table##_stories(void **state)                                                                \
    {                                                                                                        \
        (void)state;                                                                                         \
        story_check_all(table, sizeof table / sizeof table[0], prelude);                                     \
    }

#endif
