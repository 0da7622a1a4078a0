import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { JOBS, jobKey } from "./jobEvents";
import type { Schemas } from "./types";

export type NewSource = Schemas["NewSource"];
export type SourceChange = Schemas["SourceChange"];
export type Zone = Schemas["Zone"];
export type NewZone = Schemas["NewZone"];

const ALL = ["sources", "list"] as const;

/** All watched folders and cameras. */
export function useSources(wanted = true) {
  return useQuery({ queryKey: ALL, enabled: wanted, queryFn: () => unwrap(api.GET("/api/v1/sources")) });
}

export function useSource(id: number) {
  return useQuery({
    queryKey: ["sources", "one", id],
    queryFn: () => unwrap(api.GET("/api/v1/sources/{source_id}", { params: { path: { source_id: id } } })),
  });
}

function useChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => {
      for (const key of [["sources"], [JOBS, "list"]]) void queries.invalidateQueries({ queryKey: key });
    },
  });
}

export const useAddSource = () => useChange((body: NewSource) => unwrap(api.POST("/api/v1/sources", { body })));

export const useChangeSource = () =>
  useChange(({ id, body }: { id: number; body: SourceChange }) =>
    unwrap(api.PATCH("/api/v1/sources/{source_id}", { params: { path: { source_id: id } }, body })),
  );

export const useDeleteSource = () =>
  useChange((id: number) => unwrap(api.DELETE("/api/v1/sources/{source_id}", { params: { path: { source_id: id } } })));

/** Begin or stop to watch. */
export function useWatchSource() {
  const queries = useQueryClient();
  return useChange(async ({ id, on }: { id: number; on: boolean }) => {
    const where = { params: { path: { source_id: id } } };
    const job = await unwrap(
      on ? api.POST("/api/v1/sources/{source_id}/start", where) : api.POST("/api/v1/sources/{source_id}/stop", where),
    );
    queries.setQueryData(jobKey(job.id), job);
    return job;
  });
}

/** Keep a zone; `replaces` is the one that it was drawn from, which goes. */
export const useSaveZone = () =>
  useChange(async ({ sourceId, body, replaces }: { sourceId: number; body: NewZone; replaces: Zone | null }) => {
    const remove = (id: number) =>
      unwrap(
        api.DELETE("/api/v1/sources/{source_id}/zones/{zone_id}", {
          params: { path: { source_id: sourceId, zone_id: id } },
        }),
      );
    const add = (zone: NewZone) =>
      unwrap(api.POST("/api/v1/sources/{source_id}/zones", { params: { path: { source_id: sourceId } }, body: zone }));
    // Names are unique: with the same name the old one must go first, and comes back when the new one is refused.
    if (!replaces) return add(body);
    if (replaces.name !== body.name) {
      const made = await add(body);
      await remove(replaces.id);
      return made;
    }
    await remove(replaces.id);
    try {
      return await add(body);
    } catch (error) {
      await add({ name: replaces.name, polygon_xy: replaces.polygon_xy });
      throw error;
    }
  });

export const useDeleteZone = () =>
  useChange(({ sourceId, zoneId }: { sourceId: number; zoneId: number }) =>
    unwrap(
      api.DELETE("/api/v1/sources/{source_id}/zones/{zone_id}", {
        params: { path: { source_id: sourceId, zone_id: zoneId } },
      }),
    ),
  );
