import { QueryClient } from "@tanstack/react-query";
import { ApiProblem, OfflineError } from "./problem";

function again(failures: number, error: Error): boolean {
  if (error instanceof OfflineError) return failures < 3;
  if (error instanceof ApiProblem) return [429, 502, 503, 504].includes(error.status) && failures < 4;
  return false;
}

function pause(failures: number, error: Error): number {
  const wish = error instanceof ApiProblem ? error.retryAfterS : null;
  return wish !== null ? wish * 1000 : Math.min(1000 * 2 ** failures, 15_000);
}

/** The cache of answers that all pages share. */
export function makeQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: again, retryDelay: pause, staleTime: 10_000, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
}
