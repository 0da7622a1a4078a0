import type { Bounds } from "~/api/settings";

/** A unit by its name in the dictionaries, and how many of the API's units it is. */
export interface Unit {
  name: string;
  size: number;
}

export const BYTES: readonly Unit[] = [
  { name: "KiB", size: 1024 },
  { name: "MiB", size: 1024 ** 2 },
  { name: "GiB", size: 1024 ** 3 },
  { name: "TiB", size: 1024 ** 4 },
];
export const SECONDS: readonly Unit[] = [
  { name: "seconds", size: 1 },
  { name: "minutes", size: 60 },
  { name: "hours", size: 3600 },
];
export const PIXELS: readonly Unit[] = [
  { name: "pixels", size: 1 },
  { name: "megapixels", size: 1_000_000 },
];

/** The largest unit in which a value is at least one and has at most two decimals; else the smallest. */
export function unitFor(value: number, units: readonly Unit[]): Unit {
  const fits = ({ size }: Unit) =>
    value / size >= 1 && Math.abs(Math.round((value / size) * 100) - (value / size) * 100) < 1e-6;
  return [...units].sort((a, b) => b.size - a.size).find(fits) ?? units[0] ?? { name: "", size: 1 };
}

/** What is wrong with a number; null: nothing. */
export type Wrong = { kind: "missing" } | { kind: "low" | "high"; bound: number } | { kind: "above"; bound: number };

/** Check a number against what the schema says of it. */
export function wrongWith(value: number | null, { minimum, exclusiveMinimum, maximum }: Bounds): Wrong | null {
  if (value === null || !Number.isFinite(value)) return { kind: "missing" };
  if (minimum !== undefined && value < minimum) return { kind: "low", bound: minimum };
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return { kind: "above", bound: exclusiveMinimum };
  if (maximum !== undefined && value > maximum) return { kind: "high", bound: maximum };
  return null;
}

/** Whether what is there already may be deleted when keeping changes from one number of days to another; null: for ever. */
export function deletesSooner(before: number | null, after: number | null): boolean {
  return after !== null && (before === null || after < before);
}
