// Writes OUT/bl_web.c: every file of the built web side as bytes of the program, each as it is and, where that is
// smaller, compressed with gzip -9 and brotli, so that nothing is compressed while serving.
// Usage: node embed_web.mjs OUT WEB_DIR URL=FILE...   (further files, with the path they are served at)
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [out, web, ...further] = process.argv.slice(2);
const blobs = join(out, "blobs");
rmSync(blobs, { recursive: true, force: true });
mkdirSync(blobs, { recursive: true });

const brotli = (text) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
const codings = [["id", (b) => b], ["gz", (b) => gzipSync(b, { level: 9 })], ["br", brotli]];
const compressible = /\.(html|js|css|json|svg|txt|map)$/;

function* walk(dir) {
  for (const e of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (e.isDirectory()) yield* walk(join(dir, e.name));
    else yield join(dir, e.name);
  }
}

const files = [...walk(web)].map((file) => ["/" + relative(web, file), file]);
for (const pair of further) files.push([pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);

const bytes = [], declared = [], table = [];
files.forEach(([url, file], i) => {
  const plain = readFileSync(file);
  const cells = codings.map(([name, encode]) => {
    const data = name === "id" || compressible.test(file) ? encode(plain) : null;
    if (!data || (name !== "id" && data.length >= plain.length)) return "{0, 0}";
    const symbol = `bl_web_${i}_${name}`;
    const blob = join(blobs, `${i}.${name}`);
    writeFileSync(blob, data);
    bytes.push(`  ".global ${symbol}\\n${symbol}:\\n.incbin \\"${blob}\\"\\n.byte 0\\n"`);
    declared.push(`extern const char ${symbol}[];`);
    return `{${symbol}, ${data.length}}`;
  });
  const tag = createHash("sha256").update(plain).digest("hex").slice(0, 32);
  table.push(`  {${JSON.stringify(url)}, "W/\\"${tag}\\"", {${cells.join(", ")}}},`);
});

writeFileSync(join(out, "bl_web.c"), `/* Made by cmake/embed_web.mjs. */
#include "web.h"
__asm__(".section .rodata\\n"
${bytes.join("\n")}
  ".text\\n");
${declared.join("\n")}
const struct bl_web_file bl_web_files[] = {
${table.join("\n")}
};
const size_t bl_web_files_n = sizeof bl_web_files / sizeof bl_web_files[0];
`);
