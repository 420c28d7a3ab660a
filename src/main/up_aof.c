/* The end of the append-only file, before Redis reads it.
 *
 * A machine that loses its power leaves a file that ends anywhere. Redis drops what is not whole, and a transaction whose
 * EXEC is missing, from memory; but from the file it cuts only the last command that is not whole, so that a MULTI stays open
 * there. What it writes next stands inside that MULTI, and the start after that finds half of the lost transaction together
 * with something new, or loses both. (Redis 7 and 8 at the time of writing.) So the file is cut here where the last
 * transaction began, which leaves what Redis has in memory anyway. A rewrite once it has loaded would do the same, but a
 * death in the middle of that leaves the open MULTI in a file that is no longer the last, which Redis refuses.
 *
 *   appendonlydir/appendonly.aof.manifest   names the files; only the last is written, and looked at
 *
 * Invariant: nothing is cut but the end: a command that is not whole, a transaction without its EXEC, zeros that a file
 * system has put there. Whatever else is wrong is left to Redis, which refuses it. */
#include "up.h"

#include "bl/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AOF_DIR      "appendonlydir"
#define MANIFEST     AOF_DIR "/appendonly.aof.manifest"
#define LINE_MAX     512
#define ARGUMENT_MAX ((int64_t)1 << 30)

/* The last file of the manifest, as a path; false: there is none. Lines are `file NAME seq N type b|i|h`. */
static bool last_file(const char *dir, char out[UP_PATH_MAX])
{
    char path[UP_PATH_MAX + 64], line[LINE_MAX], name[LINE_MAX], type;
    bool found = false;
    snprintf(path, sizeof path, "%s/" MANIFEST, dir);
    FILE *in = fopen(path, "re");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "file %511s seq %*s type %c", name, &type) == 2 && type != 'h' && !strchr(name, '/'))
            found = (size_t)snprintf(out, UP_PATH_MAX, "%s/" AOF_DIR "/%s", dir, name) < UP_PATH_MAX;
    if (in)
        fclose(in);
    return found;
}

/* `*3\r\n`: the number behind `mark`; *at moves behind it. -1: the file ends in it. -2: it is something else. */
static int64_t take_number(struct bl_str text, size_t *at, char mark)
{
    int64_t v = 0;
    size_t i = *at;
    if (i >= text.n)
        return -1;
    if (text.p[i++] != mark)
        return -2;
    for (; i < text.n && isdigit((unsigned char)text.p[i]) && v <= ARGUMENT_MAX; i++)
        v = v * 10 + (text.p[i] - '0');
    if (i + 2 > text.n)
        return i == text.n || text.p[i] == '\r' ? -1 : -2;
    if (text.p[i] != '\r' || text.p[i + 1] != '\n' || v > ARGUMENT_MAX)
        return -2;
    *at = i + 2;
    return v;
}

/* One command: its words in number, the first of them. 1: whole, 0: the file ends in it, -1: it is no command. */
static int take_command(struct bl_str text, size_t *at, int64_t *words, struct bl_str *first)
{
    size_t i = *at;
    if (text.p[i] == '#') { /* an annotation, a line */
        const char *end = memchr(text.p + i, '\n', text.n - i);
        *words = 0;
        *at = end ? (size_t)(end - text.p) + 1 : *at;
        return end != NULL;
    }
    *words = take_number(text, &i, '*');
    for (int64_t k = 0; k < *words; k++) {
        int64_t n = take_number(text, &i, '$');
        if (n < 0)
            return n == -1 ? 0 : -1;
        if (text.n - i < (size_t)n + 2)
            return 0;
        if (k == 0)
            *first = (struct bl_str){text.p + i, (size_t)n};
        i += (size_t)n + 2;
    }
    if (*words < 0)
        return *words == -1 ? 0 : -1;
    *at = i;
    return 1;
}

static bool is_word(struct bl_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

size_t up_aof_whole(struct bl_str file)
{
    struct bl_str text = file;
    size_t at = 0, whole = 0;
    bool open = false;
    int got = 1;
    if (bl_str_starts(text, BL_STR("REDIS")))
        return file.n; /* a snapshot: nothing is appended to it */
    while (text.n > 0 && text.p[text.n - 1] == '\0')
        text.n--;
    while (at < text.n) {
        struct bl_str first = {"", 0};
        int64_t words;
        got = take_command(text, &at, &words, &first);
        if (got != 1)
            break;
        if (words == 1 && is_word(first, "MULTI"))
            open = true;
        else if (words == 1 && is_word(first, "EXEC"))
            open = false;
        if (!open)
            whole = at;
    }
    return got < 0 ? file.n : whole;
}

static bool cut(const char *path, size_t size, size_t whole)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && ftruncate(fd, (off_t)whole) == 0 && fsync(fd) == 0;
    if (ok)
        bl_log(BL_LOG_WARN, "the append-only file did not end in a whole transaction: its end is cut off",
               BL_LOG_INT("kept", whole), BL_LOG_INT("cut", size - whole));
    else
        bl_log(BL_LOG_ERROR, "the end of the append-only file cannot be mended",
               BL_LOG_TEXT("reason", strerror(errno)));
    if (fd >= 0)
        close(fd);
    return ok;
}

bool up_aof_mend(const char *dir)
{
    char path[UP_PATH_MAX];
    struct stat st;
    bool ok = true;
    if (!last_file(dir, path))
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        if (fd >= 0)
            close(fd);
        return true; /* Redis says what is wrong, if anything is */
    }
    size_t size = (size_t)st.st_size;
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return true;
    madvise(map, size, MADV_SEQUENTIAL);
    size_t whole = up_aof_whole((struct bl_str){map, size});
    munmap(map, size);
    if (whole < size)
        ok = cut(path, size, whole);
    return ok;
}
