import type { Key } from "~/api/accounts";
import type { Permission } from "~/api/types";

/** Rights in the order and groups in which they are offered. */
export const GROUPS: readonly (readonly Permission[])[] = [
  ["media:read", "media:write", "analyse", "live"],
  ["records:read", "records:write", "people:read", "people:write"],
  ["jobs:read", "jobs:control", "sources:read", "sources:write", "models:read", "models:fetch"],
  ["settings:read", "settings:write", "users:manage", "audit:read"],
];

export type KeyState = "works" | "soon" | "expired" | "revoked";

const SOON_MS = 14 * 86_400_000;

/** Whether a key works, and for how much longer. */
export function stateOf(key: Pick<Key, "revoked" | "expires_at">, nowMs: number): KeyState {
  if (key.revoked) return "revoked";
  const left = Date.parse(key.expires_at) - nowMs;
  return left <= 0 ? "expired" : left < SOON_MS ? "soon" : "works";
}

/** A command that tries a key, with the first thing that it may do. */
export function example(origin: string, secret: string, scopes: readonly Permission[]): string {
  const paths: [Permission, string][] = [
    ["media:read", "/media"],
    ["records:read", "/records"],
    ["jobs:read", "/jobs"],
    ["models:read", "/models"],
    ["sources:read", "/sources"],
  ];
  const path = paths.find(([right]) => scopes.includes(right))?.[1];
  const head = `curl -H "Authorization: Bearer ${secret}" ${origin}/api/v1`;
  if (path) return `${head}${path}`;
  return scopes.includes("media:write") ? `${head}/media?name=door.jpg --data-binary @door.jpg` : `${head}/auth/me`;
}
