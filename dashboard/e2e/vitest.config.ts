import { defineConfig } from "vitest/config";

// Tests with a real browser: `npx vitest run --config e2e/vitest.config.ts`.
export default defineConfig({
  test: {
    root: new URL(".", import.meta.url).pathname,
    include: ["*.test.ts"],
    environment: "node",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
