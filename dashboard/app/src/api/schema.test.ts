// The types are those of the description: whoever changes openapi.json runs `npm run types --workspace app`.
import { readFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

test("schema.gen.ts is what openapi.json says", async () => {
  const made = astToString(await openapiTS(new URL("../../../openapi.json", import.meta.url)));
  const kept = await readFile(new URL("./schema.gen.ts", import.meta.url), "utf8");
  expect(kept.slice(kept.indexOf("export interface paths"))).toBe(made.slice(made.indexOf("export interface paths")));
});
