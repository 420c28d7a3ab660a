/* Runs a fuzz target without a fuzzer: every file of a directory as it is, then mutations of them, always the
 * same ones. `smoke DIRECTORY MUTATIONS`. An input that fails is left in ./smoke-failed. */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define INPUTS_MAX 256
#define BYTES_MAX  65536

struct input {
    uint8_t *p;
    size_t n;
};

static struct input inputs[INPUTS_MAX];
static size_t n_inputs;
static uint64_t seed = 0x9e3779b97f4a7c15ULL;
static const uint8_t *running;
static size_t running_bytes;

static size_t random_below(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % n);
}

static void load(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "rb");
    if (!f || n_inputs == INPUTS_MAX) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    struct input *in = &inputs[n_inputs++];
    in->p = malloc(BYTES_MAX);
    FUZZ_CHECK(in->p);
    in->n = fread(in->p, 1, BYTES_MAX, f);
    fclose(f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_all(const char *directory)
{
    struct dirent **entries;
    int n = scandir(directory, &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.')
            load(directory, entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    FUZZ_CHECK(n_inputs > 0);
}

/* Exactly as long as it is, so that a sanitizer sees a byte too far. */
static void run(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    FUZZ_CHECK(copy);
    if (n)
        memcpy(copy, p, n);
    running = copy;
    running_bytes = n;
    LLVMFuzzerTestOneInput(copy, n);
    running = NULL;
    free(copy);
}

static void on_abort(int sig)
{
    FILE *f = running ? fopen("smoke-failed", "wb") : NULL;
    if (f) {
        fwrite(running, 1, running_bytes, f);
        fclose(f);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static size_t splice(uint8_t *p, size_t n)
{
    const struct input *other = &inputs[random_below(n_inputs)];
    if (other->n == 0)
        return n;
    size_t from = random_below(other->n), len = random_below(other->n - from) + 1, at = random_below(n + 1);
    if (len > BYTES_MAX - n)
        len = BYTES_MAX - n;
    memmove(p + at + len, p + at, n - at);
    memcpy(p + at, other->p + from, len);
    return n + len;
}

static size_t cut(uint8_t *p, size_t n)
{
    size_t at = random_below(n), len = random_below(n - at < 32 ? n - at : 32) + 1;
    memmove(p + at, p + at + len, n - at - len);
    return n - len;
}

static size_t mutate(uint8_t *p, size_t n)
{
    static const char pieces[] = "{}[]\",:0123456789-.eE\\ubfnrt/?#\xC3\xA9\xED\xA0\xFF null true";
    switch (n ? random_below(6) : 0) {
    case 0:
        return splice(p, n);
    case 1:
        return cut(p, n);
    case 2:
        p[random_below(n)] ^= (uint8_t)(1u << random_below(8));
        return n;
    case 3:
        p[random_below(n)] = (uint8_t)random_below(256);
        return n;
    case 4:
        p[random_below(n)] = (uint8_t)pieces[random_below(sizeof pieces)];
        return n;
    default:
        return random_below(4) ? n : random_below(n + 1);
    }
}

int main(int argc, char **argv)
{
    static uint8_t p[BYTES_MAX];
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECTORY MUTATIONS\n", argv[0]);
        return 2;
    }
    signal(SIGABRT, on_abort);
    load_all(argv[1]);
    for (size_t i = 0; i < n_inputs; i++)
        run(inputs[i].p, inputs[i].n);
    long mutations = strtol(argv[2], NULL, 10);
    for (long i = 0; i < mutations; i++) {
        const struct input *in = &inputs[random_below(n_inputs)];
        size_t n = in->n;
        memcpy(p, in->p, n);
        for (size_t rounds = random_below(6) + 1; rounds > 0; rounds--)
            n = mutate(p, n);
        run(p, n);
    }
    for (size_t i = 0; i < n_inputs; i++)
        free(inputs[i].p);
    return 0;
}
