/* What virtual shoppers do: scripts of steps (simulate_scenario.c), which simulate_user.c plays. */
#ifndef BL_MAIN_SIMULATE_SCENARIO_H
#define BL_MAIN_SIMULATE_SCENARIO_H

#include "bl/core/action.h"

enum sim_step_kind { STEP_DO, STEP_PAUSE, STEP_AGAIN, STEP_SKIP, STEP_END };

struct sim_step {
    enum sim_step_kind kind;
    enum bl_action action;
    const char *page;   /* NULL: none; "1" and "2": the shopper's two products */
    const char *target; /* of a click, or form of an input; NULL: none */
    int percent;        /* chance that the step is taken */
    /* DO: ms from a to b after the step before, at whatever rate; b = 0: at the shopper's pace. PAUSE: ms from a to b
     * more. AGAIN: a steps back. SKIP: a steps ahead. */
    int a, b;
};

struct sim_scenario {
    const char *name; /* metadata.scenario of its events */
    int weight;
    const struct sim_step *steps;
};

extern const struct sim_scenario sim_scenarios[];
extern const size_t sim_n_scenarios;

#endif
