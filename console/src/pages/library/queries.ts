import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "~/api/client";
import type { Timeline } from "~/api/types";
import { bucketFor, type Chart, chart, extent, widened } from "./buckets";
import { type Filters, recordQuery } from "./filters";

/** Records that the filters leave, newest first, page after page. */
export function useRecordPages(filters: Filters, wanted: boolean) {
  const query = { ...recordQuery(filters), limit: 200 };
  return useInfiniteQuery({
    queryKey: ["records", query],
    enabled: wanted,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/records", { params: { query: { ...query, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

/** Classes and gestures that there are. */
export function useLabels(wanted: boolean) {
  return useQuery({
    queryKey: ["records", "labels"],
    enabled: wanted,
    staleTime: 60_000,
    queryFn: () => unwrap(api.GET("/api/v1/records/labels")),
  });
}

/** Counts over time. Begins with days over all time and looks closer until bars are as short as they fit. */
async function loadChart(filters: Filters): Promise<Chart | null> {
  const query = recordQuery(filters);
  const ask = (bucket_s: number, from?: string | null, before?: string | null): Promise<Timeline> =>
    unwrap(
      api.GET("/api/v1/records/timeline", {
        params: { query: { ...query, bucket_s, taken_from: from ?? undefined, taken_before: before ?? undefined } },
      }),
    );
  if (filters.from && filters.before) {
    const [startMs, endMs] = [Date.parse(filters.from), Date.parse(filters.before)];
    const bucket = bucketFor((endMs - startMs) / 1000);
    return chart(await ask(Math.min(bucket, 86_400), filters.from, filters.before), bucket, startMs, endMs);
  }
  let [bucket, from, before] = [86_400, filters.from, filters.before];
  for (;;) {
    const timeline = await ask(Math.min(bucket, 86_400), from, before);
    const found = extent(timeline);
    if (!found) return null;
    const ideal = bucketFor((found.endMs - found.startMs) / 1000);
    if (ideal >= bucket) return chart(timeline, ideal, ...widened(found.startMs, found.endMs, ideal));
    bucket = ideal;
    from = new Date(found.startMs).toISOString();
    before = new Date(found.endMs).toISOString();
  }
}

/** Counts over time of the records that the filters leave; null: there are none. */
export function useChart(filters: Filters, wanted: boolean) {
  return useQuery({
    queryKey: ["timeline", recordQuery(filters)],
    enabled: wanted,
    queryFn: () => loadChart(filters),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
}
