// The real program: `behaviorlens up` with its own Redis, in a directory of its own, on a free port; or its parts one by
// one, so that a test can take one away. BL_PROGRAM names the binary, built with its web side.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Event {
  user_id: string;
  action: string;
  page?: string;
  [more: string]: unknown;
}

export interface Api {
  url: string;
  get<T>(path: string): Promise<T>;
  /** Stores events, or anything else: the status of the answer. */
  send(events: readonly Event[]): Promise<number>;
  post(body: string, path?: string): Promise<number>;
}

/** Tokens, by what they open; the admin's key is named boss, the reader's ann. */
export interface Keys {
  write: string;
  read: string;
  admin: string;
}

export interface Program extends Api {
  close(): Promise<void>;
}

/** `up`: what can be done to it from the terminal. */
export interface Up extends Program {
  /** Keys of each kind; from then on every call needs one. */
  makeKeys(): Promise<Keys>;
  revoke(token: string): Promise<void>;
}

const READY_MS = 180_000;
const BATCH = 5_000;

/** Below the ports that outgoing connections take: it is listened on again after a while without. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const free = await new Promise<boolean>((done) => probe.once("error", () => done(false)).listen(port, "127.0.0.1", () => done(true)));
    if (!free) continue;
    await new Promise((done) => probe.close(done));
    return port;
  }
}

function binary(): string {
  const program = process.env["BL_PROGRAM"];
  if (!program) throw new Error("BL_PROGRAM must name the program, built with BL_WEB=ON");
  return program;
}

function api(url: string): Api {
  const post = async (body: string, path = "/events/batch"): Promise<number> =>
    (await fetch(url + path, { method: "POST", body, headers: { "Content-Type": "application/json" } })).status;
  return {
    url,
    async get<T>(path: string) {
      for (const end = Date.now() + READY_MS; ; await new Promise((wake) => setTimeout(wake, 100))) {
        const answer = await fetch(url + path);
        if (answer.status !== 503 || Date.now() > end) return (await answer.json()) as T; // a busy machine: again
      }
    },
    post,
    async send(events) {
      let status = 202;
      for (let at = 0; at < events.length; at += BATCH) status = Math.max(status, await post(JSON.stringify({ events: events.slice(at, at + BATCH) })));
      return status;
    },
  };
}

/** A process, the end of what it says, and how it is ended. */
interface Running {
  child: ChildProcess;
  log(): string;
  end(how: NodeJS.Signals): Promise<void>;
}

function run(program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr?.on("data", (text: Buffer) => (log = (log + text.toString()).slice(-4000)));
  child.once("error", (error) => (log += error.message));
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  return {
    child,
    log: () => log,
    async end(how) {
      child.kill(how);
      await ended;
    },
  };
}

async function ready(url: string, running: Running): Promise<void> {
  const asked = (): Promise<boolean> => fetch(url + "/ready").then((answer) => answer.ok, () => false);
  for (const end = Date.now() + READY_MS; !(await asked()); ) {
    if (Date.now() > end || running.child.exitCode !== null) throw new Error(`${url} does not get ready:\n${running.log()}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** `up`, with the settings of this YAML text. */
export async function startProgram(config = ""): Promise<Up> {
  const dir = mkdtempSync(join(tmpdir(), "bl-up-"));
  const file = join(dir, "config.yaml");
  writeFileSync(file, config);
  const url = `http://127.0.0.1:${await freePort()}`;
  const up = run(binary(), ["up", "--port", new URL(url).port, "--data", join(dir, "data"), "--no-demo", ...(config ? ["--config", file] : [])]);
  const close = async (): Promise<void> => {
    await up.end("SIGTERM");
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await ready(url, up);
  } catch (error) {
    await close();
    throw error;
  }
  const key = async (...args: string[]): Promise<string> => (await promisify(execFile)(binary(), ["key", ...args, "--data", join(dir, "data")])).stdout;
  const made = async (kind: string, name: string): Promise<string> =>
    (JSON.parse(await key("create", "--json", "--kind", kind, "--name", name)) as { token: string }).token;
  const makeKeys = async (): Promise<Keys> => {
    const keys = { write: await made("write", "site"), read: await made("read", "ann"), admin: await made("admin", "boss") };
    const status = (token?: string): Promise<number> => fetch(url + "/api/metrics", token ? { headers: { Authorization: `Bearer ${token}` } } : {}).then((answer) => answer.status);
    while ((await status()) !== 401 || (await status(keys.admin)) !== 200) await new Promise((wake) => setTimeout(wake, 50));
    return keys;
  };
  return { ...api(url), close, makeKeys, revoke: async (token) => void (await key("revoke", token)) };
}

/** One data set, one worker, and a `serve` on each of two ports: `url` is the one that can be taken away. */
export interface Parts extends Program {
  /** The other `serve`, which stays. */
  other: Api;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

export async function startParts(): Promise<Parts> {
  const dir = mkdtempSync(join(tmpdir(), "bl-parts-"));
  const socket = join(dir, "redis.sock");
  const running: Running[] = [];
  const start = (program: string, args: readonly string[]): Running => {
    const one = run(program, args);
    running.push(one);
    return one;
  };
  const close = async (): Promise<void> => {
    for (const one of running.reverse()) if (one.child.exitCode === null && one.child.signalCode === null) await one.end("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  };
  const store = ["--redis", `unix://${socket}`];
  const serve = async (url: string): Promise<Running> => {
    const one = start(binary(), ["serve", ...store, "--port", new URL(url).port]);
    await ready(url, one);
    return one;
  };
  try {
    start("redis-server", ["--port", "0", "--unixsocket", socket, "--dir", dir, "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]);
    for (const end = Date.now() + READY_MS; !existsSync(socket) && Date.now() < end; ) await new Promise((wake) => setTimeout(wake, 20));
    start(binary(), ["worker", ...store]);
    const [url, otherUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    let cuttable = await serve(url);
    await serve(otherUrl);
    return {
      ...api(url),
      other: api(otherUrl),
      close,
      cut: () => cuttable.end("SIGKILL"),
      mend: async () => void (cuttable = await serve(url)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
