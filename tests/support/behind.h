/* Users that are stored behind the rest (app/worker/checkpoint.c): what stories on worker_rig.h share.
 *
 * Live time, and entries of the test's own ids, an hour ahead of the clock: so nothing is due but what the test appends, and
 * the same entries can be given to another worker. Any byte is a load here; but a load is known only after a while, so
 * the stories go on adding until users are behind. */
#ifndef BL_TEST_BEHIND_H
#define BL_TEST_BEHIND_H

#include <stdbool.h>
#include <stdint.h>

#define P       "bl:{test:0}:"
#define HOUR_MS 3600000LL
#define SECOND  1000
#define IDS     1000000
#define USERS   23 /* u0, u1 ... who browse */

extern int64_t at_ms; /* of the last entry; each new one comes 7 ms later */
extern int number;    /* of events sent: their ids */

/* In place of worker_rig.h's: any load is one, and users may be behind for as long as there is. */
int setup_behind(void **state);
void append(const char *kind, const char *text);
void send_as(const char *user, const char *action, const char *page, int id);
void does(const char *user, const char *action, const char *page);
/* One of USERS does something, now and then twice what was sent before. */
void browse(void);
/* Makes a pattern. */
void go_round(const char *user);
void resolve_newest(void);
void erase(const char *user, const char *what); /* "erase" or "readmit" */

/* Not longer than anything takes, since the story began. */
bool in_time(void);
/* A number of the position; -1: it is not there. */
long long place(const char *field);
bool is_behind(void);
/* 1: the user's state is there. */
long long stored(const char *user);
/* Entries, since the stream began. */
long long added(void);
/* Turns until all is committed. */
void follow(void);
void until_behind(void);
void until_caught_up(void);

#endif
