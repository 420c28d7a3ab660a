// The real program: `behaviorlens up` with its own Redis, in a directory of its own, on a free port. BL_PROGRAM names the
// binary, built with its web side.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Program {
  url: string;
  get<T>(path: string): Promise<T>;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

const READY_MS = 20_000;

export async function startProgram(): Promise<Program> {
  const program = process.env["BL_PROGRAM"];
  if (!program) throw new Error("BL_PROGRAM must name the program, built with BL_WEB=ON");
  const dir = mkdtempSync(join(tmpdir(), "bl-up-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(program, ["up", "--port", new URL(url).port, "--data", dir, "--no-demo"], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text: Buffer) => (log = (log + text.toString()).slice(-4000)));
  const ended = new Promise((done) => child.once("exit", done));

  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  const ready = (): Promise<boolean> => fetch(url + "/ready").then((answer) => answer.ok, () => false);
  for (const end = Date.now() + READY_MS; !(await ready()); ) {
    if (Date.now() > end || child.exitCode !== null) {
      await close();
      throw new Error(`${program} does not get ready:\n${log}`);
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return { url, close, get: async <T>(path: string) => (await (await fetch(url + path)).json()) as T };
}
