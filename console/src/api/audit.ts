import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { Schemas } from "./types";

export type AuditEntry = Schemas["AuditEntry"];
export type AuditVerdict = Schemas["AuditVerdict"];

export interface AuditFilter {
  actor?: string;
  /** With a dot at its end: all actions that begin so. */
  action?: string;
}

/** Entries, newest first, page after page. */
export function useAuditPages(filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ["audit", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/audit", { params: { query: { ...filter, cursor: pageParam, limit: 100 } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** Read the whole trail and tell whether it is as it was written. */
export function useVerifyAudit() {
  return useMutation({ mutationFn: () => unwrap(api.GET("/api/v1/audit/verify")) });
}
