import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { jobKey } from "./jobEvents";
import type { Schemas } from "./types";

export type ModelState = Schemas["ModelState"];
export type ModelDetail = Schemas["ModelDetail"];

/** All nets, those that an analysis needs first. */
export function useModels() {
  return useQuery({
    queryKey: ["models", "list"],
    queryFn: () => unwrap(api.GET("/api/v1/models")),
    refetchInterval: ({ state }) => (state.data?.some((model) => model.fetching_job_id) ? 5_000 : false),
  });
}

/** One net with its whole card. */
export function useModel(name: string | undefined) {
  return useQuery({
    queryKey: ["models", "one", name],
    enabled: Boolean(name),
    queryFn: () => unwrap(api.GET("/api/v1/models/{name}", { params: { path: { name: name ?? "" } } })),
  });
}

/** Begin to bring nets to the server's machine. */
export function useFetchModels() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (names: readonly string[]) => {
      for (const name of names) {
        const job = await unwrap(api.POST("/api/v1/models/{name}/fetch", { params: { path: { name } } }));
        queries.setQueryData(jobKey(job.id), job);
      }
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["models"] }),
  });
}
