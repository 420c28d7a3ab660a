"""Checks answers against the API's description (dashboard/openapi.json).

openapi.py DOCUMENT routes ROUTES     every line `METHOD /path/{x}` of ROUTES is described, and nothing else
openapi.py DOCUMENT answer METHOD PATH STATUS TYPE FILE
                                      FILE is what the description says of this call, status and content type
openapi.py DOCUMENT schema NAME FILE  FILE is a NAME
openapi.py DOCUMENT examples          the examples are what they are examples of

Knows the part of JSON Schema that the document uses, and fails at a keyword it does not know."""
import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
PLAIN = {"description", "examples", "default", "format", "maxLength_note"}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.root = json.load(f)
        self.problems = []

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            at = self.root
            for part in node["$ref"].lstrip("#/").split("/"):
                at = at[part]
            node = at
        return node

    def fits(self, value, schema):
        before = list(self.problems)
        self.check(value, schema, "")
        fine = self.problems == before
        self.problems = before
        return fine

    def check(self, value, schema, where):
        schema = self.resolve(schema)
        for key, rule in schema.items():
            if key in PLAIN or key in ("properties",):
                continue
            test = getattr(self, "on_" + key, None)
            if test is None:
                raise SystemExit(f"the checker does not know the keyword {key}")
            if not test(value, rule, schema, where):
                self.problems.append(f"{where or '/'}: {json.dumps(value)[:80]} against {key} {json.dumps(rule)[:80]}")

    def on_type(self, value, rule, schema, where):
        return any(is_type(value, t) for t in (rule if isinstance(rule, list) else [rule]))

    def on_enum(self, value, rule, schema, where):
        return value in rule

    def on_const(self, value, rule, schema, where):
        return value == rule

    def on_required(self, value, rule, schema, where):
        return not isinstance(value, dict) or all(name in value for name in rule)

    def on_additionalProperties(self, value, rule, schema, where):
        known = schema.get("properties", {})
        if not isinstance(value, dict):
            return True
        for name, inner in value.items():
            if name in known:
                self.check(inner, known[name], f"{where}/{name}")
            elif rule is False:
                self.problems.append(f"{where}/{name}: is not described")
            elif rule is not True:
                self.check(inner, rule, f"{where}/{name}")
        return True

    def on_items(self, value, rule, schema, where):
        for i, inner in enumerate(value if isinstance(value, list) else []):
            self.check(inner, rule, f"{where}/{i}")
        return True

    def on_oneOf(self, value, rule, schema, where):
        return sum(self.fits(value, s) for s in rule) == 1

    def on_pattern(self, value, rule, schema, where):
        return not isinstance(value, str) or re.search(rule, value) is not None

    def on_minimum(self, value, rule, schema, where):
        return not is_type(value, "number") or value >= rule

    def on_maximum(self, value, rule, schema, where):
        return not is_type(value, "number") or value <= rule

    def on_minLength(self, value, rule, schema, where):
        return not isinstance(value, str) or len(value) >= rule

    def on_maxLength(self, value, rule, schema, where):
        return not isinstance(value, str) or len(value.encode()) <= rule

    def on_maxItems(self, value, rule, schema, where):
        return not isinstance(value, list) or len(value) <= rule


def shape(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


def routes(doc, path):
    with open(path, encoding="utf-8") as f:
        have = {tuple(line.split()) for line in f if line.strip()}
    methods = ("get", "post", "patch", "put", "delete")
    said = {(m.upper(), shape(p)) for p, item in doc.root["paths"].items() for m in item if m in methods}
    have = {(m, shape(p)) for m, p in have}
    for method, route in sorted(have - said):
        doc.problems.append(f"{method} {route} is not described")
    for method, route in sorted(said - have):
        doc.problems.append(f"{method} {route} is described, but there is no such route")


def find_path(doc, path):
    path = path.split("?")[0]
    if path in doc.root["paths"]:
        return doc.root["paths"][path]
    for known, item in doc.root["paths"].items():
        if re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(known)), path):
            return item
    raise SystemExit(f"{path} is not described")


def answer(doc, method, path, status, content_type, file):
    call = find_path(doc, path)[method.lower()]
    if status not in call["responses"]:
        raise SystemExit(f"{method} {path}: {status} is not described")
    response = doc.resolve(call["responses"][status])
    content = response.get("content", {})
    kind = content_type.split(";")[0].strip()
    with open(file, encoding="utf-8") as f:
        body = f.read()
    if not content:
        if body:
            doc.problems.append("a body where none is described")
    elif kind not in content:
        doc.problems.append(f"{kind} is not among {', '.join(content)}")
    elif kind == "application/json":
        doc.check(json.loads(body), content[kind]["schema"], "")


def examples(doc):
    for name, schema in doc.root["components"]["schemas"].items():
        for example in schema.get("examples", []):
            doc.check(example, schema, f"example of {name}")
    for path, item in doc.root["paths"].items():
        for method, call in item.items():
            for status, response in call.get("responses", {}).items() if method != "parameters" else ():
                media = doc.resolve(response).get("content", {}).get("application/json", {})
                if "example" in media:
                    doc.check(media["example"], media["schema"], f"example of {method} {path} {status}")


def main():
    doc = Document(sys.argv[1])
    what, rest = sys.argv[2], sys.argv[3:]
    if what == "routes":
        routes(doc, *rest)
    elif what == "answer":
        answer(doc, *rest)
    elif what == "schema":
        with open(rest[1], encoding="utf-8") as f:
            doc.check(json.load(f), doc.root["components"]["schemas"][rest[0]], "")
    else:
        examples(doc)
    for problem in doc.problems[:20]:
        print(problem)
    sys.exit(1 if doc.problems else 0)


main()
