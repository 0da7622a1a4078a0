import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { API, api, unwrap } from "./client";
import { isFinal } from "./jobEvents";
import type { Analysis, AnalysisOptions, MediaQuery } from "./types";

/** A small picture of a file, of a video its first frame; the longest side is at most 1024 pixels. */
export function thumbnailUrl(mediaId: string, sizePx: 128 | 256 | 512 | 1024 = 512): string {
  return `${API}/media/${mediaId}/thumbnail?size=${sizePx}`;
}

export const contentUrl = (mediaId: string): string => `${API}/media/${mediaId}/content`;
export const documentUrl = (analysisId: string): string => `${API}/analyses/${analysisId}/document`;
export const annotatedUrl = (analysisId: string): string => `${API}/analyses/${analysisId}/annotated`;

export function useMedia(id: string | null | undefined) {
  return useQuery({
    queryKey: ["media", "one", id],
    enabled: Boolean(id),
    queryFn: () => unwrap(api.GET("/api/v1/media/{media_id}", { params: { path: { media_id: id ?? "" } } })),
    staleTime: 60_000,
  });
}

/** Files, newest first, page after page. */
export function useMediaPages(query: Omit<MediaQuery, "cursor">) {
  return useInfiniteQuery({
    queryKey: ["media", "list", query],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/media", { params: { query: { ...query, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export function useDeleteMedia() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (ids: readonly string[]) => {
      for (const id of ids)
        await unwrap(api.DELETE("/api/v1/media/{media_id}", { params: { path: { media_id: id } } }));
    },
    onSettled: () => {
      for (const key of ["media", "records", "timeline"]) void queries.invalidateQueries({ queryKey: [key] });
    },
  });
}

const moving = (analysis: Analysis | undefined): boolean => analysis !== undefined && !isFinal(analysis.state);

/** An analysis; while it runs it is asked for again, should the event stream be away. */
export function useAnalysis(id: string | null | undefined) {
  return useQuery({
    queryKey: ["analyses", id],
    enabled: Boolean(id),
    queryFn: () => unwrap(api.GET("/api/v1/analyses/{analysis_id}", { params: { path: { analysis_id: id ?? "" } } })),
    refetchInterval: ({ state }) => (moving(state.data) ? 3_000 : false),
  });
}

/** The analyses of one file, newest first. */
export function useAnalysesOf(mediaId: string | null | undefined) {
  return useQuery({
    queryKey: ["analyses", "of", mediaId],
    enabled: Boolean(mediaId),
    queryFn: () => unwrap(api.GET("/api/v1/analyses", { params: { query: { media_id: mediaId ?? "", limit: 20 } } })),
  });
}

/** Everything that an analysis found, as its document. */
export function useDocument(analysis: Analysis | undefined, wanted: boolean) {
  return useQuery({
    queryKey: ["analyses", analysis?.id, "document"],
    enabled: wanted && analysis?.state === "done",
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/analyses/{analysis_id}/document", { params: { path: { analysis_id: analysis?.id ?? "" } } }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Have a file looked at (again). */
export function useAnalyse() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ mediaId, options }: { mediaId: string; options: AnalysisOptions }) =>
      unwrap(api.POST("/api/v1/analyses", { body: { media_id: mediaId, options } })),
    onSuccess: (analysis) => {
      queries.setQueryData(["analyses", analysis.id], analysis);
      void queries.invalidateQueries({ queryKey: ["analyses", "of", analysis.media_id] });
    },
  });
}
