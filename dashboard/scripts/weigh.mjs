// Usage: weigh.mjs BUILT. What a first visit loads, compressed as gzip -9 does, against what it may weigh.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [built = "dist"] = process.argv.slice(2);

const budgets = [
  { what: "dashboard", max: 150_000, files: ["index.html", ...readdirSync(join(built, "assets")).map((name) => `assets/${name}`)] },
  { what: "tracker", max: 5_000, files: ["tracker.js"] },
];

let heavy = false;
for (const { what, max, files } of budgets) {
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(built, file)), { level: 9 }).length, 0);
  console.log(`${what}: ${bytes} bytes of ${max}`);
  heavy ||= bytes > max;
}
process.exit(heavy ? 1 : 0);
