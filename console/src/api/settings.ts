import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { API, api, unwrap } from "./client";
import type { Schemas } from "./types";

export type Settings = Schemas["Settings"];
export type Limits = Schemas["Limits"];

export function useSettings() {
  return useQuery({ queryKey: ["settings"], queryFn: () => unwrap(api.GET("/api/v1/settings")) });
}

export function useSaveSettings() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Settings) => unwrap(api.PUT("/api/v1/settings", { body })),
    onSuccess: (saved) => {
      queries.setQueryData(["settings"], saved);
      void queries.invalidateQueries({ queryKey: ["media"] });
    },
  });
}

export function useServerInfo() {
  return useQuery({ queryKey: ["info"], queryFn: () => unwrap(api.GET("/api/v1/info")) });
}

/** What a schema says of one number. */
export interface Bounds {
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

interface Described extends Bounds {
  anyOf?: Bounds[];
}

interface OpenApi {
  components?: { schemas?: Record<string, { properties?: Record<string, Described> }> };
}

/** Bounds of a body's fields, from the server's own description; those of a field that may be null are its number's. */
export function boundsOf(description: OpenApi | undefined, body: string): Readonly<Record<string, Bounds>> {
  const properties = description?.components?.schemas?.[body]?.properties ?? {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, said]) => {
      const { minimum, exclusiveMinimum, maximum } = said.anyOf?.find((one) => one.minimum !== undefined) ?? said;
      return [name, { minimum, exclusiveMinimum, maximum }];
    }),
  );
}

/** The running server's description of its API, for the bounds of forms. */
export function useBounds(body: string): Readonly<Record<string, Bounds>> {
  const { data } = useQuery({
    queryKey: ["openapi"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<OpenApi> => {
      const answer = await fetch(`${API}/openapi.json`, { credentials: "same-origin" });
      // Without it forms are checked by the server alone.
      return answer.ok ? ((await answer.json()) as OpenApi) : {};
    },
  });
  return boundsOf(data, body);
}
