/* What each stage of an event's way costs, alone, on fixed input: the same bytes at every run, so that instructions can
 * be counted and compared (tests/bench/budget). The work to be counted happens inside stage_run and nowhere else.
 *
 *   micro                 every stage, in ns an event on this machine
 *   micro STAGE           one of them
 *
 * Input: 8,000 events of 500 users from the load generator, in batches of 500, spread over half a minute, so that each
 * acts every two seconds. How many patterns they make and change is told on standard error. */
#include "bl/app/partition.h"
#include "bl/config/config.h"
#include "bl/config/settings.h"
#include "bl/wire/row.h"
#include "bl/wire/state.h"
#include "load.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define BATCHES      16
#define BATCH        500
#define EVENTS       (BATCHES * BATCH)
#define USERS        500
#define ROUNDS       20
#define START_MS     1700000000000LL
#define EVENT_GAP_MS 4
#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x)) {                                                                                          \
            fprintf(stderr, "micro: %s:%d: %s\n", __FILE__, __LINE__, #x);                                   \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static struct {
    struct bl_buf bodies[BATCHES]; /* as clients send them */
    struct bl_buf lines[EVENTS];   /* as they stand in the stream */
    size_t n_lines;
    struct bl_decoder *decoder;
    struct bl_config *config;
    struct bl_partition *partition;
    struct bl_user **users; /* as they were at the end of the stream: a sample */
    struct bl_buf *texts;
    struct bl_state_field (*fields)[BL_STATE_FIELDS_MAX];
    size_t n_users;
    struct bl_state_decoder *states;
    struct bl_user *scratch;
    struct bl_world world;
    struct slot slot;
    struct bl_buf text;
    uint64_t patterns;
} m;

#define SAMPLE 200

/* What is random in the program is the same at every run: the order in which maps give back what they hold. */
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags)
{
    (void)flags;
    memset(to, 7, n);
    return (ssize_t)n;
}

/* ---- input ---- */

static void make_id(void *ctx, char out[36])
{
    static unsigned n;
    char text[40];
    (void)ctx;
    snprintf(text, sizeof text, "01890000-0000-7000-8000-%012u", n++);
    memcpy(out, text, 36);
}

static void keep_line(void *ctx, size_t index, const struct bl_record *record,
                      const struct bl_problem *problem, struct bl_str raw)
{
    (void)ctx, (void)index, (void)raw;
    CHECK(record && !problem && m.n_lines < EVENTS);
    bl_buf_init(&m.lines[m.n_lines], 0);
    bl_buf_str(&m.lines[m.n_lines++], record->line);
}

static void decode(size_t batch, bl_decoded_fn *fn)
{
    struct bl_decode_options options = {.max_events = BATCH, .make_id = make_id};
    struct bl_problem problem;
    CHECK(bl_decode_body(m.decoder, BL_BODY_BATCH, bl_buf_view(&m.bodies[batch]), &options, fn, NULL,
                         &problem) == BL_OK);
}

static void make_bodies(void)
{
    struct load_options o = {.batch = BATCH, .users = USERS, .connections = 1};
    uint64_t seed = 7;
    struct request r;
    load_request_make(&r, &o, load_site_new(USERS, seed), 0);
    for (size_t i = 0; i < BATCHES; i++) {
        CHECK(load_request_next(&r, &seed));
        const char *body = strstr(r.text, "\r\n\r\n") + 4;
        bl_buf_init(&m.bodies[i], 0);
        bl_buf_str(&m.bodies[i], (struct bl_str){body, r.n - (size_t)(body - r.text)});
        decode(i, keep_line);
    }
}

static void on_pattern(void *ctx, const struct bl_pattern *pattern)
{
    struct bl_row row;
    (void)ctx;
    bl_buf_clear(&m.text);
    CHECK(bl_row_of(pattern, &m.text, &row) == BL_OK);
    m.patterns++;
}

static void fresh_partition(void)
{
    struct bl_partition_sink sink = {.pattern = on_pattern};
    struct bl_hash_key key = {1, 2};
    bl_partition_free(m.partition);
    CHECK(bl_partition_new(bl_config_rules(m.config), false, key, 100000, 3600000, &sink, &m.partition) ==
          BL_OK);
    bl_partition_set_clock(m.partition, START_MS);
}

static void step(size_t i)
{
    struct bl_record r;
    struct bl_member *who;
    CHECK(bl_record_read(m.decoder, bl_buf_view(&m.lines[i]), &r) == BL_OK);
    if (!bl_partition_member(m.partition, r.user_id))
        CHECK(bl_partition_member_put(m.partition, r.user_id, NULL, &who) == BL_OK);
    CHECK(bl_partition_record(m.partition, &r, START_MS + (int64_t)i * EVENT_GAP_MS) == BL_OK);
}

/* Every other user as the stream left him. */
static void sample_users(void)
{
    size_t at = 0, k = 0;
    m.users = calloc(SAMPLE, sizeof *m.users);
    m.texts = calloc(SAMPLE, sizeof *m.texts);
    m.fields = calloc(SAMPLE, sizeof *m.fields);
    CHECK(m.users && m.texts && m.fields);
    for (struct bl_member *x; m.n_users < SAMPLE && (x = bl_partition_member_next(m.partition, &at)); k++) {
        if (k % 2 != 0 || !x->state)
            continue;
        m.users[m.n_users] = bl_user_place(malloc(bl_user_bytes(&x->state->room)), &x->state->room);
        bl_user_copy(m.users[m.n_users], x->state);
        bl_buf_init(&m.texts[m.n_users], 0);
        CHECK(bl_state_encode(m.users[m.n_users], &m.texts[m.n_users], m.fields[m.n_users]) == BL_OK);
        m.n_users++;
    }
}

static void prepare(void)
{
    static char *argv[] = {NULL};
    struct bl_config_input in = {.command = BL_FOR_WORKER, .command_name = "micro", .env = argv};
    int argc = 0;
    struct bl_buf problems;
    bl_buf_init(&problems, 0);
    bl_buf_init(&m.text, 0);
    CHECK(bl_config_read(&in, &argc, argv, &m.config, &problems) == BL_OK);
    CHECK(bl_decoder_new(&m.decoder) == BL_OK && bl_state_decoder_new(&m.states) == BL_OK);
    m.scratch = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    m.world.magic = WORLD_MAGIC;
    m.world.slots = &m.slot;
    m.slot.magic = SLOT_MAGIC;
    m.slot.world = &m.world;
    commands_init(&m.slot.commit, BL_STR("dev"), 0);
    commands_init(&m.slot.watch, BL_STR("dev"), 0);
    make_bodies();
    fresh_partition();
    for (size_t i = 0; i < EVENTS; i++)
        step(i);
    fprintf(stderr, "%d events make or change %llu patterns\n", EVENTS, (unsigned long long)m.patterns);
    sample_users();
}

/* ---- stages: one round each; what it returns is what the cost is divided by ---- */

static void nothing(void *ctx, size_t index, const struct bl_record *record, const struct bl_problem *problem,
                    struct bl_str raw)
{
    (void)ctx, (void)index, (void)record, (void)problem, (void)raw;
}

static size_t run_decode(void)
{
    for (size_t i = 0; i < BATCHES; i++)
        decode(i, nothing);
    return EVENTS;
}

static size_t run_read(void)
{
    struct bl_record r;
    for (size_t i = 0; i < EVENTS; i++)
        CHECK(bl_record_read(m.decoder, bl_buf_view(&m.lines[i]), &r) == BL_OK);
    return EVENTS;
}

/* With the reading, which cannot be taken apart from it: a record borrows from its line. */
static size_t run_step(void)
{
    fresh_partition();
    for (size_t i = 0; i < EVENTS; i++)
        step(i);
    return EVENTS;
}

static size_t run_encode(void)
{
    struct bl_state_field fields[BL_STATE_FIELDS_MAX];
    for (size_t i = 0; i < m.n_users; i++)
        CHECK(bl_state_encode(m.users[i], &m.text, fields) == BL_OK);
    return m.n_users;
}

static size_t run_restore(void)
{
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    for (size_t i = 0; i < m.n_users; i++) {
        size_t n = 0;
        for (size_t k = 0; k < BL_STATE_FIELDS_MAX; k++)
            if (m.fields[i][k].value.n)
                pairs[n++] = (struct bl_state_pair){bl_str_of(m.fields[i][k].name), m.fields[i][k].value};
        CHECK(bl_state_decode(m.states, m.scratch, pairs, n, NULL) == BL_OK);
    }
    return m.n_users;
}

/* The commands of a commit of all the sample: each with the fields that one event changes. */
static size_t run_commit(void)
{
    struct bl_str user = BL_STR("user-00001234");
    world_begin(&m.world, 0);
    for (size_t i = 0; i < m.n_users; i++) {
        struct bl_state_field set[3];
        size_t n = 0;
        for (size_t k = 0; k < BL_STATE_FIELDS_MAX && n < 3; k++)
            if (m.fields[i][k].value.n)
                set[n++] = m.fields[i][k];
        struct bl_put_user u = {.user_id = user,
                                .set = set,
                                .n_set = n,
                                .expires_ms = BL_NEVER,
                                .due_ms = BL_NEVER,
                                .checkout_ms = BL_NEVER,
                                .active_ms = START_MS};
        world_put_user(&m.world, 0, &u);
    }
    return m.n_users;
}

static const struct stage {
    const char *name, *what;
    size_t (*round)(void);
} stages[] = {
    {"decode", "a client's batch to canonical lines, an event", run_decode},
    {"read", "a canonical line back to a record, an event", run_read},
    {"step", "read, and through the rules, patterns included, an event", run_step},
    {"encode", "a user's state to text, a user", run_encode},
    {"restore", "a user's state from text, a user", run_restore},
    {"commit", "a user's part of a commit as commands, a user", run_commit},
};

/* What callgrind collects. */
size_t stage_run(const struct stage *s);
__attribute__((noinline)) size_t stage_run(const struct stage *s)
{
    return s->round();
}

static void measure(const struct stage *s, unsigned rounds)
{
    size_t n = 0;
    int64_t from = load_now_us();
    for (unsigned i = 0; i < rounds; i++)
        n += stage_run(s);
    printf("%-8s %8zu %10.0f ns   %s\n", s->name, n, (double)(load_now_us() - from) * 1000 / (double)n,
           s->what);
}

int main(int argc, char **argv)
{
    prepare();
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (argc < 2 || strcmp(argv[1], stages[i].name) == 0)
            measure(&stages[i], argc > 2 ? (unsigned)atoi(argv[2]) : ROUNDS);
    return 0;
}
