import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api, setCsrfToken, unwrap } from "./client";
import { ApiProblem } from "./problem";
import type { Me, Permission, Schemas } from "./types";

export const ME = ["me"] as const;

async function whoAmI(): Promise<Me | null> {
  try {
    const me = await unwrap(api.GET("/api/v1/auth/me"));
    setCsrfToken(me.csrf_token);
    return me;
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) return null;
    throw error;
  }
}

/** Who is signed in; null: nobody. */
export function useSession() {
  return useQuery({ queryKey: ME, queryFn: whoAmI, staleTime: 5 * 60_000 });
}

/** Ways to sign in that this server offers. */
export function useSignInOptions() {
  return useQuery({ queryKey: ["sign-in-options"], queryFn: () => unwrap(api.GET("/api/v1/auth/options")) });
}

async function arrived(queries: QueryClient, me: Me): Promise<void> {
  setCsrfToken(me.csrf_token);
  // The question of before, still under way, would be answered with "nobody".
  await queries.cancelQueries({ queryKey: ME });
  queries.setQueryData(ME, me);
}

/** Sign in with a name and a password. */
export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["Credentials"]) => unwrap(api.POST("/api/v1/auth/login", { body })),
    onSuccess: (me) => arrived(queries, me),
  });
}

/** Sign in with the token that the first start printed. */
export function useTokenSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (token: string) => unwrap(api.POST("/api/v1/auth/token", { body: { token } })),
    onSuccess: (me) => arrived(queries, me),
  });
}

/** Sign out, and forget everything that was loaded. */
export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/auth/logout")),
    onSuccess: () => {
      setCsrfToken(null);
      // Who is signed in stays in the cache, as nobody: what watches it must see the change.
      queries.setQueryData(ME, null);
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== ME[0] });
      queries.getMutationCache().clear();
    },
  });
}

/** The token in an address such as `/#token=…`, which is dropped from the address bar and the history at once. */
export function takeTokenFromAddress(): string | null {
  const found = /^#token=(.+)$/.exec(window.location.hash);
  if (!found?.[1]) return null;
  window.history.replaceState(null, "", window.location.pathname + window.location.search);
  return decodeURIComponent(found[1]);
}

export const MeContext = createContext<Me | null>(null);

/** Who is signed in; for components inside the shell. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("useMe is for pages inside the shell");
  return me;
}

/** Whether one may do something; what one may not do is not shown. */
export function useMay(permission: Permission): boolean {
  return useMe().permissions.includes(permission);
}
