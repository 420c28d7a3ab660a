// A time series, drawn by uPlot on a canvas. Colours come from the design tokens and change with the theme; a
// sentence says to a screen reader what the eye sees.
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useWidth } from "./use-width";

export interface Series {
  label: string;
  /** A design token, without the dashes. */
  colour: string;
  kind: "area" | "bars";
  unit?: string;
}

interface Props {
  says: string;
  /** Seconds since 1970, rising. */
  times: readonly number[];
  values: readonly (readonly (number | null)[])[];
  series: readonly Series[];
  height: number;
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const BAR_ROOM_S = 30; // half a minute at both ends: bars stand in the middle of theirs

const bars = uPlot.paths.bars?.({ size: [0.6, 8], radius: 0.2 });

function drawn(series: Series, i: number): uPlot.Series {
  const colour = token(series.colour);
  const common = { label: series.label, scale: i === 0 ? "y" : "y2", points: { show: false }, value: (_: uPlot, v: number | null) => (v === null ? "–" : `${v}${series.unit ?? ""}`) };
  return series.kind === "bars" && bars
    ? { ...common, fill: colour, stroke: colour, width: 0, paths: bars }
    : { ...common, stroke: colour, width: 1.5, fill: token(`${series.colour}-wash`) || "transparent" };
}

function axis(scale: string, side: 1 | 3, grid: boolean): uPlot.Axis {
  const font = "11px system-ui, sans-serif";
  return { scale, side, stroke: token("faint"), font, size: 40, gap: 4, ticks: { show: false }, grid: { show: grid, stroke: token("line"), width: 1 }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] };
}

/** While nobody points at a moment, the legend speaks of the latest. */
function restLegend(u: uPlot): void {
  u.setLegend({ idx: u.data[0].length - 1 }, false);
}

function options(series: readonly Series[], width: number, height: number): uPlot.Options {
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
  const time: uPlot.Axis = { stroke: token("faint"), font: "11px system-ui, sans-serif", size: 24, gap: 4, space: 64, incrs: [60, 120, 300, 600, 900, 1800, 3600], ticks: { show: false }, grid: { show: false }, values: (_, ticks) => ticks.map((t) => clock.format(t * 1000)) };
  const fromZero = (room: number): uPlot.Scale => ({ range: (_, __, max) => [0, Math.max(1, (max || 0) * room)] });
  const half = series.some((one) => one.kind === "bars") ? BAR_ROOM_S : 0;
  return {
    width,
    height,
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true, markers: { width: 0, fill: (_, i) => token(series[i - 1]?.colour ?? "faint") } },
    hooks: { ready: [restLegend], setData: [restLegend], setCursor: [(u) => (u.cursor.left ?? -1) < 0 && restLegend(u)] },
    padding: [8, series.length > 1 ? 0 : 20, 0, 0],
    // Bars stay in the lower half, below the line.
    scales: { x: { time: true, range: (_, min, max) => [min - half, max + half] }, y: fromZero(1.1), y2: fromZero(2.2) },
    axes: [time, axis("y", 3, true), ...(series.length > 1 ? [axis("y2", 1, false)] : [])],
    series: [{ value: (_, v) => (v === null ? "–" : clock.format(v * 1000)), label: "At" }, ...series.map(drawn)],
  };
}

export function Chart({ says, times, values, series, height }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const width = useWidth(box);
  const data = [times, ...values] as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    const el = box.current;
    if (!el || width === 0) return;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(series, width, height), latest.current, el);
    };
    make();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("bl-theme", make);
    dark.addEventListener("change", make);
    return () => {
      removeEventListener("bl-theme", make);
      dark.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [width, height, series]);

  useEffect(() => plot.current?.setData(latest.current), [times, values]);

  return (
    <figure className="chart">
      <figcaption className="sr">{says}</figcaption>
      <div ref={box} style={{ minHeight: height }} aria-hidden="true" />
    </figure>
  );
}
