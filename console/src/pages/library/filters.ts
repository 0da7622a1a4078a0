import type { MediaQuery, RecordKind, RecordQuery } from "~/api/types";

export type ViewName = "files" | "findings";

/** What the library shows, as the address says it. */
export interface Filters {
  view: ViewName;
  /** In files: part of a name; in findings: part of recognised text. */
  search: string;
  media: "picture" | "video" | null;
  found: RecordKind | null;
  labels: string[];
  source: number | null;
  minScore: number;
  /** Moments, ISO 8601. */
  from: string | null;
  before: string | null;
}

export const RECORD_KINDS: readonly RecordKind[] = ["face", "body", "hand", "people", "text", "object"];

function oneOf<T extends string>(value: string | null, allowed: readonly T[]): T | null {
  return allowed.find((one) => one === value) ?? null;
}

function moment(value: string | null): string | null {
  return value && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : null;
}

/** Read filters from an address; what makes no sense is left out. */
export function readFilters(params: URLSearchParams): Filters {
  const source = Number(params.get("source"));
  const score = Number(params.get("score"));
  const [from, before] = [moment(params.get("from")), moment(params.get("before"))];
  const inOrder = !from || !before || from < before;
  return {
    view: oneOf(params.get("view"), ["files", "findings"] as const) ?? "files",
    search: (params.get("q") ?? "").slice(0, 200),
    media: oneOf(params.get("media"), ["picture", "video"] as const),
    found: oneOf(params.get("found"), RECORD_KINDS),
    labels: params.getAll("label").slice(0, 80),
    source: Number.isInteger(source) && source > 0 ? source : null,
    minScore: score > 0 && score <= 1 ? score : 0,
    from: inOrder ? from : null,
    before: inOrder ? before : null,
  };
}

/** Write filters into an address; what says nothing is left out. */
export function writeFilters(filters: Filters): URLSearchParams {
  const params = new URLSearchParams();
  if (filters.view !== "files") params.set("view", filters.view);
  if (filters.search) params.set("q", filters.search);
  if (filters.media) params.set("media", filters.media);
  if (filters.found) params.set("found", filters.found);
  for (const label of filters.labels) params.append("label", label);
  if (filters.source) params.set("source", String(filters.source));
  if (filters.minScore > 0) params.set("score", String(filters.minScore));
  if (filters.from) params.set("from", filters.from);
  if (filters.before) params.set("before", filters.before);
  return params;
}

/** The filters as a question for files. */
export function mediaQuery({ search, media, found, source, from, before }: Filters): Omit<MediaQuery, "cursor"> {
  return {
    limit: 48,
    name: search.trim() || undefined,
    kind: media ?? undefined,
    found: found ?? undefined,
    source_id: source ?? undefined,
    taken_from: from ?? undefined,
    taken_before: before ?? undefined,
  };
}

/** The filters as a question for records; in the view of files its search is about names, which records do not have. */
export function recordQuery(filters: Filters): RecordQuery {
  const findings = filters.view === "findings";
  return {
    text: (findings && filters.search.trim()) || undefined,
    kinds: filters.found ? [filters.found] : undefined,
    labels: findings && filters.labels.length > 0 ? filters.labels : undefined,
    source_id: filters.source ?? undefined,
    min_score: findings && filters.minScore > 0 ? filters.minScore : undefined,
    taken_from: filters.from ?? undefined,
    taken_before: filters.before ?? undefined,
  };
}

/** How many filters beside the search narrow the view. */
export function narrowed({ view, media, found, labels, source, minScore, from, before }: Filters): number {
  const files = view === "files";
  const set = [found, source, from ?? before, files && media, !files && labels.length > 0, !files && minScore > 0];
  return set.filter(Boolean).length;
}

/** Address of an export of the records that the filters leave. */
export function exportUrl(filters: Filters, format: "parquet" | "coco"): string {
  const params = new URLSearchParams({ format });
  for (const [key, value] of Object.entries(recordQuery(filters))) {
    if (value === undefined || value === null) continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(key, String(one));
  }
  return `/api/v1/records/export?${params}`;
}
