/* C++ asks where C does (hunger.h): simdjson's memory, which is the decoder's. */
extern "C" {
#include "hunger.h"
}

#include <new>

void *operator new(std::size_t n)
{
    void *p = hunger_malloc(n);
    if (!p)
        throw std::bad_alloc();
    return p;
}

void *operator new[](std::size_t n)
{
    return operator new(n);
}

void *operator new(std::size_t n, const std::nothrow_t &) noexcept
{
    return hunger_malloc(n);
}

void *operator new[](std::size_t n, const std::nothrow_t &) noexcept
{
    return hunger_malloc(n);
}

void operator delete(void *p) noexcept
{
    hunger_free(p);
}

void operator delete[](void *p) noexcept
{
    hunger_free(p);
}

void operator delete(void *p, std::size_t) noexcept
{
    hunger_free(p);
}

void operator delete[](void *p, std::size_t) noexcept
{
    hunger_free(p);
}
