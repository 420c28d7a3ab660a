// Is the machine well: what comes in, how far behind it is, who works, what was refused.
import { useMemo } from "react";
import { useBadEvents, useHistory, useMetrics, usePartitions, useReady, useWorkers } from "../api/queries";
import type { BadEvent, Partition, Ready, Worker } from "../api/types";
import { ago, clockTime, count, duration, plural, rate } from "../lib/format";
import { wholeMinutes } from "../lib/tiles";
import type { Happening } from "../lib/workers-log";
import { useServerNow } from "../state/clock";
import { useCrewLog } from "../state/crew";
import { Chart, type Series } from "../ui/chart";
import { CopyLine, curlLine } from "../ui/empty";
import { Icon } from "../ui/icons";
import { Foreign, LongText } from "../ui/text";

const INGEST: readonly Series[] = [{ label: "Events per second", colour: "accent", kind: "area" }];

function worst(workers: readonly Worker[], which: "latency_p50_ms" | "latency_p99_ms"): string {
  const known = workers.flatMap((w) => (typeof w[which] === "number" ? [w[which]] : []));
  return known.length ? duration(Math.max(...known)) : "–";
}

function Readiness({ ready }: { ready: Ready | undefined }) {
  if (!ready || ready.status === "ready") return null;
  return (
    <div className="note note-bad" role="alert">
      <strong>Not ready</strong>
      {ready.reasons.map((reason) => (
        <span key={reason.code}>{reason.message}</span>
      ))}
    </div>
  );
}

function Figures({ partitions, workers }: { partitions: readonly Partition[]; workers: readonly Worker[] }) {
  const { data } = useMetrics();
  const lag = partitions.reduce((all, p) => all + p.lag, 0);
  const figures: readonly [string, string, string][] = [
    ["Ingest", data ? `${rate(data.events_per_second)}/s` : "–", "events per second, over the last 10 s"],
    ["Lag", partitions.length ? count(lag) : "–", "stream entries not yet processed, all partitions"],
    ["Event to pattern, p50", worst(workers, "latency_p50_ms"), "the slowest worker's"],
    ["Event to pattern, p99", worst(workers, "latency_p99_ms"), "the slowest worker's"],
    ["Duplicates", data ? count(data.duplicates) : "–", "events sent again: they took effect once"],
    ["Rejected", data ? count(data.rejected) : "–", "events and bodies refused, ever"],
  ];
  return (
    <dl className="figures card">
      {figures.map(([name, value, hint]) => (
        <div key={name} title={hint}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Ingest() {
  const { data } = useHistory();
  const minutes = useMemo(() => wholeMinutes(data ?? []), [data]);
  const times = useMemo(() => minutes.map((m) => m.minute / 1000), [minutes]);
  const values = useMemo(() => [minutes.map((m) => Math.round(m.events / 6) / 10)], [minutes]);
  const peak = Math.max(0, ...(values[0] ?? []));
  return (
    <section className="card" aria-label="Ingest rate">
      <h2 className="card-title">Ingest rate, last hour</h2>
      {minutes.length < 2 ? <p className="card-empty">The line begins after two whole minutes.</p> : <Chart says={`Events per second over the last hour, at most ${rate(peak)}.`} times={times} values={values} series={INGEST} height={180} />}
    </section>
  );
}

function Partitions({ partitions }: { partitions: readonly Partition[] }) {
  const now = useServerNow();
  const most = Math.max(1, ...partitions.map((p) => p.lag));
  return (
    <section className="card" aria-label="Partitions">
      <h2 className="card-title">Partitions</h2>
      <div className="table-box" tabIndex={0} role="region" aria-label="Partitions, table">
        <table className="table">
          <thead>
            <tr>
              <th scope="col" className="num">#</th>
              <th scope="col">Owner</th>
              <th scope="col" className="num">Epoch</th>
              <th scope="col" className="num">Lag</th>
              <th scope="col" className="num">Oldest waits</th>
              <th scope="col" className="num">Committed</th>
            </tr>
          </thead>
          <tbody>
            {partitions.map((p) => (
              <tr key={p.partition} data-testid="partition-row">
                <th scope="row" className="num">{p.partition}</th>
                <td>{p.owner ? <Foreign text={p.owner} mono /> : <span className="state state-bad">no owner</span>}</td>
                <td className="num">{count(p.epoch)}</td>
                <td className="num">
                  <span className="bar" aria-hidden="true">
                    <span style={{ width: `${(100 * p.lag) / most}%` }} />
                  </span>
                  <span className="value">{count(p.lag)}</span>
                </td>
                <td className="num">{p.oldest_unprocessed === null ? "–" : duration(now - p.oldest_unprocessed)}</td>
                <td className="num">{p.committed_at === null ? "nothing yet" : ago(now - p.committed_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const HAPPENED: Record<Happening["what"], string> = { joined: "joined", left: "left", took: "took over" };

function Workers({ workers = [], log }: { workers: readonly Worker[] | undefined; log: readonly Happening[] }) {
  const now = useServerNow();
  return (
    <section className="card" aria-label="Workers">
      <h2 className="card-title">{plural(workers.length, "worker")}</h2>
      {workers.length === 0 && <p className="card-empty">No worker is alive: events are stored, and nothing is detected until one starts (behaviorlens worker).</p>}
      <ul className="workers">
        {workers.map((w) => (
          <li key={w.worker} data-testid="worker">
            <Foreign text={w.worker} mono />
            <span className="faint">
              up {duration(now - w.started_at)} · {plural(w.partitions.length, "partition")} · {count(w.counters["events_processed_total"] ?? 0)} events
            </span>
          </li>
        ))}
      </ul>
      {log.length > 0 && (
        <ol className="log" aria-label="Workers coming and going">
          {log.map((h) => (
            <li key={`${h.at} ${h.what} ${h.who}`}>
              <time dateTime={new Date(h.at).toISOString()}>{clockTime(h.at)}</time>
              <span>
                <Foreign text={h.who} mono /> {HAPPENED[h.what]} {h.partitions.join(", ")}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Rejected({ bad }: { bad: readonly BadEvent[] }) {
  const reasons = useMemo(() => {
    const by = new Map<string, number>();
    for (const one of bad) by.set(one.reason ?? "unknown", (by.get(one.reason ?? "unknown") ?? 0) + 1);
    return [...by].sort((a, b) => b[1] - a[1]);
  }, [bad]);
  return (
    <section className="card" aria-label="Rejected events">
      <h2 className="card-title">Rejected events</h2>
      {bad.length === 0 ? (
        <div className="card-empty">
          <p>Nothing was refused in the last 24 hours. A good event looks like this:</p>
          <CopyLine line={curlLine(location.origin)} />
        </div>
      ) : (
        <>
          <p className="reasons">
            {reasons.map(([reason, n]) => (
              <span className="chip" key={reason}>
                <Foreign text={reason} mono /> {count(n)}
              </span>
            ))}
          </p>
          <ul className="samples">
            {bad.slice(0, 20).map((one) => (
              <li key={one.id}>
                <details>
                  <summary>
                    <time dateTime={new Date(one.at).toISOString()}>{clockTime(one.at)}</time>
                    <Foreign text={one.message ?? one.reason ?? "refused"} />
                    <Icon name="down" />
                  </summary>
                  <LongText text={one.event ?? "The event itself was not kept."} mono />
                </details>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

export function PipelineView() {
  const { data: partitions } = usePartitions();
  const { data: workers } = useWorkers();
  const { data: ready } = useReady();
  const { data: bad = [] } = useBadEvents();
  const log = useCrewLog(workers, partitions);
  return (
    <div className="pipeline">
      <Readiness ready={ready} />
      <Figures partitions={partitions ?? []} workers={workers ?? []} />
      <div className="columns-even">
        <div className="column">
          <Ingest />
          <Partitions partitions={partitions ?? []} />
        </div>
        <div className="column">
          <Workers workers={workers} log={log} />
          <Rejected bad={bad} />
        </div>
      </div>
    </div>
  );
}
