/* The command line of the simulation:
 *
 *   simulation --seeds 1..2000                 many runs; the first that goes wrong is run again, told step by step
 *   simulation --seed 1234                     one run, told
 *   simulation --seeds 1..2000 --plant NAME    with a fault planted on purpose: succeeds if it is found
 *   simulation --seed 1234 --plant NAME        and how it is found
 *   simulation --plants                        their names */
#include "sim.h"

#include "bl/base/log.h"
#include "bl/core/tunable.h"
#include "bl/wire/rules.h"

enum bl_plant bl_plant;
struct sim_rules sim_rules;
const struct bl_hash_key sim_key = {0x73696d, 0x756c6174696f6e};

static const struct {
    const char *name, *what;
} plants[] = {
#define PLANT(id, name, what) [BL_PLANT_##id] = {name, what},
    BL_PLANTS(PLANT)
#undef PLANT
};

static void usage(void)
{
    fputs("usage: simulation (--seed N | --seeds A..B) [--plant NAME] | --plants\n", stderr);
    exit(2);
}

static enum bl_plant plant_of(const char *name)
{
    for (unsigned i = 1; i < BL_PLANT_COUNT; i++)
        if (strcmp(plants[i].name, name) == 0)
            return (enum bl_plant)i;
    fprintf(stderr, "no fault is called %s\n", name);
    exit(2);
}

/* All times a fraction of the usual, so that deadlines of every kind come up in a few seconds. */
static void make_rules(void)
{
    static const int64_t faster[SIM_RULES] = {30, 60, 30, 15};
    for (int i = 0; i < SIM_RULES; i++) {
        struct bl_settings *s = &sim_rules.settings[i];
        struct bl_tunable t;
        bl_settings_defaults(s);
        for (size_t k = 0; bl_tunable_at(k, &t); k++) {
            union bl_value v = bl_tunable_get(s, k);
            if (t.type != BL_PARAM_MS)
                continue;
            v.i /= v.i > 1000000 ? 20 * faster[i] : faster[i];
            if (v.i < t.min)
                v.i = t.min;
            bl_tunable_set(s, k, v);
        }
        s->rule[BL_RULE_QUICK_BACK].enabled = i != 2;
        bl_rules_write(s, &sim_rules.text[i]);
    }
}

static int tell(struct sim *s, uint64_t seed)
{
    bool good = sim_run(s, seed, true);
    printf("seed %llu: %s\n", (unsigned long long)seed, good ? "nothing is wrong" : "WRONG");
    if (!good)
        printf("  %.*s\n", BL_STR_ARG(bl_buf_view(&s->said)));
    return good == (bl_plant == BL_PLANT_NONE) ? 0 : 1;
}

static int run_many(struct sim *s, uint64_t from, uint64_t to)
{
    for (uint64_t seed = from; seed <= to; seed++) {
        if (sim_run(s, seed, false))
            continue;
        if (bl_plant == BL_PLANT_NONE)
            return tell(s, seed);
        printf("%s: found with seed %llu\n  %.*s\n", plants[bl_plant].name, (unsigned long long)seed,
               BL_STR_ARG(bl_buf_view(&s->said)));
        return 0;
    }
    printf("%llu seeds: nothing is wrong. %zu commits, %zu crashes, %zu take-overs, %zu times fenced, %zu "
           "patterns\n",
           (unsigned long long)(to - from + 1), s->n_commits, s->n_crashes, s->n_takeovers, s->n_fenced,
           s->n_patterns);
    if (bl_plant == BL_PLANT_NONE)
        return s->n_fenced && s->n_crashes && s->n_takeovers && s->n_patterns ? 0 : 1;
    printf("%s: NOT found\n", plants[bl_plant].name);
    return 1;
}

static int run(struct sim *s, const char *seed, const char *seeds)
{
    char *end;
    unsigned long long from = strtoull(seed ? seed : seeds, &end, 10), to;
    if (seed)
        return *end ? (usage(), 2) : tell(s, from);
    if (strncmp(end, "..", 2) != 0)
        usage();
    to = strtoull(end + 2, &end, 10);
    if (*end || to < from)
        usage();
    return run_many(s, from, to);
}

int main(int argc, char **argv)
{
    const char *seed = NULL, *seeds = NULL;
    static struct sim s;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--plants") == 0) {
            for (unsigned k = 1; k < BL_PLANT_COUNT; k++)
                printf("%-16s %s\n", plants[k].name, plants[k].what);
            return 0;
        }
        if (!value)
            usage();
        if (strcmp(argv[i], "--seed") == 0)
            seed = argv[++i];
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = argv[++i];
        else if (strcmp(argv[i], "--plant") == 0)
            bl_plant = plant_of(argv[++i]);
        else
            usage();
    }
    if (!seed == !seeds)
        usage();
    bl_log_setup("simulation", (enum bl_log_level)(BL_LOG_ERROR + 1));
    bl_settings_defaults(&s.own);
    s.own.grace_ms = SIM_GRACE_MS;
    make_rules();
    int status = run(&s, seed, seeds);
    sim_release(&s);
    judge_release();
    for (int i = 0; i < SIM_RULES; i++)
        bl_buf_release(&sim_rules.text[i]);
    return status;
}
