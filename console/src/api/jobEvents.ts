import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { API } from "./client";
import type { Job } from "./types";

export const JOBS = "jobs";

/** Where a single job lives in the query cache; server-sent events keep it fresh. */
export const jobKey = (id: string) => [JOBS, "one", id] as const;

const FINAL: ReadonlySet<Job["state"]> = new Set(["done", "failed", "cancelled"]);

/** Whether a job will change no more. */
export function isFinal(state: Job["state"]): boolean {
  return FINAL.has(state);
}

function take(queries: QueryClient, job: Job): void {
  const before = queries.getQueryData<Job>(jobKey(job.id));
  queries.setQueryData(jobKey(job.id), job);
  if (job.analysis_id && (job.state !== before?.state || job.done !== before?.done)) {
    void queries.invalidateQueries({ queryKey: ["analyses", job.analysis_id] });
  }
  if (job.state === before?.state) return;
  void queries.invalidateQueries({ queryKey: [JOBS, "list"] });
  if (job.kind === "fetch") void queries.invalidateQueries({ queryKey: ["models"] });
  if (!isFinal(job.state)) return;
  for (const key of ["media", "records", "timeline", "analyses"]) void queries.invalidateQueries({ queryKey: [key] });
}

/** Keep the query cache in step with the server's jobs, as long as the component lives. */
export function useJobEvents(wanted: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!wanted) return;
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      source = new EventSource(`${API}/jobs/events`);
      source.addEventListener("job", (event) => take(queries, JSON.parse((event as MessageEvent<string>).data) as Job));
      source.onerror = () => {
        if (source?.readyState !== EventSource.CLOSED) return;
        timer = setTimeout(open, 5_000);
      };
    };
    const stop = () => {
      clearTimeout(timer);
      source?.close();
      source = null;
    };
    // A browser keeps six connections to a server over HTTP/1.1: tabs that nobody sees give theirs back.
    const seen = () => {
      stop();
      if (document.visibilityState === "hidden") return;
      open();
      for (const key of [JOBS, "analyses"]) void queries.invalidateQueries({ queryKey: [key] });
    };
    open();
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      stop();
    };
  }, [queries, wanted]);
}
