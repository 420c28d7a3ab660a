// House rules that the compiler does not know, each a line of the table: which files, what must not
// occur there, and why. The strict compiler (tsconfig.base.json) does the rest; `npm run typecheck`.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const LINES_MAX = 400;
const skipped = new Set(["node_modules", "dist"]);
const generated = /(package-lock\.json|openapi\.json|\.gen\.ts)$/;

const rules = [
  [/\.(tsx?|html)$/, /dangerouslySetInnerHTML|\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write/, "text goes in as text: user data must never become markup"],
  [/\.(tsx?|mjs)$/, /\beval\(|new Function\(/, "the Content-Security-Policy forbids eval"],
  [/\.html$/, /\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)/, "the Content-Security-Policy forbids inline style and script"],
  [/\.(tsx?|html|css)$/, /(src|href|url)\s*[=(]\s*["']?https?:\/\//, "nothing is loaded from other hosts"],
  [/\.tsx?$/, /:\s*any\b|as any\b|@ts-ignore/, "types tell the truth"],
  [/package-lock\.json$/, /"resolved": "[a-z+]+:/, "no download addresses in the lock file (see .npmrc)"],
];

function* files(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(tsx?|mjs|html|css|json)$/.test(entry.name)) yield path;
  }
}

let bad = 0;
const complain = (path, line, why) => {
  console.error(`${relative(root, path)}:${line}: ${why}`);
  bad++;
};

for (const path of files(root)) {
  const lines = readFileSync(path, "utf8").split("\n");
  if (lines.length > LINES_MAX && !generated.test(path)) complain(path, lines.length, `more than ${LINES_MAX} lines`);
  for (const [where, what, why] of rules) {
    if (!where.test(path)) continue;
    lines.forEach((line, i) => what.test(line) && complain(path, i + 1, why));
  }
}
process.exit(bad ? 1 : 0);
