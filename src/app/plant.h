/* Faults planted on purpose, so that the simulation (tests/sim) can show that it would find them. In the program
 * BL_PLANT is 0 and nothing of them is compiled; only the simulation's own copy of this layer, and its store, know
 * them, one at a time, chosen at run time.
 *
 * X(NAME, name on the command line, what is wrong then) */
#ifndef BL_APP_PLANT_H
#define BL_APP_PLANT_H

#define BL_PLANTS(X)                                                                                         \
    X(NO_FENCE, "no-fence", "nobody asks whether the fence holds")                                           \
    X(NO_NONCE, "no-nonce", "a fence is its epoch, without the nonce")                                       \
    X(ACK_FIRST, "ack-first", "entries are acknowledged before their commit")                                \
    X(NO_ACK, "no-ack", "a commit leaves its entries unacknowledged")                                        \
    X(CACHE_KEPT, "cache-kept", "what was cached outlives the lease")                                        \
    X(PENDING_SKIPPED, "pending-skipped", "a new owner does not ask for what its predecessor had read")      \
    X(PENDING_SHUFFLED, "pending-shuffled", "pending entries come in the wrong order")                       \
    X(TICK_UNREAD, "tick-unread", "time enters the stream while entries are unread")                         \
    X(DEADLINE_AFTER, "deadline-after", "a deadline fires after the entry that moved the clock past it")     \
    X(IDS_FIRST, "ids-first", "event ids are remembered before the commit")                                  \
    X(STATE_DROPPED, "state-dropped", "a user's state is dropped though a deadline is pending")              \
    X(WATCH_KEPT, "watch-kept", "a new connection is believed to watch the fence, as the old one did")       \
    X(RULES_EARLY, "rules-early", "new rules hold for deadlines that were due before them")                  \
    X(RULES_OWN, "rules-own", "a new owner begins with the rules of its own file")                           \
    X(ATTEMPT_CLOCK, "attempt-clock", "an attempt counts in the minute that its round has reached")          \
    X(CHECKOUT_PAGE, "checkout-page", "a checkout that moves on in its millisecond keeps the page it had")   \
    X(SCHEDULE_LATE, "schedule-late", "a deadline that comes earlier is not scheduled earlier")              \
    X(POISON_EARLY, "poison-early", "what one owner did not come back from is taken for poison")             \
    X(MARK_IGNORED, "mark-ignored", "what owners died of is tried for ever")                                 \
    X(MARK_KEPT, "mark-kept", "marks outlive the commit of their entry")                                     \
    X(MARK_LEFT, "mark-left", "an owner that lives leaves its mark behind")                                  \
    X(NEIGHBOURS, "neighbours", "what is poison takes the rest of its entry with it")                        \
    X(ERASED_TAKEN, "erased-taken", "events of an erased user are taken as if nothing had happened")         \
    X(ERASED_FORGOTTEN, "erased-forgotten", "a new owner knows no tombstones")                               \
    X(TOMBSTONE_LOST, "tombstone-lost", "a tombstone is not stored with what it stands for")                 \
    X(ERASED_DUE, "erased-due", "an erased user's deadline stays scheduled")                                 \
    X(ERASE_HALF, "erase-half", "an erase of many patterns is acknowledged with its first step")             \
    X(READ_UNFENCED, "read-unfenced", "a fetch by transaction does not mind the fence")                      \
    X(DUES_EARLY, "dues-early", "the deadlines told with a commit are those from before it")                 \
    X(DUES_SOME, "dues-some", "the deadlines told with the entries are taken for all that are due")          \
    X(DUES_STALE, "dues-stale", "who is due first is believed to be so still, whoever was put since")        \
    X(IDLE_AGAIN, "idle-again", "who was last seen long ago is believed to be looked at more than once")     \
    X(IDLE_MISSED, "idle-missed",                                                                            \
      "a new owner believes that all were looked at up to the clock, in its grace")                          \
    X(IDLE_TIES, "idle-ties", "a round halts among users who were last seen at one time")                    \
    X(HELD_LEFT, "held-left", "a commit that is held for others is held when they are answered, too")        \
    X(TURN_KEPT, "turn-kept", "an owner that fails keeps its turn")                                          \
    X(REDO_SKIPPED, "redo-skipped",                                                                          \
      "a new owner takes users as they are stored, however far they are behind")                             \
    X(REDO_TOLD, "redo-told", "what a new owner goes through once more is told and counted once more")       \
    X(REDO_UNMARKED, "redo-unmarked", "a redo that owners died of is begun again and again")                 \
    X(STORE_UNWATCHED, "store-unwatched",                                                                    \
      "a redo is begun again and again though owners died of storing what it gave")                          \
    X(VISIT_LOST, "visit-lost", "who is to be looked at is forgotten where a commit leaves users out")       \
    X(TICK_BEHIND, "tick-behind", "time enters the stream for deadlines of users who are behind")            \
    X(IDS_LEFT, "ids-left", "a commit that leaves users out forgets the event ids it has seen")              \
    X(RECENT_LOST, "recent-lost", "a new owner does not bring recent events back that were not stored")      \
    X(RECENT_EARLY, "recent-early",                                                                          \
      "recent events are stored with each commit, and brought back all the same")                            \
    X(RECENT_GAP, "recent-gap", "recent events of before a gap stay with those behind it")                   \
    X(RECENT_ERASED, "recent-erased", "recent events that are not stored yet outlive their user's erasure")  \
    X(RECENT_UNREAD, "recent-unread", "recent events that are too many to be read outlive an erasure")       \
    X(PART_REDONE, "part-redone", "a new owner redoes users whom a checkpoint in parts has stored")          \
    X(PART_SKIPPED, "part-skipped", "it takes no note of their events")                                      \
    X(PART_KEPT, "part-kept", "what a checkpoint in parts has noted is believed at any position")            \
    X(ACTIVE_LEFT, "active-left", "a user's place among the active ones is never moved")                     \
    X(NEEDED_LEAVE, "needed-leave", "who is needed by a round under way may leave memory")                   \
    X(TEXTS_EARLY, "texts-early", "the texts of a batch are let go of with its first round")

#ifdef BL_SIMULATION
#define BL_PLANT_ENUM(id, name, what) BL_PLANT_##id,
enum bl_plant { BL_PLANT_NONE, BL_PLANTS(BL_PLANT_ENUM) BL_PLANT_COUNT };
#undef BL_PLANT_ENUM
extern enum bl_plant bl_plant;
#define BL_PLANT(id) (bl_plant == BL_PLANT_##id)
#else
#define BL_PLANT(id) 0
#endif

#endif
