/* The configuration file: read whole, then walked against the table of options. Walking never stops at a
 * problem. libyaml's document resolves anchors; the walk follows a fixed shape, so a cyclic one cannot lead
 * it astray. */
#include "document.h"

#include "bl/base/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

size_t bl_yaml_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

void bl_yaml_problem(struct yaml_file *f, size_t line, const char *field)
{
    bl_problem(f->p, f->path, line, field);
}

void bl_yaml_unknown(struct yaml_file *f, const struct yaml_member *m, const char *const *names, size_t n)
{
    const char *near = bl_suggest(m->key, names, n);
    bl_buf_z(&f->p->why, "unknown name");
    if (near) {
        bl_buf_printf(&f->p->why, "; did you mean %s?", near);
    } else {
        bl_buf_z(&f->p->why, "; known here:");
        for (size_t i = 0; i < n; i++)
            bl_buf_printf(&f->p->why, "%s %s", i ? "," : "", names[i]);
    }
    bl_yaml_problem(f, m->line, m->field);
}

static struct bl_str scalar(const yaml_node_t *node)
{
    return (struct bl_str){(const char *)node->data.scalar.value, node->data.scalar.length};
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (bl_str_eqz(scalar(node), words[i]))
            return true;
    return false;
}

bool bl_yaml_text(struct yaml_file *f, const struct yaml_member *m, struct bl_str *out)
{
    if (m->value->type == YAML_SCALAR_NODE) {
        *out = scalar(m->value);
        return true;
    }
    bl_buf_z(&f->p->why, "must be a single value");
    bl_yaml_problem(f, m->line, m->field);
    return false;
}

static bool is_plain(struct bl_str key)
{
    size_t i = 0;
    while (i < key.n && key.p[i] > ' ' && key.p[i] < 0x7f && key.p[i] != '"' && key.p[i] != '\\')
        i++;
    return i > 0 && i == key.n && key.n <= 64;
}

/* "parent.key", the key escaped as far as it is strange. */
static void field_name(char out[FIELD_MAX_BYTES], const char *parent, struct bl_str key)
{
    struct bl_buf b;
    bl_buf_init(&b, 0);
    if (is_plain(key)) {
        snprintf(out, FIELD_MAX_BYTES, "%s%s%.*s", parent, parent[0] ? "." : "", (int)key.n, key.p);
        return;
    }
    bl_buf_json(&b, key.n > 64 ? (struct bl_str){key.p, 64} : key);
    bool plain = b.err == BL_OK && b.n == key.n + 2 && key.n > 0;
    snprintf(out, FIELD_MAX_BYTES, "%s%s%.*s", parent, parent[0] ? "." : "", (int)(plain ? key.n : b.n),
             plain ? key.p
             : b.p ? b.p
                   : "");
    bl_buf_release(&b);
}

/* Is the key of `pair` the same as that of an earlier one? */
static bool is_repeated(struct yaml_file *f, const yaml_node_t *map, const yaml_node_pair_t *pair,
                        struct bl_str key)
{
    char name[FIELD_MAX_BYTES];
    if (key.n >= sizeof name || memchr(key.p, '\0', key.n))
        return false;
    for (size_t i = 0; i < key.n; i++)
        name[i] = key.p[i] == '_' ? '-' : key.p[i];
    name[key.n] = '\0';
    for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++) {
        yaml_node_t *node = yaml_document_get_node(&f->doc, other->key);
        if (node->type == YAML_SCALAR_NODE && bl_name_same(scalar(node), name))
            return true;
    }
    return false;
}

void bl_yaml_members(struct yaml_file *f, yaml_node_t *node, const char *field, yaml_member_fn *fn, void *ctx)
{
    if (node->type != YAML_MAPPING_NODE) {
        bl_buf_z(&f->p->why, "must be a list of `name: value` lines");
        bl_yaml_problem(f, bl_yaml_line(node), field);
        return;
    }
    for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
        yaml_node_t *key = yaml_document_get_node(&f->doc, i->key);
        char name[FIELD_MAX_BYTES];
        if (key->type != YAML_SCALAR_NODE) {
            bl_buf_z(&f->p->why, "a name must be a text");
            bl_yaml_problem(f, bl_yaml_line(key), field);
            continue;
        }
        field_name(name, field, scalar(key));
        struct yaml_member m = {scalar(key), name, bl_yaml_line(key),
                                yaml_document_get_node(&f->doc, i->value)};
        if (is_repeated(f, node, i, m.key)) {
            bl_buf_z(&f->p->why, "stands here for the second time");
            bl_yaml_problem(f, m.line, name);
        } else if (!is_null(m.value)) {
            fn(f, &m, ctx);
        }
    }
}

static void read_option(struct yaml_file *f, const struct yaml_member *m, void *ctx)
{
    enum bl_option_id id = bl_option_of(m->key);
    const char *names[BL_OPTION_COUNT + 2];
    size_t n = 0;
    struct bl_str text;
    (void)ctx;
    if (bl_str_eqz(m->key, "rules")) {
        bl_yaml_rules(f, m->value);
        return;
    }
    if (bl_str_eqz(m->key, "alerts")) {
        bl_yaml_alerts(f, m->value);
        return;
    }
    for (int i = 0; i < BL_OPTION_COUNT; i++)
        if (!(bl_options[i].commands & BL_ONCE))
            names[n++] = bl_options[i].name;
    names[n++] = "rules";
    names[n++] = "alerts";
    if (id == BL_OPTION_COUNT) {
        bl_yaml_unknown(f, m, names, n);
    } else if (bl_options[id].commands & BL_ONCE) {
        bl_buf_printf(&f->p->why, "has no place in a file: give it as --%s", bl_options[id].name);
        bl_yaml_problem(f, m->line, m->field);
    } else if (bl_yaml_text(f, m, &text)) {
        struct setting next = {.source = {.from = FROM_FILE, .line = m->line}};
        if (bl_setting_parse(f->c, id, text, &next, &f->p->why))
            f->c->v[id] = next;
        else
            bl_yaml_problem(f, m->line, m->field);
    }
}

/* The parser's own complaint, or nothing if there was none. */
static void syntax_problem(struct yaml_file *f, const yaml_parser_t *parser)
{
    size_t line = parser->problem_mark.line + 1;
    bl_buf_z(&f->p->why, "this is not YAML: ");
    bl_buf_z(&f->p->why, parser->problem ? parser->problem : "out of memory");
    bl_yaml_problem(f, line, "");
}

static void read_document(struct yaml_file *f, yaml_parser_t *parser)
{
    if (!yaml_parser_load(parser, &f->doc)) {
        syntax_problem(f, parser);
        return;
    }
    yaml_node_t *root = yaml_document_get_root_node(&f->doc);
    if (root && !is_null(root))
        bl_yaml_members(f, root, "", read_option, NULL);
    yaml_document_delete(&f->doc);
    if (!root)
        return;
    if (!yaml_parser_load(parser, &f->doc)) {
        syntax_problem(f, parser);
        return;
    }
    if (yaml_document_get_root_node(&f->doc)) {
        bl_buf_z(&f->p->why, "a second document: the file may hold only one");
        bl_yaml_problem(f, bl_yaml_line(yaml_document_get_root_node(&f->doc)), "");
    }
    yaml_document_delete(&f->doc);
}

/* The whole file, at most CONFIG_FILE_MAX_BYTES of it. False: `why` says what is wrong. */
static bool slurp(const char *path, struct bl_buf *text, struct bl_buf *why)
{
    FILE *in = fopen(path, "rbe");
    size_t got = 0;
    if (!in) {
        bl_buf_printf(why, "cannot be opened: %s", strerror(errno));
        return false;
    }
    do {
        char *to = bl_buf_reserve(text, 4096);
        got = to ? fread(to, 1, 4096, in) : 0;
        text->n += got;
    } while (got > 0);
    bool failed = ferror(in) != 0;
    fclose(in);
    if (failed)
        bl_buf_z(why, "cannot be read");
    else if (text->err == BL_ERR_NO_MEMORY)
        bl_buf_z(why, "out of memory");
    else if (text->err != BL_OK)
        bl_buf_z(why, "is too large for a configuration file");
    return !failed && text->err == BL_OK;
}

void bl_config_file(struct bl_config *c, const char *path, struct problems *p)
{
    struct yaml_file f = {.c = c, .p = p};
    struct bl_buf text;
    yaml_parser_t parser;
    c->path = f.path = bl_config_copy(c, bl_str_of(path));
    bl_buf_init(&text, CONFIG_FILE_MAX_BYTES);
    if (!f.path)
        bl_buf_z(&p->why, "out of memory");
    if (!f.path || !slurp(path, &text, &p->why)) {
        bl_problem(p, path, 0, "");
    } else if (!yaml_parser_initialize(&parser)) {
        bl_buf_z(&p->why, "out of memory");
        bl_problem(p, path, 0, "");
    } else {
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
        read_document(&f, &parser);
        yaml_parser_delete(&parser);
    }
    bl_buf_release(&text);
}
