// What the tracker puts on a page's window, as tests see it.
interface Window {
  behaviorlens?: { user: string; session: string; track(name: string, data?: Record<string, unknown>): void };
}
