/* The rules of SPEC 4 as stories, with both sides of every boundary. The language is support/story.h's. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct story_case hesitation[] = {
    {"one ms short of 10 s is no hesitation", "0 page_view /a\n9999 tick\n", ""},
    {"10, 15 and 30 s: one pattern, low, medium, high", "0 page_view /a\n1m tick\n",
     "10000 new hesitation low /a | User paused for 10 seconds on /a without taking action.\n"
     "15000 raised hesitation medium /a | User paused for 15 seconds on /a without taking action.\n"
     "30000 raised hesitation high /a | User paused for 30 seconds on /a without taking action.\n"},
    {"an event at exactly 10 s comes after the deadline", "0 page_view /a\n10s click /a\n",
     "10000 new hesitation low /a\n10000 resolved activity hesitation /a\n"},
    {"activity starts the levels anew", "0 page_view /a\n9s click /a\n18999 tick\n19s tick\n",
     "19000 new hesitation low /a\n"},
    {"idle, errors and performance are no activity",
     "0 page_view /a\n3s idle /a\n4s error /a\n5s api_error /a\n6s page_performance /a\n7s dead_click "
     "/a\n10s tick\n",
     "7000 new dead-click low /a\n10000 new hesitation low /a\n"},
    {"an idle report of 10 s counts at once", "0 page_view /a\n1s idle /a idle=10s\n",
     "1000 new hesitation low /a"},
    {"an idle report of 9.999 s moves the anchor only",
     "20s page_view /a\n20s idle /a idle=9999\n20001 tick\n", "20001 new hesitation low /a"},
    {"an idle report takes the highest level reached, once",
     "60s page_view /a\n60s idle /a idle=30s\n90s tick\n",
     "60000 new hesitation high /a | User paused for 30 seconds"},
    {"an idle report claims at most 10 min", "30m page_view /a\n30m idle /a idle=2h\n",
     "1800000 new hesitation high /a | User paused for 600 seconds"},
    {"idle without a duration is no evidence", "0 page_view /a\n9s idle /a\n9999 tick\n", ""},
    {"idle elsewhere is an arrival, and leaves",
     "0 page_view /a\n10s tick\n12s idle /b\n21999 tick\n22s tick\n",
     "10000 new hesitation low /a\n12000 resolved left hesitation /a\n22000 new hesitation low /b\n"},
    {"a hidden tab measures nothing; tab_visible anchors anew",
     "0 page_view /a\n5s tab_hidden /a\n50s tab_visible /a\n59999 tick\n60s tick\n",
     "60000 new hesitation low /a\n"},
    {"an idle report in a hidden tab is no evidence",
     "0 page_view /a\n5s tab_hidden /a\n9s idle /a idle=10s\n", ""},
    {"tab_hidden of the page resolves it", "0 page_view /a\n10s tick\n11s tab_hidden /a\n",
     "10000 new hesitation low /a\n11000 resolved left hesitation /a\n"},
    {"tab_hidden of another page is ignored", "0 page_view /a\n5s tab_hidden /b\n10s tick\n",
     "10000 new hesitation low /a\n"},
    {"page_exit resolves and nothing is measured after it",
     "0 page_view /a\n10s tick\n11s page_exit /a\n60s tick\n",
     "10000 new hesitation low /a\n11000 resolved left hesitation /a\n"},
    {"tab_visible in place keeps it open, raised only above its own level",
     "0 page_view /a\n15s tick\n16s tab_visible /a\n31s tick\n46s tick\n",
     "10000 new hesitation low /a\n15000 raised hesitation medium /a\n46000 raised hesitation high /a | User "
     "paused for "
     "30 seconds"},
    {"page_exit of another page is ignored", "0 page_view /a\n5s page_exit /b\n10s tick\n",
     "10000 new hesitation low /a\n"},
    {"tab_visible elsewhere is an arrival, and leaves",
     "0 page_view /a\n10s tick\n11s tab_visible /b\n21s tick\n",
     "10000 new hesitation low /a\n11000 resolved left hesitation /a\n21000 new hesitation low /b\n"},
    {"an idle report one ms short of the next level raises nothing",
     "60s page_view /a\n70s idle /a idle=14999\n70001 tick\n",
     "70000 new hesitation low /a\n70001 raised hesitation medium /a"},
    {"a report of less than what is known moves nothing", "0 page_view /a\n9s idle /a idle=1\n10s tick\n",
     "10000 new hesitation low /a\n"},
    {"resolved by a person, its cooldown stays",
     "0 page_view /a\n10s tick\n12s resolve hesitation /a\n60s tick\n",
     "10000 new hesitation low /a\n12000 resolved manual hesitation /a\n"},
    {"custom without a page is activity", "0 page_view /a\n10s tick\n11s custom\n",
     "10000 new hesitation low /a\n11000 resolved activity hesitation /a\n"},
    {"an unreported page is an arrival but no visit", "0 click /a\n10s tick\n",
     "10000 new hesitation low /a\n"},
    {"nobody without a page hesitates", "0 custom\n60s tick\n", ""},
    {"one second is singular", "- set hesitation.low 1s\n0 page_view /a\n1s tick\n",
     "1000 new hesitation low /a | User paused for 1 second on /a without taking action.\n"},
    {"switched off", "- set hesitation.enabled 0\n0 page_view /a\n1m tick\n", ""},
};

static const struct story_case cooldown[] = {
    {"inside the cooldown: low and medium passed over, high fires at 75 s",
     "0 page_view /a\n10s tick\n45s click /a\n70s tick\n75s tick\n",
     "10000 new hesitation low /a\n15000 raised\n30000 raised\n45000 resolved activity hesitation /a\n75000 "
     "new "
     "hesitation high /a\n"},
    {"at exactly 60 s the rule may fire again",
     "0 page_view /a\n10s tick\n60s click /a\n69999 tick\n70s tick\n",
     "10000 new hesitation low /a\n15000 raised\n30000 raised\n60000 resolved activity hesitation /a\n70000 "
     "new "
     "hesitation low /a\n"},
    {"one ms before 60 s it is passed over", "0 page_view /a\n10s tick\n59999 click /a\n70s tick\n",
     "10000 new hesitation low /a\n15000 raised\n30000 raised\n59999 resolved activity hesitation /a\n"},
    {"another page has its own cooldown", "0 page_view /a\n10s page_view /b\n20s tick\n",
     "10000 new hesitation low /a\n10000 resolved activity hesitation /a\n20000 new hesitation low /b\n"},
};

static const struct story_case loops[] = {
    {"two visits are no loop", "0 page_view /a\n1s page_view /b\n2s page_view /a\n", ""},
    {"three visits to one page: medium; four: high",
     "0 page_view /a\n2s page_view /a\n4s page_view /a\n6s page_view /a\n8s page_view /a\n",
     "4000 new navigation-loop/revisit medium /a | User navigated to /a 3 times within 2 minutes, suggesting "
     "confusion or "
     "indecision.\n6000 raised navigation-loop/revisit high /a | User navigated to /a 4 times\n8000 raised "
     "navigation-loop/revisit high /a | User navigated to /a 5 times\n"},
    {"twins are one visit", "0 navigate /a\n1s page_view /a\n2s navigate /a\n3s page_view /a\n", ""},
    {"a twin after 1.001 s is a visit of its own", "0 navigate /a\n1001 page_view /a\n3s navigate /a\n",
     "3000 new navigation-loop/revisit medium /a\n"},
    {"a visit has one twin at most", "0 navigate /a\n100 page_view /a\n200 page_view /a\n300 page_view /a\n",
     "300 new navigation-loop/revisit medium /a\n"},
    {"two events of one kind are two visits", "0 navigate /a\n100 route_change /a\n200 navigate /a\n",
     "200 new navigation-loop/revisit medium /a\n"},
    {"the latest visit that fits takes the twin",
     "0 navigate /a\n500 navigate /a\n600 page_view /a\n900 page_view /a\n2s navigate /a\n",
     "2000 new navigation-loop/revisit medium /a\n"},
    {"no twin over a completion, nor over the end of a session",
     "0 navigate /a\n1 purchase /a\n2 page_view /a\n3 page_view /a\n4 page_view /a\n5 session_end\n6 "
     "navigate /a\n7 "
     "page_view /a\n8 navigate /a\n",
     "4 new navigation-loop/revisit medium /a\n5 resolved session-end navigation-loop /a\n"},
    {"a visit at 119.999 s keeps a loop open, one at 120 s comes too late",
     "- set hesitation.enabled 0\n0 page_view /a\n1s page_view /a\n2s page_view /a\n121999 page_view "
     "/a\n241999 "
     "page_view /a\n",
     "2000 new navigation-loop/revisit medium /a\n241999 resolved ended navigation-loop /a\n"},
    {"a count that fell is raised only above its highest",
     "- set hesitation.enabled 0\n0 page_view /a\n1s page_view /a\n2s page_view /a\n100s page_view "
     "/a\n121500 "
     "page_view /a\n122s page_view /a\n123s page_view /a\n124s page_view /a\n",
     "2000 new navigation-loop/revisit medium /a\n100000 raised navigation-loop/revisit high /a | User "
     "navigated to /a 4 "
     "times\n124000 raised navigation-loop/revisit high /a | User navigated to /a 5 times\n"},
    {"resolved by a person it may fire again",
     "0 page_view /a\n1s page_view /a\n2s page_view /a\n3s resolve navigation-loop /a\n4s page_view /a\n",
     "2000 new navigation-loop/revisit medium /a\n3000 resolved manual navigation-loop /a\n4000 new "
     "navigation-loop/revisit high /a\n"},
    {"a loop ends 120 s after the last visit to its page",
     "- set hesitation.enabled 0\n0 page_view /a\n1s page_view /a\n2s page_view /a\n121999 tick\n122s tick\n",
     "2000 new navigation-loop/revisit medium /a\n122000 resolved ended navigation-loop /a\n"},
    {"completion resolves loops and forgets visits",
     "0 page_view /a\n1s page_view /a\n2s page_view /a\n3s purchase /x\n4s page_view /a\n5s page_view /a\n",
     "2000 new navigation-loop/revisit medium /a\n3000 resolved completion navigation-loop /a\n"},
    {"a completion page forgets the visits before it",
     "0 page_view /a\n1s page_view /a\n2s page_view /confirm\n3s page_view /a\n", ""},
    {"bounce: three slow round trips",
     "- set hesitation.enabled 0\n0 page_view /a\n50s page_view /b\n100s page_view /a\n150s page_view "
     "/b\n200s page_view "
     "/a\n250s page_view /b\n",
     "250000 new navigation-loop/bounce medium /b | User bounced between /b and /a 3 times within 5 minutes, "
     "unable to "
     "find what they need.\n"},
    {"bounce: the first of six exactly 300 s ago does not count",
     "- set hesitation.enabled 0\n0 page_view /a\n60s page_view /b\n120s page_view /a\n180s page_view "
     "/b\n240s page_view "
     "/a\n300s page_view /b\n",
     ""},
    {"bounce: 299.999 s ago does",
     "- set hesitation.enabled 0\n1 page_view /a\n60s page_view /b\n120s page_view /a\n180s page_view "
     "/b\n240s page_view "
     "/a\n300s page_view /b\n",
     "300000 new navigation-loop/bounce medium /b\n"},
    {"bounce: it ends when its page is not visited, whatever the other one is",
     "- set hesitation.enabled 0\n- set navigation-loop.revisit-medium 60\n- set "
     "navigation-loop.revisit-high "
     "60\n0 page_view /a\n1s page_view /b\n2s page_view /a\n3s page_view /b\n4s page_view /a\n5s page_view "
     "/b\n"
     "100s page_view /a\n125s tick\n",
     "5000 new navigation-loop/bounce medium /b\n125000 resolved ended navigation-loop /b\n"},
    {"bounce: its page gets no revisit beside it, the other page does",
     "- set hesitation.enabled 0\n- set navigation-loop.revisit-medium 4\n0 page_view /a\n1s page_view "
     "/b\n2s page_view /a\n3s page_view /b\n4s page_view /a\n5s page_view /b\n6s page_view /b\n7s page_view "
     "/a\n",
     "5000 new navigation-loop/bounce medium /b\n7000 new navigation-loop/revisit high /a\n"},
    {"bounce: a page of a third kind breaks the run",
     "- set hesitation.enabled 0\n0 page_view /a\n40s page_view /b\n81s page_view /a\n121s page_view "
     "/b\n162s page_view "
     "/c\n202s page_view /b\n243s page_view /a\n",
     ""},
    {"bounce: seven visits are three trips, eight are four, raised by either page",
     "- set hesitation.enabled 0\n- set navigation-loop.revisit-medium 60\n- set "
     "navigation-loop.revisit-high 60\n"
     "0 page_view /a\n1s page_view /b\n2s page_view /a\n3s page_view /b\n4s page_view /a\n5s page_view "
     "/b\n6s page_view "
     "/a\n7s page_view /b\n8s page_view /a\n9s page_view /b\n",
     "5000 new navigation-loop/bounce medium /b\n7000 raised navigation-loop/bounce high /b | User bounced "
     "between /b "
     "and /a 4 times\n9000 raised navigation-loop/bounce high /b | User bounced between /b and /a 5 times\n"},
    {"revisit is looked at first, and its page gets no bounce",
     "0 page_view /a\n1s page_view /b\n2s page_view /a\n3s page_view /b\n4s page_view /a\n5s page_view /b\n",
     "4000 new navigation-loop/revisit medium /a\n5000 new navigation-loop/revisit medium /b\n"},
    {"the end of the session resolves loops",
     "0 page_view /a\n1s page_view /a\n2s page_view /a\n3s session_end\n",
     "2000 new navigation-loop/revisit medium /a\n3000 resolved session-end navigation-loop /a\n"},
    {"at one moment a pattern is made once (5.2)",
     "0 page_view /a\n0 page_view /a\n0 page_view /a\n0 purchase /x\n0 page_view /a\n0 page_view /a\n0 "
     "page_view /a\n",
     "0 new navigation-loop/revisit medium /a\n0 resolved completion navigation-loop /a\n"},
};

static const struct story_case window[] = {
    {"a visit exactly 120 s ago does not count",
     "- set hesitation.enabled 0\n0 page_view /a\n60s page_view /a\n120s page_view /a\n", ""},
    {"one 119.999 s ago does",
     "- set hesitation.enabled 0\n1 page_view /a\n60s page_view /a\n120s page_view /a\n",
     "120000 new navigation-loop/revisit medium /a\n"},
};

static const struct story_case abandonment[] = {
    {"60 s in the cart", "- set hesitation.enabled 0\n0 page_view /cart\n59999 tick\n60s tick\n",
     "attempt abandoned\n60000 new abandonment/timeout high /cart | User entered the checkout flow on /cart "
     "but did not "
     "complete the transaction within 60 seconds.\n"},
    {"completion before the deadline",
     "- set hesitation.enabled 0\n0 page_view /checkout\n9s purchase /checkout\n2m tick\n",
     "attempt completed\n"},
    {"a completion page completes",
     "- set hesitation.enabled 0\n0 page_view /checkout\n9s page_view /Thank-You/now\n2m tick\n",
     "attempt completed\n"},
    {"a completion at the deadline is too late, and resolves",
     "- set hesitation.enabled 0\n0 page_view /checkout\n60s purchase /checkout\n",
     "attempt abandoned\n60000 new abandonment/timeout high /checkout\n60000 resolved completion abandonment "
     "/checkout\n"},
    {"activity does not extend the deadline",
     "- set hesitation.enabled 0\n0 page_view /cart\n50s click /cart\n60s tick\n",
     "attempt abandoned\n60000 new abandonment/timeout high /cart\n"},
    {"unless that is set",
     "- set hesitation.enabled 0\n- set abandonment.extend-on-activity 1\n0 page_view /cart\n50s click "
     "/cart\n60s "
     "tick\n110s tick\n",
     "attempt abandoned\n110000 new abandonment/timeout high /cart\n"},
    {"another entry re-arms, the same one does not",
     "- set hesitation.enabled 0\n0 page_view /cart\n30s page_view /checkout\n40s page_view "
     "/checkout/address\n89999 tick\n90s "
     "tick\n",
     "attempt abandoned\n90000 new abandonment/timeout high /checkout\n"},
    {"/cartoons is no cart; case does not matter",
     "- set hesitation.enabled 0\n0 page_view /cartoons\n1s page_view /CART/x\n70s tick\n",
     "attempt abandoned\n61000 new abandonment/timeout high /CART/x\n"},
    {"leaving the cart for another page is no exit", "0 page_view /cart\n5s page_view /home\n9s tick\n", ""},
    {"leaving the checkout for another page is one", "0 page_view /checkout\n5s page_view /home\n",
     "attempt abandoned\n5000 new abandonment/exit high /checkout | User reached /checkout but navigated "
     "away without "
     "completing the purchase. Checkout flow was abandoned at the checkout stage.\n"},
    {"back to the cart from the payment is no exit", "0 page_view /payment\n5s page_view /cart\n9s tick\n",
     ""},
    {"abandon at any depth", "0 page_view /cart\n5s abandon /cart\n",
     "attempt abandoned\n5000 new abandonment/exit high /cart | User reached /cart but navigated away "
     "without completing "
     "the purchase. Checkout flow was abandoned at the cart stage.\n"},
    {"abandon without an attempt is nothing", "0 page_view /home\n5s abandon /home\n", ""},
    {"checkout_start on a page in no entry: stage checkout",
     "0 page_view /shop\n1s checkout_start /shop\n2s page_view /shop\n3s page_view /home\n",
     "attempt abandoned\n3000 new abandonment/exit high /shop | User reached /shop but navigated away "
     "without completing "
     "the purchase. Checkout flow was abandoned at the checkout stage.\n"},
    {"checkout_start on a funnel page is like a visit",
     "- set hesitation.enabled 0\n0 checkout_start /cart\n60s tick\n",
     "attempt abandoned\n60000 new abandonment/timeout high /cart\n"},
    {"pages in no entry are one entry",
     "- set hesitation.enabled 0\n0 checkout_start /x\n30s checkout_start /y\n60s tick\n",
     "attempt abandoned\n60000 new abandonment/timeout high /x\n"},
    {"a second one in the session is suppressed",
     "0 page_view /checkout\n1s page_view /home\n2s page_view /checkout\n3s page_view /home\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\nattempt abandoned\n"},
    {"in the next session it is not, and takes its place",
     "0 page_view /checkout\n1s page_view /home\n2s session_end\n3s page_view /checkout\n4s page_view "
     "/home\n5s purchase "
     "/x\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\nattempt abandoned\n4000 new "
     "abandonment/exit high "
     "/checkout\n5000 resolved completion abandonment /checkout\n"},
    {"a completion in a later session resolves it if less than 24 h have passed",
     "- set hesitation.enabled 0\n0 page_view /checkout\n1s page_view /home\n2s session_end\n86400999 "
     "purchase /x\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\n86400999 resolved completion abandonment "
     "/checkout\n"},
    {"at 24 h it does not",
     "- set hesitation.enabled 0\n0 page_view /checkout\n1s page_view /home\n2s session_end\n86401s purchase "
     "/x\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\n"},
    {"within its session an abandonment older than 24 h still suppresses",
     "- set hesitation.enabled 0\n- set abandonment.memory 10s\n0 page_view /checkout\n1s page_view "
     "/home\n12s purchase "
     "/x\n13s page_view /checkout\n14s page_view /home\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\nattempt abandoned\n"},
    {"checkout_start in another entry re-arms",
     "- set hesitation.enabled 0\n0 page_view /cart\n30s checkout_start /checkout\n60s checkout_start "
     "/checkout\n89999 tick\n90s tick\n",
     "attempt abandoned\n90000 new abandonment/timeout high /checkout\n"},
    {"once one is resolved, the session may have another",
     "0 page_view /checkout\n1s page_view /home\n2s purchase /x\n3s page_view /checkout\n4s page_view "
     "/home\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\n2000 resolved completion abandonment "
     "/checkout\nattempt abandoned\n4000 new abandonment/exit high /checkout\n"},
    {"also if a person resolved it",
     "0 page_view /checkout\n1s page_view /home\n2s resolve abandonment /checkout\n3s page_view "
     "/checkout\n4s page_view "
     "/home\n",
     "attempt abandoned\n1000 new abandonment/exit high /checkout\n2000 resolved manual abandonment "
     "/checkout\nattempt abandoned\n4000 new abandonment/exit high /checkout\n"},
    {"the session's end drops the attempt", "0 page_view /checkout\n1s session_end\n2m tick\n", ""},
    {"a twin is no visit to the funnel page",
     "- set hesitation.enabled 0\n0 navigate /cart\n500 page_view /cart\n60s tick\n",
     "attempt abandoned\n60000 new abandonment/timeout high /cart\n"},
};

static const struct story_case sessions[] = {
    {"30 min after the last event the session ends",
     "- set hesitation.medium 1h\n- set hesitation.high 1h\n0 page_view /a\n1800s tick\n",
     "10000 new hesitation low /a\n1800000 resolved session-end hesitation /a\n"},
    {"at 29:59.999 it goes on",
     "- set hesitation.medium 1h\n- set hesitation.high 1h\n0 page_view /a\n1799999 tick\n",
     "10000 new hesitation low /a\n"},
    {"a new session has no page", "0 page_view /a\n1s session_end\n2s custom\n1m tick\n", ""},
    {"a changed session_id does not end the session",
     "0 page_view /a s=1\n1s page_view /a s=2\n2s page_view /a s=3\n",
     "2000 new navigation-loop/revisit medium /a\n"},
    {"cooldowns outlive the session", "0 page_view /a\n10s session_end\n11s page_view /a\n25s tick\n",
     "10000 new hesitation low /a\n10000 resolved session-end hesitation /a\n"},
    {"users do not touch each other", "0 page_view /a u=x\n1s page_view /a u=y\n2s page_view /a u=z\n", ""},
};

static const struct story_case duplicates[] = {
    {"the same id takes effect once", "0 page_view /a id=1\n1s page_view /a id=1\n2s page_view /a id=2\n",
     "duplicate\n"},
    {"within 1 h; at exactly 1 h it is a new event",
     "- set hesitation.enabled 0\n0 page_view /a id=1\n3599999 click /a id=1\n3600s click /a id=1\n",
     "duplicate\n"},
    {"another user's id is another id", "0 page_view /a id=1\n1s page_view /a id=1 u=v\n", ""},
    {"a duplicate moves the clock but nothing else", "0 page_view /a id=1\n10s page_view /a id=1\n",
     "10000 new hesitation low /a\nduplicate\n"},
};

static const struct story_case live_time[] = {
    {"a deadline waits for the grace", "- live\n1h page_view /a\n3610499 tick\n3610500 tick\n",
     "3610000 new hesitation low /a\n"},
    {"what happened before the deadline and arrives in the grace counts",
     "- live\n1h page_view /a\n3610400 click /a ts=3609900\n3611s tick\n", ""},
    {"a future timestamp is now", "- live\n1h page_view /a ts=2h\n3610500 tick\n",
     "3610000 new hesitation low /a\n"},
    {"5 min old is believed", "- live\n1h page_view /a ts=3300000\n3600001 tick\n",
     "3310000 new hesitation low /a\n3315000 raised\n3330000 raised\n"},
    {"older without sent_at is adjusted", "- live\n1h page_view /a ts=3299999\n", "adjusted 3600000\n"},
    {"older with sent_at is late and drives nothing",
     "- live\n1h page_view /a ts=3299999 sent=3600000\n1h page_view /a ts=3299999 sent=3600000\n1h page_view "
     "/a "
     "ts=3299999 sent=3600000\n",
     "late 3299999\nlate 3299999\nlate 3299999\n"},
    {"a skewed clock is corrected in steps of 5 min",
     "- live\n2h page_view /a ts=3600000 sent=3600000\n2h page_view /a ts=3600100 sent=3600100\n", ""},
    {"sent_at 5 min off is transit, 1 ms more is a wrong clock",
     "- live\n2h page_view /a ts=6900000 sent=6900000\n2h page_view /b ts=6899999 sent=6899999 u=v\n7205s "
     "tick\n7211s tick\n",
     "6910000 new hesitation low /a\n6915000 raised hesitation medium /a\n6930000 raised hesitation high "
     "/a\n7209999 new hesitation low /b\n"},
    {"the user's time never runs backward",
     "- live\n1h page_view /a ts=3599000\n3600001 page_view /a ts=3598000\n3600002 page_view /a ts=3597000\n",
     "3599000 new navigation-loop/revisit medium /a\n"},
    {"what was sent together comes before deadlines that lie in the past",
     "- live\n1h checkout_start /checkout ts=3360000\n1h purchase /checkout ts=3369000\n1h page_exit "
     "/checkout "
     "ts=3369000\n3700s tick\n",
     "attempt completed\n"},
    {"a deadline made in the past fires when the clock moves",
     "- live\n- set hesitation.enabled 0\n1h page_view /checkout ts=3500000\n3600001 purchase /checkout\n",
     "attempt abandoned\n3560000 new abandonment/timeout high /checkout\n3600001 resolved completion"},
    {"a cooldown lasts for a deadline that waits in its grace",
     "- live\n0 click /a\n10500 tick\n39900 click /a\n70100 page_performance /a\n80s tick\n",
     "10000 new hesitation low /a\n15000 raised\n30000 raised\n39900 resolved activity hesitation /a\n"},
    {"a cooldown is remembered as long as an old event can still meet it",
     "- live\n0 click /a\n10500 tick\n11s session_end\n320s click /a ts=21000\n40m tick\n",
     "10000 new hesitation low /a\n11000 resolved session-end hesitation /a\n"},
    {"a completion that waited is seen before its deadline",
     "- live\n- set hesitation.enabled 0\n1h page_view /checkout\n3630s purchase /checkout\n3700s tick\n",
     "attempt completed\n"},
};

/* To and fro is no quick-back in these stories: they are about 4.1 to 4.3 and the frame around. */
#define QUIET "- set quick-back.enabled 0\n"

STORIES(hesitation, QUIET)
STORIES(cooldown, QUIET)
STORIES(loops, QUIET)
STORIES(window, QUIET)
STORIES(abandonment, QUIET)
STORIES(sessions, QUIET)
STORIES(duplicates, QUIET)
STORIES(live_time, QUIET)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hesitation_stories),  cmocka_unit_test(cooldown_stories),
        cmocka_unit_test(loops_stories),       cmocka_unit_test(window_stories),
        cmocka_unit_test(abandonment_stories), cmocka_unit_test(sessions_stories),
        cmocka_unit_test(duplicates_stories),  cmocka_unit_test(live_time_stories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
