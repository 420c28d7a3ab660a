// What is asked, and how often. Every answer has an ETag, so asking again costs a few bytes while nothing happens.
import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { client, useConnection } from "../state/link";
import type { BadEvent, HistoryMinute, ListedUser, Metrics, Moment, Page, Partition, Pattern, RawEvent, Ready, User, Worker } from "./types";

export const POLL_MS = 2_000;
const WITH_STREAM_MS = 15_000; // what the stream tells is still looked at now and then

export function apiKey(path: string): readonly [string, string] {
  return ["api", path];
}

interface Ask {
  /** The live stream tells of this, too. */
  streamed?: boolean;
  enabled?: boolean;
  keep?: boolean;
}

export function useApi<T>(path: string, { streamed = false, enabled = true, keep = false }: Ask = {}): UseQueryResult<T> {
  const { paused, stream } = useConnection();
  const every = streamed && stream === "open" ? WITH_STREAM_MS : POLL_MS;
  return useQuery<T>({
    queryKey: apiKey(path),
    queryFn: ({ signal }) => client.get<T>(path, signal),
    refetchInterval: paused ? false : every,
    enabled,
    ...(keep ? { placeholderData: keepPreviousData } : {}),
  });
}

export const PATHS = {
  metrics: "/api/metrics",
  history: "/api/metrics/history?minutes=61",
  alert: "/api/patterns?limit=1&severity=high&resolved=false",
  pages: "/api/pages?limit=200",
  users: "/api/users?within=30&limit=500",
  events: "/api/events?limit=300",
  workers: "/api/workers",
  partitions: "/api/partitions",
  bad: "/api/bad-events?limit=100",
  ready: "/ready",
  login: "/login",
  logout: "/logout",
  pattern: (id: string) => `/api/patterns/${encodeURIComponent(id)}`,
  resolve: (id: string) => `/api/patterns/${encodeURIComponent(id)}/resolve`,
  user: (id: string) => `/api/users/${encodeURIComponent(id)}`,
  userEvents: (id: string) => `/api/users/${encodeURIComponent(id)}/events`,
  userPatterns: (id: string) => `/api/patterns?limit=20&user_id=${encodeURIComponent(id)}`,
};

export const useMetrics = () => useApi<Metrics>(PATHS.metrics, { streamed: true });
export const useHistory = () => useApi<HistoryMinute[]>(PATHS.history);
export const useNewestAlert = () => useApi<Pattern[]>(PATHS.alert, { streamed: true });
export const usePages = () => useApi<Page[]>(PATHS.pages);
export const useUsers = () => useApi<ListedUser[]>(PATHS.users);
export const useEvents = () => useApi<RawEvent[]>(PATHS.events);
export const useWorkers = () => useApi<Worker[]>(PATHS.workers);
export const usePartitions = () => useApi<Partition[]>(PATHS.partitions);
export const useBadEvents = () => useApi<BadEvent[]>(PATHS.bad);
export const useReady = () => useApi<Ready>(PATHS.ready);
export const usePattern = (id: string) => useApi<Pattern>(PATHS.pattern(id));
export const useUser = (id: string) => useApi<User>(PATHS.user(id));
export const useUserEvents = (id: string) => useApi<Moment[]>(PATHS.userEvents(id));
export const useUserPatterns = (id: string) => useApi<Pattern[]>(PATHS.userPatterns(id), { streamed: true });
