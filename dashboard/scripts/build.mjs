// Builds dashboard, demo shop and tracker into BL_WEB_OUT (default: dist), from nothing: a file of
// an earlier build never stays behind. Only what we make ourselves is removed.
import { spawnSync } from "node:child_process";
import { rmSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = resolve(process.env.BL_WEB_OUT ?? resolve(root, "dist"));
const made = ["index.html", "assets", "demo", "tracker.js"];

mkdirSync(out, { recursive: true });
for (const name of made) rmSync(resolve(out, name), { recursive: true, force: true });

for (const name of ["app", "demo", "tracker"]) {
  const run = spawnSync(process.execPath, [resolve(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], {
    cwd: resolve(root, name),
    env: { ...process.env, BL_WEB_OUT: out, NODE_ENV: "production" },
    stdio: "inherit",
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
