import { isFinal } from "~/api/jobEvents";
import type { JobFilter } from "~/api/jobs";
import type { Job } from "~/api/types";

export const STATES: readonly Job["state"][] = ["running", "queued", "paused", "done", "failed", "cancelled"];
export const KINDS: readonly Job["kind"][] = ["picture", "video", "folder", "camera", "fetch"];

/** The filter that an address asks for; what it does not know it passes over. */
export function filterFrom(params: URLSearchParams): JobFilter {
  const state = STATES.find((one) => one === params.get("state"));
  const kind = KINDS.find((one) => one === params.get("kind"));
  return { state, kind };
}

/** Whether a job that changed meanwhile still belongs into the list. */
export function belongs(job: Job, filter: JobFilter): boolean {
  return (!filter.state || job.state === filter.state) && (!filter.kind || job.kind === filter.kind);
}

/** Where a job's result is; null: there is none to look at (yet). */
export function resultOf(job: Job): string | null {
  if (job.analysis_id) return `/analyse/${job.analysis_id}`;
  if (job.media_id) return `/analyse/file/${job.media_id}`;
  if (job.kind === "fetch") return `/models/${encodeURIComponent(job.title)}`;
  return null;
}

/** How long it has been worked on, seconds; null before it began. */
export function tookS(job: Job, nowMs: number): number | null {
  if (!job.started_at) return null;
  const end = isFinal(job.state) ? Date.parse(job.finished_at ?? job.updated_at) : nowMs;
  return Math.max(0, (end - Date.parse(job.started_at)) / 1000);
}
