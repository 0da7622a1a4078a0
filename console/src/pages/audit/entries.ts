import type { AuditFilter } from "~/api/audit";

/** Beginnings of actions that stand for a whole field, and single ones that are often looked for. */
export const ACTIONS: readonly string[] = [
  "login",
  "login.failed",
  "logout",
  "user.",
  "key.",
  "media.",
  "media.add",
  "media.read",
  "media.delete",
  "media.expire",
  "records.",
  "analysis.",
  "live.",
  "source.",
  "job.",
  "model.fetch",
  "settings.change",
  "audit.",
];

/** The filter that an address asks for. */
export function filterFrom(params: URLSearchParams): AuditFilter {
  const actor = params.get("actor")?.trim().slice(0, 300);
  const action = params.get("action")?.trim().slice(0, 100);
  return { actor: actor || undefined, action: action || undefined };
}

/** Date and time of day with seconds, in the browser's time zone. */
export function formatMoment(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(
    new Date(iso),
  );
}

/** A detail in one line: its first plain values. */
export function inShort(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === "object" && value !== null ? JSON.stringify(value) : value}`)
    .join(", ");
}

/** Where in the console something that was done something to can be looked at; null: nowhere. */
export function placeOf(target: string | null | undefined): string | null {
  const [, kind, id] = /^(\w+)\/(.+)$/.exec(target ?? "") ?? [];
  if (!kind || !id) return null;
  const name = encodeURIComponent(id);
  if (kind === "media") return `/analyse/file/${name}`;
  if (kind === "analyses" || kind === "analysis") return `/analyse/${name}`;
  if (kind === "models") return `/models/${name}`;
  if (kind === "user") return "/settings/users";
  if (kind === "key") return "/settings/keys";
  if (kind === "sources" || kind === "source") return "/settings/sources";
  return null;
}
