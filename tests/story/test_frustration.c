/* The frustration signals of SPEC 4.4 as stories, with both sides of every boundary. The language is
 * support/story.h's. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define QUIET "- set hesitation.enabled 0\n"
#define FOUR                                                                                                 \
    "0 click /a target=#buy\n300 click /a target=#buy\n600 click /a target=#buy\n900 click /a target=#buy\n"
#define FIRED "900 new rage-click medium /a"

static const struct story_case bursts[] = {
    {"three clicks are none",
     "0 click /a target=#buy\n1 click /a target=#buy\n2 click /a target=#buy\n9s tick\n", ""},
    {"the 4th fires medium, the 7th raises to high, others change nothing",
     FOUR "1200 click /a target=#buy\n1500 click /a target=#buy\n1800 click /a target=#buy\n2100 click /a "
          "target=#buy\n"
          "4099 tick\n4100 tick\n",
     "900 new rage-click medium /a | User clicked #buy 4 times in rapid succession on /a.\n"
     "1800 raised rage-click high /a | User clicked #buy 7 times in rapid succession on /a.\n"
     "4100 resolved ended rage-click /a\n"},
    {"gaps of exactly 1,000 ms hold a burst together",
     "0 click /a target=b\n1s click /a target=b\n2s click /a target=b\n3s click /a target=b\n",
     "3000 new rage-click medium /a"},
    {"a gap of 1,001 ms does not",
     "0 click /a target=b\n1s click /a target=b\n2s click /a target=b\n3001 click /a target=b\n3002 click /a "
     "target=b\n3003 click /a target=b\n",
     ""},
    {"and begins a new one",
     "0 click /a target=b\n1001 click /a target=b\n1002 click /a target=b\n1003 click /a target=b\n1004 "
     "click /a "
     "target=b\n",
     "1004 new rage-click medium /a"},
    {"ended 2 s after the last click, not before", FOUR "2899 tick\n", FIRED},
    {"at exactly 2 s", FOUR "2900 tick\n", FIRED "\n2900 resolved ended rage-click /a\n"},
    {"the deadline comes before a click at that moment", FOUR "2900 click /a target=#buy\n",
     FIRED "\n2900 resolved ended rage-click /a\n"},
    {"the 5th click moves the end", FOUR "1900 click /a target=#buy\n3899 tick\n3900 tick\n",
     FIRED "\n3900 resolved ended rage-click /a\n"},
    {"another target breaks a burst",
     "0 click /a target=x\n1 click /a target=x\n2 click /a target=x\n3 click /a target=y\n4 click /a "
     "target=x\n5 click "
     "/a target=x\n6 click /a target=x\n7 click /a target=x\n",
     "7 new rage-click medium /a"},
    {"another page breaks a burst",
     "0 click /a target=x\n1 click /a target=x\n2 click /a target=x\n3 click /b target=x\n4 click /a "
     "target=x\n",
     ""},
    {"only a click breaks a burst",
     "0 click /a target=x\n1 page_view /b\n2 click /a target=x\n3 scroll /a\n4 tab_hidden /a\n5 click /a "
     "target=x\n6 "
     "page_exit /a\n7 purchase /b\n8 dead_click /a target=y\n9 error /c\n10 click /a target=x\n",
     "8 new dead-click low /a\n10 new rage-click medium /a"},
    {"but the session's end does",
     "0 click /a target=x\n1 click /a target=x\n2 click /a target=x\n3 session_end\n4 click /a target=x\n",
     ""},
    {"each burst makes its own pattern",
     FOUR "1s click /a target=y\n1001 click /a target=#buy\n1002 click /a target=#buy\n1003 click /a "
          "target=#buy\n1004 click /a target=#buy\n9s tick\n",
     FIRED "\n1004 new rage-click medium /a\n2900 resolved ended rage-click /a\n3004 resolved ended "
           "rage-click /a\n"},
    {"a broken burst is not raised by the next one",
     FOUR "1s click /a target=y\n1001 click /a target=#buy\n1002 click /a target=#buy\n1003 click /a "
          "target=#buy\n",
     FIRED "\n"},
    {"the next burst raises its own",
     FOUR "1s click /a target=y\n1001 click /a target=#buy\n1001 click /a target=#buy\n1001 click /a "
          "target=#buy\n1001 click /a target=#buy\n1001 click /a target=#buy\n1001 click /a "
          "target=#buy\n1001 click "
          "/a target=#buy\n9s tick\n",
     FIRED
     "\n1001 new rage-click medium /a\n1001 raised rage-click high /a\n2900 resolved ended\n3001 resolved "
     "ended\n"},
    {"all at one moment: an id is made once, and the second burst has none (5.2)",
     "- set rage-click.medium 2\n- set rage-click.high 3\n0 click /a target=x\n0 click /a target=x\n0 click "
     "/a "
     "target=y\n0 click /a target=x\n0 click /a target=x\n0 click /a target=x\n9s tick\n",
     "0 new rage-click medium /a\n2000 resolved ended rage-click /a\n"},
    {"a burst that begins when another's pattern is made does not prolong that",
     "- set rage-click.medium 2\n0 click /a target=x\n0 click /a target=x\n0 click /a target=y\n0 click /a "
     "target=x\n500 click /a target=x\n9s tick\n",
     "0 new rage-click medium /a\n500 new rage-click medium /a\n2000 resolved ended rage-click /a\n2500 "
     "resolved ended "
     "rage-click /a\n"},
    {"the end of the session resolves it", FOUR "1s session_end\n",
     FIRED "\n1000 resolved session-end rage-click /a\n"},
    {"a person's resolve is the end of it for this burst; the next one fires",
     FOUR
     "950 resolve rage-click /a\n1s click /a target=#buy\n1100 click /a target=#buy\n1200 click /a "
     "target=#buy\n3s click /a target=#buy\n3s click /a target=#buy\n3s click /a target=#buy\n3s click /a "
     "target=#buy\n",
     FIRED "\n950 resolved manual rage-click /a\n3000 new rage-click medium /a\n"},
    {"clicks of others do not count",
     "0 click /a target=x u=v\n1 click /a target=x u=w\n2 click /a target=x u=v\n3 click /a target=x u=w\n4 "
     "click /a "
     "target=x u=v\n",
     ""},
    {"dead_click and search_result_click are no clicks here",
     "- set dead-click.enabled 0\n0 dead_click /a target=x\n1 dead_click /a target=x\n2 dead_click /a "
     "target=x\n3 "
     "dead_click /a target=x\n4 search_result_click /a target=x\n5 search_result_click /a target=x\n6 "
     "search_result_click /a target=x\n7 search_result_click /a target=x\n",
     ""},
    {"switched off", "- set rage-click.enabled 0\n" FOUR, ""},
    {"switched off while one is open, it still ends", FOUR "1s set rage-click.enabled 0\n5s tick\n",
     FIRED "\n2900 resolved ended rage-click /a\n"},
    {"one pattern per fourth click: high at once where the settings say so",
     "- set rage-click.high 4\n" FOUR "950 click /a target=#buy\n", "900 new rage-click high /a"},
    {"no high level",
     "- set rage-click.high 0\n" FOUR "950 click /a target=#buy\n951 click /a target=#buy\n952 click "
     "/a target=#buy\n953 click /a target=#buy\n",
     FIRED},
    {"the evidence", "- facts\n" FOUR,
     FIRED
     " | User clicked #buy 4 times in rapid succession on /a. | clicks=4 first_click_at=0 last_click_at=900 "
     "target=#buy\n"},
};

static const struct story_case places[] = {
    {"without a target, at most 30 px from the click before (18, 24)",
     "- facts\n0 click /a x=0 y=0\n1 click /a x=18 y=24\n2 click /a x=0 y=0\n3 click /a x=30 y=0\n",
     "3 new rage-click medium /a | User clicked (30, 0) 4 times in rapid succession on /a. | clicks=4 "
     "first_click_at=0 "
     "last_click_at=3 x=30 y=0\n"},
    {"30.0001 px are too far",
     "0 click /a x=0 y=0\n1 click /a x=0 y=0\n2 click /a x=0 y=0\n3 click /a x=30.0001 y=0\n", ""},
    {"in a straight line, not along the sides",
     "0 click /a x=0 y=0\n1 click /a x=0 y=0\n2 click /a x=0 y=0\n3 click /a x=22 y=22\n", ""},
    {"from the click before, so a burst may wander",
     "0 click /a x=0 y=0\n1 click /a x=30 y=0\n2 click /a x=60 y=0\n3 click /a x=90 y=0\n",
     "3 new rage-click medium /a | User clicked (90, 0) 4 times"},
    {"with neither, the click breaks the burst",
     "0 click /a x=1 y=1\n1 click /a x=1 y=1\n2 click /a x=1 y=1\n3 click /a\n4 click /a x=1 y=1\n5 click /a "
     "x=1 y=1\n6 "
     "click /a x=1 y=1\n",
     ""},
    {"and four of that kind are none", "0 click /a\n1 click /a\n2 click /a\n3 click /a\n", ""},
    {"a click with a target never matches one without",
     "0 click /a x=1 y=1\n1 click /a x=1 y=1\n2 click /a x=1 y=1\n3 click /a target=b x=1 y=1\n4 click /a "
     "target=b x=1 "
     "y=1\n5 click /a target=b x=1 y=1\n6 click /a x=1 y=1\n",
     ""},
    {"where there is a target the place does not matter",
     "0 click /a target=b x=0 y=0\n1 click /a target=b x=900 y=0\n2 click /a target=b\n3 click /a target=b "
     "x=1 y=900\n",
     "3 new rage-click medium /a | User clicked b 4 times"},
    {"numbers in their shortest form, of the click that fires or raises",
     "0 click /a x=99.5 y=0\n1 click /a x=99.5 y=0\n2 click /a x=99.5 y=0\n3 click /a x=1e2 y=-0\n4 click /a "
     "x=99.5 "
     "y=0\n5 click /a x=99.5 y=0\n6 click /a x=112.50 y=-2.5e-1\n",
     "3 new rage-click medium /a | User clicked (100, 0) 4 times in rapid succession on /a.\n"
     "6 raised rage-click high /a | User clicked (112.5, -0.25) 7 times in rapid succession on /a.\n"},
    {"far away numbers are far away",
     "0 click /a x=1e308 y=0\n1 click /a x=-1e308 y=0\n2 click /a x=1e308 y=0\n3 click /a x=-1e308 y=0\n",
     ""},
};

static const struct story_case ignoring[] = {
    {"a click on an ignored target is as if absent",
     "- set rage-click.ignore plus,minus-*,page-?\n0 click /a target=b\n1 click /a target=plus\n2 click /a "
     "target=b\n3 "
     "click /a target=minus-1\n4 click /a target=b\n5 click /a target=page-7\n6 click /a target=b\n",
     "6 new rage-click medium /a | User clicked b 4 times"},
    {"it neither counts nor keeps a burst alive",
     "- set rage-click.ignore plus\n0 click /a target=plus\n1 click /a target=plus\n2 click /a "
     "target=plus\n3 click /a "
     "target=plus\n10s click /a target=b\n10s click /a target=b\n10900 click /a target=plus\n11001 click /a "
     "target=b\n11002 click /a target=b\n",
     ""},
    {"the whole target must fit",
     "- set rage-click.ignore lus,plu,page-?\n0 click /a target=plus\n1 click /a target=plus\n2 click /a "
     "target=plus\n3 click /a target=plus\n3s click /a target=page-10\n3s click /a target=page-10\n3s click "
     "/a "
     "target=page-10\n3s click /a target=page-10\n",
     "3 new rage-click medium /a\n2003 resolved ended rage-click /a\n3000 new rage-click medium /a\n"},
    {"nothing else is special, and case counts",
     "- set rage-click.ignore [a-z],PLUS\n0 click /a target=b\n1 click /a target=b\n2 click /a target=b\n3 "
     "click /a "
     "target=b\n3s click /a target=plus\n3s click /a target=plus\n3s click /a target=plus\n3s click /a "
     "target=plus\n",
     "3 new rage-click medium /a\n2003 resolved ended rage-click /a\n3000 new rage-click medium /a\n"},
    {"a click without a target fits no entry",
     "- set rage-click.ignore *\n0 click /a x=1 y=1\n1 click /a x=1 y=1\n2 click /a target=b\n3 click /a x=1 "
     "y=1\n4 "
     "click /a x=1 y=1\n",
     "4 new rage-click medium /a"},
    {"other rules see an ignored click", "- set rage-click.ignore *\n0 click /a target=b\n1s error /a\n",
     "1000 new error-click medium /a"},
};

static const struct story_case dead[] = {
    {"low, the 3rd raises to medium, others change nothing",
     "0 dead_click /a target=b\n1s dead_click /a target=b\n2s dead_click /a target=b\n3s dead_click /a "
     "target=b\n",
     "0 new dead-click low /a | User clicked b on /a and nothing happened.\n"
     "2000 raised dead-click medium /a | User clicked b 3 times on /a and nothing happened.\n"},
    {"however far apart, while the session lasts",
     "0 dead_click /a target=b\n29m dead_click /a target=b\n58m dead_click /a target=b\n",
     "0 new dead-click low /a\n3480000 raised dead-click medium /a\n"},
    {"one per target, and per page",
     "0 dead_click /a target=b\n1 dead_click /a target=c\n2 dead_click /b target=b\n3 dead_click /a "
     "target=b\n",
     "0 new dead-click low /a | User clicked b\n1 new dead-click low /a | User clicked c\n2 new dead-click "
     "low /b\n"},
    {"those without a target share one, and show their place",
     "- facts\n0 dead_click /a x=1 y=2\n1 dead_click /a\n2 dead_click /a x=300 y=4.5\n",
     "0 new dead-click low /a | User clicked (1, 2) on /a and nothing happened. | clicks=1 first_click_at=0 "
     "x=1 y=2\n"
     "2 raised dead-click medium /a | User clicked (300, 4.5) 3 times on /a and nothing happened. | clicks=3 "
     "first_click_at=0 x=300 y=4.5\n"},
    {"or none", "0 dead_click /a\n1 dead_click /a\n2 dead_click /a\n",
     "0 new dead-click low /a | User clicked an element on /a and nothing happened.\n"
     "2 raised dead-click medium /a | User clicked an element 3 times on /a and nothing happened.\n"},
    {"the next session has its own",
     "0 dead_click /a target=b\n1s session_end\n2s dead_click /a target=b\n3s dead_click /a target=b\n",
     "0 new dead-click low /a\n1000 resolved session-end dead-click /a\n2000 new dead-click low /a\n"},
    {"30 min without an event end it", "0 dead_click /a target=b\n1800s dead_click /a target=b\n",
     "0 new dead-click low /a\n1800000 resolved session-end dead-click /a\n1800000 new dead-click low /a\n"},
    {"nothing else resolves it",
     "0 dead_click /a target=b\n1s click /a target=b\n2s page_view /b\n3s purchase /b\n",
     "0 new dead-click low /a\n"},
    {"resolved by a person it may fire again, from one",
     "0 dead_click /a target=b\n1s dead_click /a target=b\n2s resolve dead-click /a\n3s dead_click /a "
     "target=b\n4s "
     "dead_click /a target=b\n5s dead_click /a target=b\n",
     "0 new dead-click low /a\n2000 resolved manual dead-click /a\n3000 new dead-click low /a\n5000 raised "
     "dead-click "
     "medium /a\n"},
    {"but not with an id that exists (5.2)",
     "0 dead_click /a\n0 resolve dead-click /a\n0 dead_click /a\n1 dead_click /a\n",
     "0 new dead-click low /a\n0 resolved manual dead-click /a\n1 new dead-click low /a\n"},
    {"medium by the first", "- set dead-click.medium 1\n0 dead_click /a\n1 dead_click /a\n",
     "0 new dead-click medium /a | User clicked an element on /a and nothing"},
    {"switched off", "- set dead-click.enabled 0\n0 dead_click /a\n", ""},
};

static const struct story_case errors[] = {
    {"an error 2 s after a click", "- facts\n0 click /a target=b x=7 y=8\n2s error /a\n",
     "2000 new error-click medium /a | An error followed the user's click on b on /a. | error=error "
     "clicked_at=0 "
     "delay_ms=2000 target=b\n"},
    {"2,001 ms are too long", "0 click /a target=b\n2001 error /a\n", ""},
    {"api_error as well; at the same moment too", "0 click /a target=b\n0 api_error /a\n",
     "0 new error-click medium /a"},
    {"an error before the click is none", "0 error /a\n1 click /a target=b\n", ""},
    {"the click's place", "0 click /a x=12.50 y=1e2\n1 error /a\n",
     "1 new error-click medium /a | An error followed the user's click on (12.5, 100) on /a.\n"},
    {"a click with neither", "0 click /a\n1 error /a\n",
     "1 new error-click medium /a | An error followed the user's click on an element on /a.\n"},
    {"the latest click on the page counts", "0 click /a target=b\n1 click /a\n2 error /a\n",
     "2 new error-click medium /a | An error followed the user's click on an element on /a.\n"},
    {"of that page alone", "0 click /a target=b\n1s click /b target=c\n2s error /a\n3s error /b\n",
     "2000 new error-click medium /a | An error followed the user's click on b\n3000 new error-click medium "
     "/b | An "
     "error followed the user's click on c\n"},
    {"a click elsewhere is none", "0 click /a target=b\n1s error /b\n", ""},
    {"only `click` is a click",
     "- set dead-click.enabled 0\n0 dead_click /a\n1 search_result_click /a\n2 error /a\n", ""},
    {"once per page in 60 s, also while open",
     QUIET "0 click /a\n1s error /a\n2s api_error /a\n60999 click /a\n60999 error /a\n61s error /a\n",
     "1000 new error-click medium /a\n61000 new error-click medium /a\n"},
    {"the cooldown of one page is not another's", "0 click /a\n0 click /b\n1 error /a\n2 error /b\n",
     "1 new error-click medium /a\n2 new error-click medium /b\n"},
    {"the cooldown outlives the session and a person's resolve",
     QUIET
     "0 click /a\n1s error /a\n2s resolve error-click /a\n3s session_end\n60s click /a\n60999 error /a\n61s "
     "error /a\n",
     "1000 new error-click medium /a\n2000 resolved manual error-click /a\n61000 new error-click medium "
     "/a\n"},
    {"a click of the last session is forgotten", "0 click /a\n1 session_end\n2 error /a\n", ""},
    {"lasts until the session ends", "0 click /a\n1 error /a\n2 click /a\n3 page_view /b\n4 session_end\n",
     "1 new error-click medium /a\n4 resolved session-end error-click /a\n"},
    {"switched off", "- set error-click.enabled 0\n0 click /a\n1 error /a\n", ""},
};

static const struct story_case forms[] = {
    {"left by a visit elsewhere",
     "- facts\n0 input_change /a form=f\n1s input_change /a form=f\n5s page_view /b\n",
     "5000 new form-abandonment medium /a | User began to fill in the form f on /a but left it without "
     "submitting. | "
     "form=f changes=2 begun_at=0 elapsed_ms=5000 left_by=visit\n"},
    {"a visit to its own page is none", "0 input_change /a form=f\n5s page_view /a\n", ""},
    {"a twin is no visit", "0 navigate /b\n1 input_change /a form=f\n2 page_view /b\n3 page_view /b\n",
     "3 new form-abandonment medium /a"},
    {"an arrival that is no visit leaves nothing", "0 input_change /a form=f\n1s click /b\n2s scroll /c\n",
     ""},
    {"a visit leaves the forms of all other pages, in the order they were begun",
     "0 input_change /b form=g\n1 input_change /a form=f\n2 input_change /c form=h\n3 page_view /b\n",
     "3 new form-abandonment medium /a\n3 new form-abandonment medium /c\n"},
    {"page_exit leaves all forms", "0 input_change /b form=g\n1 input_change /a form=f\n2 page_exit /a\n",
     "2 new form-abandonment medium /b\n2 new form-abandonment medium /a\n"},
    {"a page_exit that names another page does not count",
     "0 input_change /b form=g\n1 input_change /a form=f\n2 page_exit /b\n3 page_exit /a\n4 page_exit /a\n",
     "3 new form-abandonment medium /b\n3 new form-abandonment medium /a\n"},
    {"60 s after the last activity", QUIET "0 input_change /a form=f\n59999 tick\n", ""},
    {"exactly", QUIET "- facts\n0 input_change /a form=f\n60s tick\n",
     "60000 new form-abandonment medium /a | User began to fill in the form f on /a but left it without "
     "submitting. | "
     "form=f changes=1 begun_at=0 elapsed_ms=60000 left_by=timeout\n"},
    {"any activity moves that, anywhere",
     QUIET
     "0 input_change /a form=f\n50s scroll /b\n70s custom\n80s input_change /a\n139999 tick\n140s tick\n",
     "140000 new form-abandonment medium /a\n"},
    {"what is no activity does not",
     QUIET
     "- set dead-click.enabled 0\n0 input_change /a form=f\n10s idle /a\n20s tab_hidden /a\n30s tab_visible "
     "/a\n40s error /a\n41s api_error /a\n42s page_performance /a\n43s api_performance /a\n44s dead_click "
     "/a\n45s "
     "session_start /a\n46s page_exit /b\n60s tick\n",
     "60000 new form-abandonment medium /a\n"},
    {"the deadline comes before an event at that moment",
     QUIET "0 input_change /a form=f\n60s form_submit /a form=f\n",
     "60000 new form-abandonment medium /a\n60000 resolved completion form-abandonment /a\n"},
    {"all forms at once, in their order, and never twice",
     QUIET
     "0 input_change /b form=g\n1s input_change /a form=f\n2s input_change /b form=h\n62s tick\n200s tick\n",
     "62000 new form-abandonment medium /b | User began to fill in the form g\n62000 new form-abandonment "
     "medium "
     "/a\n62000 new form-abandonment medium /b | User began to fill in the form h\n"},
    {"submitted in time",
     QUIET "0 input_change /a form=f\n59999 form_submit /a form=f\n60s page_view /b\n5m tick\n", ""},
    {"the submission of another form, or without one, is none",
     "0 input_change /a form=f\n1 form_submit /a form=g\n2 form_submit /b form=f\n3 form_submit /a\n4 "
     "submit_form /a "
     "form=f\n5 page_exit /a\n",
     "5 new form-abandonment medium /a\n"},
    {"without a form the event is not looked at", QUIET "0 input_change /a\n1 page_view /b\n2m tick\n", ""},
    {"a form nobody began is not left", "0 form_submit /a form=f\n1 page_view /b\n", ""},
    {"begun again after it was submitted",
     "0 input_change /a form=f\n1 form_submit /a form=f\n2 input_change /a form=f\n3 page_view /b\n",
     "3 new form-abandonment medium /a\n"},
    {"once per session: while it is open",
     "0 input_change /a form=f\n1 page_view /b\n2s input_change /a form=f\n3s page_view /b\n",
     "1 new form-abandonment medium /a\n"},
    {"and after a later submission resolved it",
     "0 input_change /a form=f\n1 page_view /b\n2s form_submit /a form=f\n3s input_change /a form=f\n4s "
     "page_view /b\n",
     "1 new form-abandonment medium /a\n2000 resolved completion form-abandonment /a\n"},
    {"the next session has its own",
     "0 input_change /a form=f\n1 page_view /b\n2s form_submit /a form=f\n3s session_end\n4s input_change /a "
     "form=f\n5s "
     "page_view /b\n",
     "1 new form-abandonment medium /a\n2000 resolved completion form-abandonment /a\n5000 new "
     "form-abandonment medium "
     "/a\n"},
    {"resolved by a person it may fire again, once it is left again",
     "0 input_change /a form=f\n1 page_view /b\n2s resolve form-abandonment /a\n3s page_view /b\n4s "
     "input_change /a "
     "form=f\n5s page_view /c\n",
     "1 new form-abandonment medium /a\n2000 resolved manual form-abandonment /a\n5000 new form-abandonment "
     "medium "
     "/a\n"},
    {"the same form on another page is another form",
     "0 input_change /a form=f\n1 input_change /b form=f\n2 form_submit /a form=f\n3 page_view /c\n",
     "3 new form-abandonment medium /b\n"},
    {"forms begun are dropped with the session",
     QUIET "0 input_change /a form=f\n1s session_end\n2s page_view /b\n5m tick\n", ""},
    {"the end of the session resolves it", "0 input_change /a form=f\n1s page_view /b\n2s session_end\n",
     "1000 new form-abandonment medium /a\n2000 resolved session-end form-abandonment /a\n"},
    {"a purchase is no submission",
     "0 input_change /checkout form=f\n1s purchase /checkout\n2s page_view /confirm\n",
     "2000 new form-abandonment medium /checkout\n"},
    {"switched off",
     QUIET "- set form-abandonment.enabled 0\n0 input_change /a form=f\n1 page_view /b\n2m tick\n", ""},
    {"switched off on the way, forms begun are forgotten",
     QUIET "0 input_change /a form=f\n1s set form-abandonment.enabled 0\n61s tick\n62s set "
           "form-abandonment.enabled "
           "1\n63s page_view /b\n",
     ""},
    {"switched off on the way, a submission still counts",
     QUIET "0 input_change /a form=f\n1s set form-abandonment.enabled 0\n2s form_submit /a form=f\n3s set "
           "form-abandonment.enabled 1\n4s page_view /b\n",
     ""},
};

static const struct story_case back[] = {
    {"back within 5 s", "- facts\n0 page_view /a\n1s page_view /b\n6s page_view /a\n",
     "6000 new quick-back low /b | User opened /b and went straight back to /a. | back_to=/a stayed_ms=5000 "
     "visit_times=0,1000,6000\n6000 resolved ended quick-back /b\n"},
    {"5,001 ms are too long", "0 page_view /a\n1s page_view /b\n6001 page_view /a\n", ""},
    {"however long the user was on the first page",
     QUIET
     "0 page_view /a\n20m scroll /a\n40m scroll /a\n60m scroll /a\n80m page_view /b\n4801s page_view /a\n",
     "4801000 new quick-back low /b\n4801000 resolved ended quick-back /b\n"},
    {"to another page is none", "0 page_view /a\n1s page_view /b\n2s page_view /c\n", ""},
    {"a reload on the way is a visit",
     "0 page_view /a\n1s page_view /b\n1500 page_view /b\n2s page_view /a\n", ""},
    {"the same page three times is none",
     "- set navigation-loop.enabled 0\n0 page_view /a\n1s page_view /a\n2s page_view /a\n", ""},
    {"twins are one visit",
     "0 navigate /a\n100 page_view /a\n1s navigate /b\n1100 page_view /b\n2s navigate /a\n2100 page_view "
     "/a\n",
     "2000 new quick-back low /b\n2000 resolved ended quick-back /b\n"},
    {"an arrival that is no visit is not looked at", "0 page_view /a\n1s page_view /b\n2s click /a\n", ""},
    {"once per page in 60 s",
     QUIET "- set navigation-loop.enabled 0\n0 page_view /a\n1s page_view /b\n2s page_view /a\n61s page_view "
           "/b\n61999 "
           "page_view /a\n",
     "2000 new quick-back low /b\n2000 resolved ended quick-back /b\n"},
    {"at exactly 60 s again",
     QUIET "- set navigation-loop.enabled 0\n0 page_view /a\n1s page_view /b\n2s page_view /a\n61s page_view "
           "/b\n62s "
           "page_view /a\n",
     "2000 new quick-back low /b\n2000 resolved ended quick-back /b\n62000 new quick-back low /b\n62000 "
     "resolved ended "
     "quick-back /b\n"},
    {"to and fro: each page has its own",
     "- set navigation-loop.enabled 0\n0 page_view /a\n1s page_view /b\n2s page_view /a\n3s page_view /b\n4s "
     "page_view "
     "/a\n",
     "2000 new quick-back low /b\n2000 resolved ended quick-back /b\n3000 new quick-back low /a\n3000 "
     "resolved ended "
     "quick-back /a\n"},
    {"the cooldown outlives the session",
     QUIET
     "0 page_view /a\n1s page_view /b\n2s page_view /a\n3s session_end\n4s page_view /a\n5s page_view /b\n6s "
     "page_view /a\n",
     "2000 new quick-back low /b\n2000 resolved ended quick-back /b\n"},
    {"visits of the last session are forgotten",
     "0 page_view /a\n1s page_view /b\n2s session_end\n3s page_view /a\n", ""},
    {"and those before a completion", "0 page_view /a\n1s page_view /b\n2s purchase /b\n3s page_view /a\n",
     ""},
    {"switched off", "- set quick-back.enabled 0\n0 page_view /a\n1s page_view /b\n2s page_view /a\n", ""},
};

static const struct story_case together[] = {
    {"rules run in their order at one event (4.7)",
     QUIET
     "0 page_view /checkout\n1s input_change /checkout form=f\n2s page_view /a\n3s page_view /checkout\n4s "
     "input_change /checkout form=g\n5s page_view /a\n",
     "attempt abandoned\n2000 new abandonment/exit high /checkout\n2000 new form-abandonment medium "
     "/checkout\n3000 new "
     "quick-back low /a\n3000 resolved ended quick-back /a\nattempt abandoned\n5000 new form-abandonment "
     "medium "
     "/checkout\n5000 new quick-back low /checkout\n5000 resolved ended quick-back /checkout\n"},
    {"what an event resolves comes before what it fires",
     "- set navigation-loop.enabled 0\n0 page_view /a\n1s page_view /b\n1s input_change /b form=f\n11s "
     "tick\n16s tick\n"
     "16500 page_view /a\n",
     "11000 new hesitation low /b\n16000 raised hesitation medium /b\n16500 resolved activity hesitation "
     "/b\n16500 new "
     "form-abandonment medium /b\n"},
    {"deadlines at one moment fire in the order of the rules",
     "- set hesitation.low 60s\n- set hesitation.medium 61s\n- set hesitation.high 62s\n- set "
     "rage-click.quiet 60s\n"
     "0 page_view /checkout\n0 input_change /checkout form=f\n0 click /checkout target=b\n0 click /checkout "
     "target=b\n0 "
     "click /checkout target=b\n0 click /checkout target=b\n60s tick\n",
     "0 new rage-click medium /checkout\n60000 new hesitation low /checkout\nattempt abandoned\n60000 new "
     "abandonment/timeout high /checkout\n60000 resolved ended rage-click /checkout\n60000 new "
     "form-abandonment medium "
     "/checkout\n"},
    {"a session's end resolves in the order of making, and drops what was begun",
     QUIET "0 click /a target=b\n1 error /a\n2 dead_click /a\n3 input_change /a form=f\n4 page_view /b\n5 "
           "input_change /b "
           "form=f\n6 session_end\n10m tick\n",
     "1 new error-click medium /a\n2 new dead-click low /a\n4 new form-abandonment medium /a\n6 resolved "
     "session-end "
     "error-click /a\n6 resolved session-end dead-click /a\n6 resolved session-end form-abandonment /a\n"},
    {"live: a form's deadline waits for its grace, and a submission in it counts",
     "- live\n" QUIET "1h input_change /a form=f\n3660400 form_submit /a form=f\n3700s tick\n", ""},
    {"live: cooldowns are over at exactly 60 s",
     "- live\n" QUIET
     "- set navigation-loop.enabled 0\n1h click /a\n3600001 error /a\n1h page_view /a\n3600001 page_view "
     "/b\n3600001 page_view /a\n3660s click /a\n3660s page_view /b\n3660s error /a\n3660001 error "
     "/a\n3660001 page_view "
     "/a\n",
     "3600001 new error-click medium /a\n3600001 new quick-back low /b\n3600001 resolved ended quick-back "
     "/b\n3660001 new "
     "error-click medium /a\n3660001 new quick-back low /b\n3660001 resolved ended quick-back /b\n"},
    {"live: and fires at its own time",
     "- live\n" QUIET "1h input_change /a form=f\n3660499 tick\n3660500 tick\n",
     "3660000 new form-abandonment medium /a\n"},
};

STORIES(bursts, "")
STORIES(places, "")
STORIES(ignoring, "")
STORIES(dead, "")
STORIES(errors, "")
STORIES(forms, "")
STORIES(back, "")
STORIES(together, "")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_stories),   cmocka_unit_test(places_stories),
        cmocka_unit_test(ignoring_stories), cmocka_unit_test(dead_stories),
        cmocka_unit_test(errors_stories),   cmocka_unit_test(forms_stories),
        cmocka_unit_test(back_stories),     cmocka_unit_test(together_stories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
