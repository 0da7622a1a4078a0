import type { RecordKind, Timeline } from "~/api/types";

/** Lengths of a bar, seconds. Whole minutes are what the server answers fastest. */
const LADDER = [60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400, 28 * 86_400, 364 * 86_400] as const;
const MOST_BARS = 96;

/** The shortest length of a bar with which a stretch of time needs no more bars than fit. */
export function bucketFor(spanS: number): number {
  return LADDER.find((bucket) => spanS / bucket <= MOST_BARS) ?? LADDER[LADDER.length - 1] ?? 86_400;
}

/** A stretch of time around another that is long enough for a chart to be one, and not a single wide bar. */
export function widened(startMs: number, endMs: number, bucketS: number, leastBars = 32): [number, number] {
  const missing = leastBars * bucketS * 1000 - (endMs - startMs);
  return missing <= 0 ? [startMs, endMs] : [startMs - missing / 2, endMs + missing / 2];
}

export interface Bar {
  startMs: number;
  total: number;
  counts: Partial<Record<RecordKind, number>>;
}

export interface Chart {
  bucketS: number;
  startMs: number;
  endMs: number;
  bars: Bar[];
}

/** First and last moment of a timeline that has anything in it; null for an empty one. */
export function extent({ buckets, bucket_s }: Timeline): { startMs: number; endMs: number } | null {
  const starts = buckets.map(({ start }) => Date.parse(start));
  if (starts.length === 0) return null;
  return { startMs: Math.min(...starts), endMs: Math.max(...starts) + bucket_s * 1000 };
}

/** Bars of equal length from the first to the last moment, empty ones included; labels are summed up by kind. */
export function chart(timeline: Timeline, bucketS: number, startMs: number, endMs: number): Chart {
  const step = bucketS * 1000;
  const first = Math.floor(startMs / step) * step;
  const count = Math.max(1, Math.ceil((endMs - first) / step));
  const bars: Bar[] = Array.from({ length: count }, (_, i) => ({ startMs: first + i * step, total: 0, counts: {} }));
  for (const { start, counts } of timeline.buckets) {
    const bar = bars[Math.floor((Date.parse(start) - first) / step)];
    if (!bar) continue;
    for (const [name, n] of Object.entries(counts)) {
      const kind = name.split("/")[0] as RecordKind;
      bar.counts[kind] = (bar.counts[kind] ?? 0) + n;
      bar.total += n;
    }
  }
  return { bucketS, startMs: first, endMs: first + count * step, bars };
}

/** Moments for the labels of an axis: about so many, at round times of the day or at midnights. */
export function ticks(startMs: number, endMs: number, about: number): number[] {
  const steps = [
    60,
    300,
    900,
    1800,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    86_400,
    2 * 86_400,
    7 * 86_400,
    28 * 86_400,
    91 * 86_400,
    364 * 86_400,
  ];
  const step = (steps.find((s) => (endMs - startMs) / 1000 / s <= about) ?? 364 * 86_400) * 1000;
  const zone = new Date(startMs).getTimezoneOffset() * 60_000;
  const first = Math.ceil((startMs - zone) / step) * step + zone;
  const found: number[] = [];
  for (let at = first; at < endMs; at += step) found.push(at);
  return found;
}
