/* Every bound of the program that is not a setting, in one place. Units are in the names. */
#ifndef BL_BASE_LIMITS_H
#define BL_BASE_LIMITS_H

/* One event (SPEC 2.1) */
#define BL_USER_ID_MAX_BYTES    128
#define BL_SESSION_ID_MAX_BYTES 128
#define BL_EVENT_ID_MAX_BYTES   64
#define BL_PAGE_MAX_BYTES       2048
#define BL_TEXT_MAX_BYTES       512 /* country, device, user_agent, ip_address, referrer, title */
#define BL_METADATA_MAX_BYTES   8192
#define BL_JSON_MAX_DEPTH       9 /* of an event: metadata, its second level, has 8 (SPEC 2.1) */
#define BL_TIMESTAMP_MAX_MS     9007199254740992LL /* 2^53 */
#define BL_EVENT_MAX_BYTES      (32 * 1024)        /* one encoded event line */

/* One user's state (core) */
#define BL_VISITS_MAX            64  /* SPEC 4.2 */
#define BL_WINDOW_MAX            200 /* events kept per user (SPEC 6) */
#define BL_WINDOW_MS             300000
#define BL_WINDOW_CHUNK          16 /* moments in one stored field; the window is pruned by whole chunks */
#define BL_WINDOW_KEEP           (BL_WINDOW_MAX + BL_WINDOW_CHUNK)
#define BL_EVIDENCE_MAX          8    /* events in a pattern's evidence (SPEC 5.1) */
#define BL_OPEN_MAX              64   /* open patterns of one user */
#define BL_MARKS_MAX             128  /* cooldowns, attempts, forms and the like of one user */
#define BL_NAMES_MAX             2048 /* distinct strings in one user's state */
#define BL_NAMES_BYTES           (4 * 1024 * 1024)
#define BL_VISITS_KEEP_MS        3600000 /* no rule's window is longer */
#define BL_FACTS_MAX             8       /* numbers behind one sentence */
#define BL_FRICTION_MAX          100     /* the score of a session, and the most that one pattern can add */
#define BL_EXPLANATION_MAX_BYTES (3 * BL_PAGE_MAX_BYTES)

/* Time (SPEC 3.2) */
#define BL_SKEW_MS 300000 /* what counts as in time, and the step of clock correction */

/* Settings of rules */
#define BL_RULE_PARAMS_MAX 12
#define BL_LIST_MAX        32 /* entries of one list setting */

/* Alerts */
#define BL_ALERT_RULES_MAX      32
#define BL_ALERT_NAME_MAX_BYTES 64
#define BL_ALERT_URL_MAX_BYTES  2048
#define BL_ALERT_OVER_MAX       1000   /* the largest threshold */
#define BL_ALERT_WINDOW_MAX     2048   /* patterns remembered in one rule's window */
#define BL_ALERT_BATCH          64     /* changes decided in one step */
#define BL_ALERT_OUTBOX_MAX     1000   /* alerts that wait for one rule's webhook */
#define BL_ALERT_DECIDED_MAX    200000 /* decisions (pattern and rule) remembered */
#define BL_ALERT_BODY_MAX_BYTES (64 * 1024)

/* Streams and Redis */
#define BL_PARTITIONS_MAX      256
#define BL_ENV_MAX_BYTES       32
#define BL_BAD_EVENT_MAX_BYTES 4096
#define BL_RECORD_BATCH_EVENTS 512 /* events in one stream entry */
#define BL_RECORD_BATCH_BYTES  (64 * 1024)
#define BL_FETCH_ENTRIES       1024 /* entries in one fetch */
#define BL_SUSPECT_ENTRIES     16   /* in one round after the first delivery; one by one after a death */
#define BL_DEAD_MARKS_MAX      100  /* of owners that did not come back; then all begins anew */
#define BL_POISON_DEATHS       3    /* owners that died of the same step until it is set aside */
#define BL_DUE_FETCHED         64   /* of them told with the entries */
#define BL_DUE_MAX             8192 /* users with a deadline due in one fetch */
#define BL_GRACE_MAX_MS        60000
#define BL_IDLE_MS             1800000 /* who was last seen so long ago is looked at, without a deadline (app/ports.h) */
#define BL_ACTIVE_LAG_MS       10000 /* under load, a user's place among the active ones may be so far behind */
#define BL_CALM_BYTES          (5 * 1000 * 1000) /* of events a second, in all partitions, some 25,000: no load yet */
#define BL_BEHIND_BYTES        (256 * 1024 * 1024) /* of events behind which users are stored, in all partitions */
#define BL_EVICT_COMER         4   /* users looked at for one that comes to hand, while there are too many */
#define BL_EVICT_CHANGED       2   /* and for one that has changed */
#define BL_EVICT_ROUND         256 /* and after each commit */
#define BL_WORKERS_MAX         256
#define BL_REPLY_ELEMENTS_MAX  (2 * 1024 * 1024)           /* of one array */
#define BL_LINK_BYTES_MAX      ((size_t)64 * 1024 * 1024)  /* on their way to Redis, on one connection */
#define BL_REPLY_BYTES_MAX     ((size_t)512 * 1024 * 1024) /* of one reply of Redis */
#define BL_RULES_KEPT          1000                        /* versions of the rules in a data set's history */
#define BL_AUDIT_WAITING_MAX   1024                        /* audit entries that wait in one process */

/* Erasure */
#define BL_TOMBSTONES_MAX     131072                  /* erased users remembered, per partition */
#define BL_ERASE_PATTERNS     200                     /* of one user, removed in one commit */
#define BL_ERASE_RECENT_BYTES (BL_LINK_BYTES_MAX / 4) /* of recent events, that such a commit keeps */
#define BL_ERASE_ENTRY_BYTES  4096  /* an erase entry has this and more: see wire/command.h */
#define BL_ERASE_SETTLE_MS    10000 /* until every serve process refuses an erased user */
#define BL_ERASE_STEPS        8     /* erasures of one partition that are finished at a time */

/* Explanations by a model (SPEC 5.5) */
#define BL_EXPLAIN_HELD_MAX     256    /* patterns that wait in one process */
#define BL_EXPLAIN_AT_ONCE      4      /* calls under way */
#define BL_EXPLAIN_ATTEMPTS_MAX 3      /* calls for one pattern */
#define BL_EXPLAIN_CALLS_MAX    1000   /* calls a minute that can be set */
#define BL_EXPLAIN_PAUSE_MAX_MS 300000 /* longest pause, whatever Retry-After says */
#define BL_EXPLAIN_ANSWER_BYTES (64 * 1024)

/* Event streams (SPEC 6, GET /api/stream) */
#define BL_STREAM_BYTES_MAX    (256 * 1024) /* waiting for one slow reader */
#define BL_STREAM_KERNEL_BYTES (64 * 1024)  /* and in the kernel, which else takes up to 4 MiB for each */
#define BL_STREAM_ID_MAX       8192         /* Last-Event-ID */
#define BL_FEED_ENTRIES        32           /* of one partition's change feed, in one read */

/* Rate limits and overload */
#define BL_RATE_MAX          1000000 /* tokens a second, and tokens in a bucket, that can be set */
#define BL_LIMITER_PLACES    65536   /* buckets at a time in one table; 24 bytes each */
#define BL_PROCESSES_MAX     1024    /* live processes that are looked at for the share of a limit */
#define BL_CIDRS_MAX         64      /* networks in trusted-proxies */
#define BL_FORWARDED_MAX     32      /* addresses of X-Forwarded-For that are looked at */
#define BL_RETRY_AFTER_MAX_S 3600

/* Keys */
#define BL_KEYS_MAX              256 /* that hold in one environment */
#define BL_KEY_NAME_MAX_BYTES    64
#define BL_KEY_ORIGINS_MAX_BYTES 1024 /* of one key, together */
#define BL_TOKEN_MIN_BYTES       32
#define BL_TOKEN_MAX_BYTES       128
#define BL_KEYS_TEXT_MAX_BYTES   (256 * 1024) /* of a file, or of BL_KEYS */
#define BL_LOGIN_MAX_BYTES       1024         /* body of POST /login */
#define BL_LOGIN_AGAIN_MS        600000 /* a key that logs in again within this time is not written down again */

/* Base */
#define BL_BUF_MAX_BYTES ((size_t)256 * 1024 * 1024)

#endif
