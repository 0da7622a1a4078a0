/** Numbers, sizes and times in words, in the language that is asked for. */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Such as 3.4 MB; steps of 1000. */
export function formatBytes(bytes: number, language: string): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: UNITS[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: power === 0 || value >= 100 ? 0 : 1,
  }).format(value);
}

/** A time in a video: 0:07, 12:05, 1:02:03; with decimals 0:07.25. */
export function formatClock(seconds: number, decimals = 0): string {
  const scale = 10 ** decimals;
  const whole = Math.max(0, Math.floor(seconds * scale + 1e-6));
  const s = Math.floor(whole / scale);
  const pad = (value: number) => String(value).padStart(2, "0");
  const head = s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}` : String(Math.floor(s / 60));
  const tail = decimals > 0 ? `.${String(whole % scale).padStart(decimals, "0")}` : "";
  return `${head}:${pad(s % 60)}${tail}`;
}

/** A stretch of time: 45 s, 12 min, 2 h 5 min. */
export function formatSpan(seconds: number, language: string): string {
  const unit = (value: number, name: "second" | "minute" | "hour" | "day") =>
    new Intl.NumberFormat(language, {
      style: "unit",
      unit: name,
      unitDisplay: "short",
      maximumFractionDigits: 0,
    }).format(value);
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return unit(s, "second");
  const minutes = Math.round(s / 60);
  if (minutes < 60) return unit(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${unit(hours, "hour")} ${unit(minutes % 60, "minute")}` : unit(hours, "hour");
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${unit(days, "day")} ${unit(hours % 24, "hour")}` : unit(days, "day");
}

/** Such as 87 %. */
export function formatShare(share: number, language: string, decimals = 0): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: decimals }).format(share);
}

export function formatNumber(value: number, language: string, decimals = 0): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: decimals }).format(value);
}

/** Date and time of day, in the browser's time zone. */
export function formatDateTime(iso: string | Date, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** How long ago, in the largest unit that fits: 3 minutes ago. */
export function formatAgo(iso: string, language: string, nowMs: number = Date.now()): string {
  const seconds = (new Date(iso).getTime() - nowMs) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const steps = [
    [60, "second", 1],
    [3600, "minute", 60],
    [86_400, "hour", 3600],
    [86_400 * 30, "day", 86_400],
    [86_400 * 365, "month", 86_400 * 30],
  ] as const;
  for (const [below, unit, size] of steps) {
    if (Math.abs(seconds) < below) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(Math.trunc(seconds / (86_400 * 365)), "year");
}

/** Frames a second from a fraction such as 30000/1001; null when it says nothing. */
export function frameRate(fraction: string | null | undefined): number | null {
  const [top, bottom = 1] = (fraction ?? "").split("/").map(Number);
  const rate = (top ?? 0) / bottom;
  return Number.isFinite(rate) && rate > 0 ? rate : null;
}

/** The value of an <input type="datetime-local"> for a moment; empty for none. */
export function toLocalInput(iso: string | null): string {
  if (!iso) return "";
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? ""
    : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The moment that an <input type="datetime-local"> says; null for an empty one. */
export function fromLocalInput(value: string): string | null {
  const at = new Date(value);
  return value === "" || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
