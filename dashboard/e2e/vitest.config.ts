import { defineConfig } from "vitest/config";

// Tests with a real browser: `npx vitest run --config e2e/vitest.config.ts`.
export default defineConfig({
  test: {
    root: new URL(".", import.meta.url).pathname,
    include: ["*.test.ts"],
    environment: "node",
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Much of it is waiting for somebody to hesitate: three at a time, each with a program and a browser of its own.
    maxWorkers: 3,
    minWorkers: 1,
  },
});
