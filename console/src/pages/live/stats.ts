/** Values of the last seconds, for a rate and for quantiles. */
export class Recent {
  private values: { atMs: number; value: number }[] = [];

  constructor(private readonly windowMs: number) {}

  add(atMs: number, value: number): void {
    this.values.push({ atMs, value });
    this.forget(atMs);
  }

  clear(): void {
    this.values = [];
  }

  /** The value below which a share of those in the window lie (nearest rank); null when there are none. */
  quantile(share: number, nowMs: number): number | null {
    this.forget(nowMs);
    const sorted = this.values.map(({ value }) => value).sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  }

  /** Values a second, from the first in the window until now; null when there are fewer than two. */
  rate(nowMs: number): number | null {
    this.forget(nowMs);
    const first = this.values[0];
    if (!first || this.values.length < 2) return null;
    return ((this.values.length - 1) * 1000) / Math.max(1, nowMs - first.atMs);
  }

  private forget(nowMs: number): void {
    const from = nowMs - this.windowMs;
    const keep = this.values.findIndex(({ atMs }) => atMs >= from);
    this.values = keep < 0 ? [] : this.values.slice(keep);
  }
}

/** What the page shows of a connection; null: not known yet. */
export interface Meters {
  framesPerS: number | null;
  medianMs: number | null;
  slowMs: number | null;
  dropped: number | null;
}

export const NO_METERS: Meters = { framesPerS: null, medianMs: null, slowMs: null, dropped: null };

/** Counts what the meters show. */
export class Counter {
  private readonly latency = new Recent(5_000);
  private dropped: number | null = null;

  /** One answer, and what passed from the picture to it. */
  answered(nowMs: number, latencyMs: number, dropped: number): void {
    this.latency.add(nowMs, latencyMs);
    this.dropped = dropped;
  }

  clear(): void {
    this.latency.clear();
    this.dropped = null;
  }

  read(nowMs: number): Meters {
    return {
      framesPerS: this.latency.rate(nowMs),
      medianMs: this.latency.quantile(0.5, nowMs),
      slowMs: this.latency.quantile(0.95, nowMs),
      dropped: this.dropped,
    };
  }
}
