/* What was sent before a look began is in what it saw (but for what was in flight at that moment), what was sent after
 * may or may not be: it counts as not. So an estimate is seldom below the truth. It is above it by what workers have done
 * since, which matters near a limit only; there looks follow each other closely (bl_backlog_is_stale). */
#include "bl/app/backlog.h"

#include <assert.h>
#include <string.h>

#define STALE_PARTS 4 /* of the room that was left, one such part sent since makes a look stale */

void bl_backlog_init(struct bl_backlog *b, const struct bl_backlog_options *options)
{
    assert(options->partitions > 0 && options->partitions <= BL_PARTITIONS_MAX);
    memset(b, 0, sizeof *b);
    b->options = *options;
    b->shares = 1;
}

void bl_backlog_asked(struct bl_backlog *b)
{
    for (int p = 0; p < b->options.partitions; p++) {
        b->part[p].asked_entries = b->part[p].sent_entries;
        b->part[p].asked_bytes = b->part[p].sent_bytes;
    }
}

void bl_backlog_seen(struct bl_backlog *b)
{
    for (int p = 0; p < b->options.partitions; p++) {
        b->part[p].known_entries = b->part[p].asked_entries;
        b->part[p].known_bytes = b->part[p].asked_bytes;
    }
}

void bl_backlog_sent(struct bl_backlog *b, int partition, size_t bytes)
{
    struct bl_backlog_part *part = &b->part[partition];
    part->sent_entries++;
    part->sent_bytes += (int64_t)bytes;
}

static int64_t new_entries(const struct bl_backlog *b, const struct bl_backlog_part *part)
{
    return (part->sent_entries - part->known_entries) * b->shares;
}

static int64_t new_bytes(const struct bl_backlog *b, const struct bl_backlog_part *part)
{
    return (part->sent_bytes - part->known_bytes) * b->shares;
}

static int64_t seen_bytes(const struct bl_backlog_part *part)
{
    if (part->sample_entries <= 0)
        return 0;
    return (int64_t)((double)part->lag * (double)part->sample_bytes / (double)part->sample_entries);
}

int64_t bl_backlog_bytes(const struct bl_backlog *b, int partition)
{
    assert(partition >= 0 && partition < b->options.partitions);
    return seen_bytes(&b->part[partition]) + new_bytes(b, &b->part[partition]);
}

static bool memory_is_short(const struct bl_backlog *b)
{
    int64_t sent = 0;
    if (b->max <= 0)
        return false;
    for (int p = 0; p < b->options.partitions; p++)
        sent += new_bytes(b, &b->part[p]);
    return b->used + sent >= b->max - b->max / 100 * b->options.headroom_percent;
}

static enum bl_backlog_state part_state(const struct bl_backlog *b, int p)
{
    const struct bl_backlog_part *part = &b->part[p];
    int64_t sent = new_entries(b, part);
    if (part->lag + sent >= b->options.entries_max || part->length + sent >= b->options.stream_max)
        return BL_BACKLOG_ENTRIES;
    return bl_backlog_bytes(b, p) >= b->options.bytes_max ? BL_BACKLOG_BYTES : BL_BACKLOG_ROOM;
}

enum bl_backlog_state bl_backlog_state(const struct bl_backlog *b, int partition)
{
    assert(partition < b->options.partitions);
    if (partition >= 0)
        return part_state(b, partition);
    if (memory_is_short(b))
        return BL_BACKLOG_MEMORY;
    enum bl_backlog_state state = part_state(b, 0);
    for (int p = 1; p < b->options.partitions && state != BL_BACKLOG_ROOM; p++)
        if (part_state(b, p) == BL_BACKLOG_ROOM)
            state = BL_BACKLOG_ROOM;
    return state;
}

static bool is_much(int64_t sent, int64_t room)
{
    return sent > 0 && sent >= room / STALE_PARTS;
}

bool bl_backlog_is_stale(const struct bl_backlog *b, int partition)
{
    const struct bl_backlog_part *part = &b->part[partition];
    int64_t room = b->options.entries_max - part->lag;
    if (room > b->options.stream_max - part->length)
        room = b->options.stream_max - part->length;
    return is_much(new_entries(b, part), room) ||
           is_much(new_bytes(b, part), b->options.bytes_max - seen_bytes(part)) ||
           (b->max > 0 &&
            is_much(new_bytes(b, part), b->max - b->max / 100 * b->options.headroom_percent - b->used));
}
