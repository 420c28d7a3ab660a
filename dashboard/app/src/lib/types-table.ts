// The one table of what can be detected: how it is called, and what it means to somebody who has never heard of it.
import type { PatternType, Severity } from "../api/types";

export interface TypeInfo {
  type: PatternType;
  label: string;
  means: string;
}

export const TYPES: readonly TypeInfo[] = [
  { type: "hesitation", label: "Hesitation", means: "stays on a page and does nothing" },
  { type: "navigation-loop", label: "Navigation loop", means: "comes back to the same page again and again" },
  { type: "abandonment", label: "Abandonment", means: "reached the cart or checkout and did not finish" },
  { type: "rage-click", label: "Rage click", means: "clicks the same thing in quick succession" },
  { type: "dead-click", label: "Dead click", means: "clicked, and nothing happened" },
  { type: "error-click", label: "Error click", means: "clicked, and an error followed" },
  { type: "form-abandonment", label: "Form abandonment", means: "began to fill in a form and left" },
  { type: "quick-back", label: "Quick back", means: "opened a page and went straight back" },
];

export function typeLabel(type: PatternType): string {
  return TYPES.find((one) => one.type === type)?.label ?? type;
}

export const SEVERITIES: readonly { severity: Severity; label: string }[] = [
  { severity: "high", label: "High" },
  { severity: "medium", label: "Medium" },
  { severity: "low", label: "Low" },
];

export function severityLabel(severity: Severity): string {
  return SEVERITIES.find((one) => one.severity === severity)?.label ?? severity;
}

export const RESOLUTIONS: Record<string, string> = {
  activity: "the person went on",
  left: "the person left the page",
  ended: "it ended by itself",
  completion: "the purchase was completed",
  "session-end": "the session ended",
  manual: "resolved by hand",
};
