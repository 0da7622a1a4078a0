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

/** What a job may change once it is at its end. */
const RESULTS = ["media", "records", "timeline", "analyses"] as const;

/** `told` are the jobs of earlier events: the cache may know a new state before its event, whose lists are old all the same. */
function take(queries: QueryClient, told: Map<string, Job>, job: Job): void {
  const before = told.get(job.id);
  if (isFinal(job.state)) told.delete(job.id);
  else told.set(job.id, job);
  queries.setQueryData(jobKey(job.id), job);
  if (job.analysis_id && (job.state !== before?.state || job.done !== before?.done)) {
    void queries.invalidateQueries({ queryKey: ["analyses", job.analysis_id] });
  }
  if (job.state === before?.state) return;
  void queries.invalidateQueries({ queryKey: [JOBS, "list"] });
  if (job.kind === "fetch") void queries.invalidateQueries({ queryKey: ["models"] });
  if (!isFinal(job.state)) return;
  for (const key of RESULTS) void queries.invalidateQueries({ queryKey: [key] });
}

/** Keep the query cache in step with the server's jobs, as long as the component lives. */
export function useJobEvents(wanted: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!wanted) return;
    const told = new Map<string, Job>();
    let source: EventSource | null = null;
    let missed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      source = new EventSource(`${API}/jobs/events`);
      source.addEventListener("job", (event) =>
        take(queries, told, JSON.parse((event as MessageEvent<string>).data) as Job),
      );
      source.onopen = () => {
        if (missed) for (const key of [JOBS, ...RESULTS]) void queries.invalidateQueries({ queryKey: [key] });
        missed = false;
      };
      source.onerror = () => {
        missed = true;
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
      missed = true;
      open();
    };
    open();
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      stop();
    };
  }, [queries, wanted]);
}
