import type { ModelState } from "~/api/models";

export const TASKS = ["faces", "bodies", "hands", "people", "objects", "text", "identity"] as const;
export type Task = (typeof TASKS)[number];

export interface Wish {
  task: Task | null;
  /** Only those that are not here and whole. */
  missing: boolean;
  words: string;
}

/** The nets that fit a wish; each word must stand in the title, name, task or summary. */
export function choose(models: readonly ModelState[], { task, missing, words }: Wish): ModelState[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => {
    if (task && model.task !== task) return false;
    if (missing && model.state === "ready") return false;
    const text = `${model.title} ${model.name} ${model.task} ${model.summary ?? ""}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
}

/** Nets that an analysis needs and that are not here, nor on their way. */
export function needed(models: readonly ModelState[]): ModelState[] {
  return models.filter((model) => model.default && model.state !== "ready" && !model.fetching_job_id);
}

/** A figure as its card gives it: up to four decimals. */
export function figure(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 4 }).format(value);
}

/** The address of a page in an upstream line, when it is one that can be opened. */
export function webAddress(text: string): string | null {
  return /^https:\/\/[^\s"'<>]+$/.test(text) ? text : null;
}
