import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, setCsrfToken, unwrap } from "./client";
import { ME } from "./session";
import type { Schemas } from "./types";

export type User = Schemas["User"];
export type NewUser = Schemas["NewUser"];
export type UserChange = Schemas["UserChange"];
export type Role = User["role"];
export type Key = Schemas["Key"];
export type NewKey = Schemas["NewKey"];
export type CreatedKey = Schemas["CreatedKey"];

export function useUsers() {
  return useQuery({
    queryKey: ["users"],
    queryFn: async () => (await unwrap(api.GET("/api/v1/users"))).items,
  });
}

function useUserChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => {
      for (const key of [["users"], ["keys"]]) void queries.invalidateQueries({ queryKey: key });
    },
  });
}

export const useAddUser = () => useUserChange((body: NewUser) => unwrap(api.POST("/api/v1/users", { body })));

export const useChangeUser = () =>
  useUserChange(({ id, body }: { id: number; body: UserChange }) =>
    unwrap(api.PATCH("/api/v1/users/{user_id}", { params: { path: { user_id: id } }, body })),
  );

export const useDeleteUser = () =>
  useUserChange((id: number) => unwrap(api.DELETE("/api/v1/users/{user_id}", { params: { path: { user_id: id } } })));

/** One's own keys; those of all for whoever manages users. */
export function useKeys() {
  return useQuery({ queryKey: ["keys"], queryFn: async () => (await unwrap(api.GET("/api/v1/keys"))).items });
}

function useKeyChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSettled: () => queries.invalidateQueries({ queryKey: ["keys"] }) });
}

export const useAddKey = () => useKeyChange((body: NewKey) => unwrap(api.POST("/api/v1/keys", { body })));

export const useRevokeKey = () =>
  useKeyChange((id: number) => unwrap(api.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id: id } } })));

/** Change one's own password; all other sessions end, and this one goes on with a new token. */
export function useChangePassword() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["PasswordChange"]) => unwrap(api.POST("/api/v1/auth/password", { body })),
    onSuccess: async () => {
      const me = await unwrap(api.GET("/api/v1/auth/me"));
      setCsrfToken(me.csrf_token);
      queries.setQueryData(ME, me);
    },
  });
}
