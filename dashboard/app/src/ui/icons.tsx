// Drawn here, so that nothing is fetched. Sixteen units square, strokes in the colour of the text. All of them are
// decoration: the word stands beside them, or on the button they sit in.
import type { PatternType, Severity } from "../api/types";

const PATHS = {
  hesitation: "M4 2h8M4 14h8M5 2v2.5L8 8l3-3.5V2M5 14v-2.5L8 8l3 3.5V14",
  "navigation-loop": "M12.5 6A5 5 0 0 0 3.2 6.5M3.5 10a5 5 0 0 0 9.3-.5M12.8 2.5V6H9.3M3.2 13.5V10h3.5",
  abandonment: "M1.5 2.5h2l1.6 7.5h6.4M4.3 5H9M6 13.2h.01M11 13.2h.01M11.5 3.5l3 3M14.5 3.5l-3 3",
  "rage-click": "M7 7l6.5 2.5-2.8 1.2L9.5 13.5zM6.5 1.5v2M1.5 6.5h2M3 3l1.4 1.4M10 3 8.8 4.4",
  "dead-click": "M6 6l7.5 3-3 1.2L9.2 13.5zM2 2l12 12",
  "error-click": "M8 2 1.8 13h12.4zM8 6.5v3M8 11.3h.01",
  "form-abandonment": "M3 2h10v6M3 2v12h5M5.5 5.5h5M5.5 8.5h3M11 11l3 3M14 11l-3 3",
  "quick-back": "M6 3 2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H7",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  check: "M2.5 8.5l3.5 3.5 7.5-8",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.5v11l9-5.5z",
  system: "M2 3h12v8H2zM6 14h4M8 11v3",
  light: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  dark: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  keys: "M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M4.5 9.5h7",
  live: "M8 9.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4zM4.8 11.2a4.5 4.5 0 0 1 0-6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.7 13.3a7.5 7.5 0 0 1 0-10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6",
  users: "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 3a2.5 2.5 0 0 1 0 4.5M12.5 10c1.3.6 2 1.8 2 3.5",
  events: "M2 3.5h12M2 8h12M2 12.5h7",
  pages: "M4 1.5h5.5L13 5v9.5H4zM9 1.5V5.5h4",
  pipeline: "M1.5 8h3l2-5 3 10 2-5h3",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  flat: "M3 8h10",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  out: "M6 3H3v10h10v-3M9 2.5h4.5V7M13.5 2.5 7.5 8.5",
  leave: "M6.5 3H3v10h3.5M6.5 8H14M11 5l3 3-3 3",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3l2 2",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function TypeIcon({ type }: { type: PatternType }) {
  return type in PATHS ? <Icon name={type} /> : <Icon name="live" />;
}

// A shape for each severity: whoever sees no colours sees the difference.
const SHAPES: Record<Severity, string> = {
  high: "M8 1.5 15 14H1z",
  medium: "M8 1.5 14.5 8 8 14.5 1.5 8z",
  low: "M8 3.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6z",
};

export function SeverityShape({ severity }: { severity: Severity }) {
  return (
    <svg className={`shape shape-${severity}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={SHAPES[severity]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <circle cx="14" cy="14" r="7" />
      <path d="m19.3 19.3 5.7 5.7" />
      <circle className="logo-eye" cx="14" cy="14" r="2.2" />
    </svg>
  );
}
