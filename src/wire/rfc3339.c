/* RFC 3339 date-times, by hand: strptime knows locales and no fractions, mktime knows time zones. */
#include "bl/wire/decode.h"

struct cursor {
    struct bl_str s;
    size_t at;
    bool bad;
};

static int number(struct cursor *c, size_t digits)
{
    int v = 0;
    for (size_t i = 0; i < digits; i++, c->at++) {
        if (c->at >= c->s.n || c->s.p[c->at] < '0' || c->s.p[c->at] > '9') {
            c->bad = true;
            return 0;
        }
        v = v * 10 + (c->s.p[c->at] - '0');
    }
    return v;
}

/* One of two characters must stand here. */
static char expect(struct cursor *c, char a, char b)
{
    char here = c->at < c->s.n ? c->s.p[c->at] : '\0';
    if (here != a && here != b)
        c->bad = true;
    c->at++;
    return here;
}

/* Milliseconds; finer digits are cut off. */
static int fraction(struct cursor *c)
{
    int ms = 0, digits = 0;
    if (c->at >= c->s.n || c->s.p[c->at] != '.')
        return 0;
    for (c->at++; c->at < c->s.n && c->s.p[c->at] >= '0' && c->s.p[c->at] <= '9'; c->at++, digits++)
        if (digits < 3)
            ms = ms * 10 + (c->s.p[c->at] - '0');
    if (digits == 0)
        c->bad = true;
    for (; digits < 3; digits++)
        ms *= 10;
    return ms;
}

/* Minutes east of UTC. */
static int offset(struct cursor *c)
{
    char sign = c->at < c->s.n ? c->s.p[c->at] : '\0';
    if (sign != '+' && sign != '-') {
        expect(c, 'Z', 'z');
        return 0;
    }
    c->at++;
    int hours = number(c, 2);
    expect(c, ':', ':');
    int minutes = number(c, 2);
    if (hours > 23 || minutes > 59)
        c->bad = true;
    return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that the leap day is
 * last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool bl_time_parse(struct bl_str s, int64_t *out_ms)
{
    struct cursor c = {s, 0, false};
    int year = number(&c, 4);
    expect(&c, '-', '-');
    int month = number(&c, 2);
    expect(&c, '-', '-');
    int day = number(&c, 2);
    expect(&c, 'T', 't');
    int hour = number(&c, 2);
    expect(&c, ':', ':');
    int minute = number(&c, 2);
    expect(&c, ':', ':');
    int second = number(&c, 2); /* 60: a leap second, which is the first one of the next minute here */
    int ms = fraction(&c);
    int east = offset(&c);
    if (c.bad || c.at != s.n || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60)
        return false;
    if (day < 1 || day > month_days(year, month))
        return false;
    int64_t minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - east;
    *out_ms = (minutes * 60 + second) * 1000 + ms;
    return true;
}
