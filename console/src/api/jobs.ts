import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { isFinal, JOBS, jobKey } from "./jobEvents";
import type { Job } from "./types";

export type JobAction = Job["actions"][number];

export interface JobFilter {
  state?: Job["state"];
  kind?: Job["kind"];
}

/** Jobs, newest first; asked for again while some go on, should the event stream be away. */
export function useJobs(filter: JobFilter) {
  return useInfiniteQuery({
    queryKey: [JOBS, "list", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/jobs", { params: { query: { ...filter, cursor: pageParam, limit: 50 } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) => {
      const open = state.data?.pages.some(({ items }) => items.some((job) => !isFinal(job.state)));
      return open ? 6_000 : 20_000;
    },
  });
}

/** A job as the event stream tells of it; `known` is what a list said. */
export function useFreshJob(known: Job): Job {
  const { data } = useQuery<Job>({
    queryKey: jobKey(known.id),
    queryFn: () => unwrap(api.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: known.id } } })),
    enabled: false,
  });
  return data && data.updated_at > known.updated_at ? data : known;
}

/** One job, kept fresh until it is over. */
export function useJob(id: string | null | undefined) {
  return useQuery<Job>({
    queryKey: jobKey(id ?? ""),
    enabled: Boolean(id),
    queryFn: () => unwrap(api.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: id ?? "" } } })),
    refetchInterval: ({ state }) => (state.data && isFinal(state.data.state) ? false : 3_000),
  });
}

/** Pause, resume, cancel or retry. */
export function useJobAction() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, action }: { id: string; action: JobAction }) =>
      unwrap(api.POST("/api/v1/jobs/{job_id}/{action}", { params: { path: { job_id: id, action } } })),
    onSuccess: (job) => queries.setQueryData(jobKey(job.id), job),
    onSettled: () => {
      for (const key of [[JOBS, "list"], ["sources"], ["models"]]) void queries.invalidateQueries({ queryKey: key });
    },
  });
}
