// The pictures of the shop, drawn by hand in a square of 200. Colours are classes (styles/drawings.css), so that they
// follow light and dark.
import { svg } from "./dom";

export type Drawing = "mug" | "teapot" | "bowl" | "kettle" | "towel" | "candle" | "lamp" | "vase" | "planter";
type Shape = [tag: string, colour: string, attributes: Record<string, string | number>];

const path = (colour: string, d: string): Shape => ["path", colour, { d }];
const oval = (colour: string, cx: number, cy: number, rx: number, ry: number, turn = 0): Shape => ["ellipse", colour, { cx, cy, rx, ry, ...(turn ? { transform: `rotate(${turn} ${cx} ${cy})` } : {}) }];
const box = (colour: string, x: number, y: number, width: number, height: number, rx = 0): Shape => ["rect", colour, { x, y, width, height, rx }];
const shadow = (rx: number): Shape => oval("shade", 100, 162, rx, 8);

const drawings: Record<Drawing, Shape[]> = {
  mug: [
    shadow(52),
    path("line-clay", "M128 88h8a19 19 0 0 1 0 40h-12"),
    path("clay", "M58 72h74v58a30 30 0 0 1-30 30H88a30 30 0 0 1-30-30z"),
    path("cream", "M58 72h74v24q-9 14-18 4t-19 6-19-8-18 2z"),
    oval("ink", 95, 72, 37, 7),
    oval("coffee", 95, 73, 31, 5),
    path("line-steam", "M84 56q-7-8 0-16t0-16M104 56q-7-8 0-16t0-16"),
  ],
  teapot: [
    shadow(62),
    path("line-sea", "M60 98q-36-4-34 24 2 24 36 22"),
    path("sea", "M134 108q22-6 28-34l14 4q-4 46-42 58z"),
    oval("sea", 98, 120, 50, 40),
    path("cream", "M52 108q46 18 92 0 2 8 2 14-48 18-96 0 0-8 2-14z"),
    path("ink", "M66 88q32-24 64 0-32 10-64 0z"),
    oval("ochre", 98, 70, 8, 7),
  ],
  bowl: [
    shadow(50),
    path("sand", "M38 98h124q-4 62-62 62t-62-62z"),
    oval("clay", 100, 98, 62, 14),
    oval("ink", 100, 100, 52, 10),
    oval("clay", 66, 124, 3, 2),
    oval("clay", 92, 140, 2, 3),
    oval("clay", 124, 128, 3, 3),
    oval("clay", 108, 120, 2, 2),
    oval("clay", 78, 144, 2, 2),
    oval("clay", 134, 146, 2, 2),
  ],
  kettle: [
    shadow(58),
    path("line-wood", "M62 88q38-74 76 0"),
    path("ochre", "M140 118q18-4 26-30l14 5q-6 42-42 50z"),
    path("ochre", "M46 152q-2-64 54-68 56 4 54 68-54 14-108 0z"),
    path("cream", "M58 148q2-40 26-52-8 24-6 54-12 0-20-2z"),
    oval("ink", 100, 86, 26, 6),
    oval("wood", 100, 76, 8, 7),
  ],
  towel: [
    shadow(64),
    box("sea", 42, 124, 116, 34, 12),
    box("cream", 46, 94, 108, 34, 12),
    box("clay", 50, 64, 100, 34, 12),
    path("line-cream", "M62 72v18M70 72v18M128 132v18M136 132v18"),
    path("line-sea-thin", "M126 102v18M134 102v18M142 102v18"),
  ],
  candle: [
    shadow(46),
    oval("glow", 100, 62, 44, 40),
    box("glass", 64, 84, 72, 76, 10),
    box("sand", 68, 98, 64, 58, 8),
    oval("cream", 100, 98, 32, 7),
    path("line-ink", "M100 98V82"),
    path("ochre", "M100 46q18 22 0 36-18-14 0-36z"),
    path("cream", "M100 62q8 11 0 18-8-7 0-18z"),
    box("cream", 80, 116, 40, 24, 3),
    path("line-clay-thin", "M88 128q6-8 12 0t12 0"),
  ],
  lamp: [
    shadow(40),
    oval("glow", 100, 82, 70, 56),
    box("wood", 95, 100, 10, 52, 4),
    oval("wood", 100, 154, 32, 8),
    path("cream", "M72 36h56l24 70H48z"),
    path("line-sand", "M84 36 72 106M100 36v70M116 36l12 70"),
    oval("sand", 100, 106, 52, 6),
  ],
  vase: [
    shadow(36),
    path("line-leaf", "M100 74Q98 44 84 22M100 74q4-26 22-46M98 74q-16-18-32-22"),
    oval("leaf", 88, 46, 10, 4, 60),
    oval("leaf", 114, 50, 10, 4, -55),
    oval("ochre", 82, 20, 9, 9),
    oval("clay", 124, 26, 8, 8),
    oval("cream", 64, 50, 7, 7),
    oval("ochre", 64, 50, 3, 3),
    path("sea", "M86 72q4 20-12 36-16 22 2 46 8 8 24 8t24-8q18-24 2-46-16-16-12-36z"),
    path("cream", "M68 122q32 12 64 0 2 8 0 14-32 12-64 0-2-6 0-14z"),
    oval("ink", 100, 72, 14, 4),
  ],
  planter: [
    shadow(50),
    path("line-leaf", "M100 98V60M100 92q-14-16-30-20M100 92q14-18 32-22"),
    oval("leaf", 100, 46, 13, 24),
    oval("leaf", 68, 62, 12, 22, -50),
    oval("leaf", 134, 60, 12, 22, 50),
    oval("moss", 82, 44, 9, 20, -22),
    oval("moss", 118, 44, 9, 20, 22),
    path("clay", "M62 108h76l-10 48q-28 8-56 0z"),
    box("clay-dark", 54, 94, 92, 18, 6),
    oval("clay-dark", 100, 158, 46, 7),
  ],
};

/** A picture; `label` null: it is decoration beside its name. */
export function draw(name: Drawing, label: string | null = null): SVGElement {
  const shapes = drawings[name].map(([tag, colour, attributes]) => svg(tag, { class: `ink-${colour}`, ...attributes }));
  const about = label === null ? { "aria-hidden": "true" } : { role: "img", "aria-label": label };
  return svg("svg", { viewBox: "0 0 200 200", class: "drawing", ...about }, ...shapes);
}

/** The shelf of the home page: pictures side by side on a board. */
export function shelf(...names: Drawing[]): SVGElement {
  const things = names.map((name, i) => svg("g", { transform: `translate(${i * 165} 8)` }, ...drawings[name].map(([tag, colour, attributes]) => svg(tag, { class: `ink-${colour}`, ...attributes }))));
  const width = 165 * names.length + 35;
  return svg("svg", { viewBox: `0 0 ${width} 200`, class: "shelf", "aria-hidden": "true" }, svg("rect", { class: "ink-wood", x: 0, y: 176, width, height: 10, rx: 3 }), ...things);
}
