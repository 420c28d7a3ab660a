import { defineConfig } from "vitest/config";

// One run for all packages. Tests sit beside what they test: src/**/*.test.ts.
export default defineConfig({
  test: {
    include: ["{app,demo,tracker}/{src,test}/**/*.test.{ts,tsx}"],
    environment: "node",
    restoreMocks: true,
  },
});
