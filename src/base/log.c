/* Writes each line with one write(2), so that lines of several processes on one pipe do not mix. */
#include "bl/base/log.h"
#include "bl/base/buf.h"

#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static const char *log_role = "behaviorlens";
static enum bl_log_level log_least = BL_LOG_INFO;

void bl_log_setup(const char *role, enum bl_log_level least)
{
    log_role = role;
    log_least = least;
}

static void put_time(struct bl_buf *b)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    bl_buf_printf(b, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
                  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

bool bl_log_says(enum bl_log_level level)
{
    return level >= log_least;
}

void bl_log_write(enum bl_log_level level, const char *message, const struct bl_log_field *fields)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct bl_buf b;
    if (!bl_log_says(level))
        return;
    bl_buf_init(&b, LINE_MAX_BYTES);
    put_time(&b);
    bl_buf_printf(&b, ",\"level\":\"%s\",\"role\":\"%s\",\"pid\":%d,\"message\":", names[level], log_role,
                  (int)getpid());
    bl_buf_json(&b, bl_str_of(message));
    for (; fields->name; fields++) {
        bl_buf_char(&b, ',');
        bl_buf_json(&b, bl_str_of(fields->name));
        bl_buf_char(&b, ':');
        if (fields->kind == BL_LOG_KIND_INT)
            bl_buf_int(&b, fields->i);
        else
            bl_buf_json(&b, fields->s.n > 512 ? (struct bl_str){fields->s.p, 512} : fields->s);
    }
    bl_buf_z(&b, "}\n");
    if (b.err == BL_OK && write(STDERR_FILENO, b.p, b.n) < 0) {
        /* There is nowhere left to say it. */
    }
    bl_buf_release(&b);
}
