// simdjson behind json.h: the one C++ file of the program. Nothing here throws: simdjson is used through its
// error codes, memory comes from nothrow new.
//
// A dom::element and the iterators of arrays and objects are each a pointer to the document and an index into
// its tape; they cross the border as struct bl_json, byte for byte.
#define SIMDJSON_EXCEPTIONS 0
#include "json.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>
#include <type_traits>

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

namespace
{

template <typename To, typename From>
To pun(const From &from) noexcept
{
    static_assert(sizeof(To) == sizeof(From), "simdjson's elements are not what they were");
    static_assert(std::is_trivially_copyable<From>::value && std::is_trivially_copyable<To>::value,
                  "not plain");
    To to;
    std::memcpy(static_cast<void *>(&to), &from, sizeof to);
    return to;
}

const char *sentence(simdjson::error_code e) noexcept
{
    switch (static_cast<int>(e)) {
    case simdjson::STRING_ERROR:
        return "a string holds a bad escape or a lone surrogate";
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
        return "a number is malformed or out of range";
    case simdjson::UTF8_ERROR:
        return "the text is not valid UTF-8";
    case simdjson::EMPTY:
        return "there is no JSON value";
    case simdjson::UNESCAPED_CHARS:
        return "a string holds a control character that is not escaped";
    case simdjson::UNCLOSED_STRING:
        return "a string is not closed";
    default:
        return "the text is not one well-formed JSON value";
    }
}

} // namespace

struct bl_json_parser {
    simdjson::dom::parser parser;
    char *text; // the padded copy
    size_t cap; // of text without padding; the parser and its document have the same
};

// The depth is bound by the text alone, so that one deep event cannot spoil a batch (decode.c looks at
// depth).
static enum bl_err make_room(struct bl_json_parser *p, size_t n) noexcept
{
    if (p->text && n <= p->cap)
        return BL_OK;
    size_t cap = p->cap ? p->cap : 1024;
    while (cap < n)
        cap *= 2;
    char *text = static_cast<char *>(std::realloc(p->text, cap + simdjson::SIMDJSON_PADDING));
    if (!text)
        return BL_ERR_NO_MEMORY;
    p->text = text;
    p->cap = 0;
    if (p->parser.allocate(cap, cap / 2 + 16) != simdjson::SUCCESS)
        return BL_ERR_NO_MEMORY;
    p->cap = cap;
    return BL_OK;
}

enum bl_err bl_json_parser_new(struct bl_json_parser **out)
{
    struct bl_json_parser *p = new (std::nothrow) bl_json_parser();
    if (!p)
        return BL_ERR_NO_MEMORY;
    *out = p;
    return BL_OK;
}

void bl_json_parser_free(struct bl_json_parser *p)
{
    if (!p)
        return;
    std::free(p->text);
    delete p;
}

enum bl_err bl_json_parse(struct bl_json_parser *p, struct bl_str text, struct bl_json *out, const char **why)
{
    *why = "";
    if (text.n > UINT32_MAX / 2)
        return BL_ERR_TOO_LARGE;
    enum bl_err err = make_room(p, text.n);
    if (err != BL_OK)
        return err;
    if (text.n)
        std::memcpy(p->text, text.p, text.n);
    std::memset(p->text + text.n, 0, simdjson::SIMDJSON_PADDING);
    element root;
    simdjson::error_code e = p->parser.parse(p->text, text.n, false).get(root);
    if (e == simdjson::MEMALLOC || e == simdjson::CAPACITY)
        return BL_ERR_NO_MEMORY;
    if (e != simdjson::SUCCESS) {
        *why = sentence(e);
        return BL_ERR_INVALID_JSON;
    }
    *out = pun<struct bl_json>(root);
    return BL_OK;
}

enum bl_json_type bl_json_type(struct bl_json v)
{
    switch (pun<element>(v).type()) {
    case simdjson::dom::element_type::ARRAY:
        return BL_JSON_ARRAY;
    case simdjson::dom::element_type::OBJECT:
        return BL_JSON_OBJECT;
    case simdjson::dom::element_type::INT64:
        return BL_JSON_INT;
    case simdjson::dom::element_type::UINT64:
        return BL_JSON_UINT;
    case simdjson::dom::element_type::DOUBLE:
        return BL_JSON_DOUBLE;
    case simdjson::dom::element_type::STRING:
        return BL_JSON_STRING;
    case simdjson::dom::element_type::BOOL:
        return BL_JSON_BOOL;
    case simdjson::dom::element_type::NULL_VALUE:
        break;
    }
    return BL_JSON_NULL;
}

struct bl_str bl_json_str(struct bl_json v)
{
    std::string_view s;
    if (pun<element>(v).get(s) != simdjson::SUCCESS)
        return {nullptr, 0};
    return {s.data(), s.size()};
}

bool bl_json_bool(struct bl_json v)
{
    bool b = false;
    return pun<element>(v).get(b) == simdjson::SUCCESS && b;
}

int64_t bl_json_int(struct bl_json v)
{
    int64_t i = 0;
    return pun<element>(v).get(i) == simdjson::SUCCESS ? i : 0;
}

double bl_json_double(struct bl_json v)
{
    double d = 0;
    return pun<element>(v).get(d) == simdjson::SUCCESS ? d : 0;
}

struct bl_json_walk bl_json_array(struct bl_json v)
{
    array a;
    if (pun<element>(v).get(a) != simdjson::SUCCESS)
        return {v, v};
    return {pun<struct bl_json>(a.begin()), pun<struct bl_json>(a.end())};
}

struct bl_json_walk bl_json_object(struct bl_json v)
{
    object o;
    if (pun<element>(v).get(o) != simdjson::SUCCESS)
        return {v, v};
    return {pun<struct bl_json>(o.begin()), pun<struct bl_json>(o.end())};
}

bool bl_json_next(struct bl_json_walk *w, struct bl_json *value)
{
    if (w->here.at == w->end.at)
        return false;
    array::iterator it = pun<array::iterator>(w->here);
    *value = pun<struct bl_json>(*it);
    ++it;
    w->here = pun<struct bl_json>(it);
    return true;
}

bool bl_json_next_member(struct bl_json_walk *w, struct bl_str *key, struct bl_json *value)
{
    if (w->here.at == w->end.at)
        return false;
    object::iterator it = pun<object::iterator>(w->here);
    std::string_view k = it.key();
    *key = {k.data(), k.size()};
    *value = pun<struct bl_json>(it.value());
    ++it;
    w->here = pun<struct bl_json>(it);
    return true;
}
