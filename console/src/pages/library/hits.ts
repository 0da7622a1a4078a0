import type { SightRecord } from "~/api/types";

/** Records of one thing in one file that follow each other, as one hit. */
export interface Hit {
  key: string;
  /** The one with the highest score. */
  best: SightRecord;
  count: number;
  fromS: number;
  toS: number;
}

/** Seconds between two sightings that still belong together. */
const GAP_S = 2;

function thingOf({ media_id, analysis_id, kind, track_id, label, text }: SightRecord): string {
  const what = track_id == null ? `${label ?? ""}|${text ?? ""}` : `#${track_id}`;
  return [media_id, analysis_id, kind, what].join("|");
}

/** Gather records, newest or oldest first, into hits: the same track, or the same words or class without a long gap. */
export function groupHits(records: readonly SightRecord[]): Hit[] {
  const hits: Hit[] = [];
  const open = new Map<string, Hit>();
  for (const record of records) {
    const thing = thingOf(record);
    const hit = open.get(thing);
    const near = hit && record.time_s <= hit.toS + GAP_S && record.time_s >= hit.fromS - GAP_S;
    // Two alike in one frame are two things, unless a track says that they are one.
    const another = hit && record.track_id == null && record.frame === hit.best.frame;
    if (hit && near && !another) {
      hit.count += 1;
      hit.fromS = Math.min(hit.fromS, record.time_s);
      hit.toS = Math.max(hit.toS, record.time_s);
      if (record.score > hit.best.score) hit.best = record;
      continue;
    }
    const fresh = { key: String(record.id), best: record, count: 1, fromS: record.time_s, toS: record.time_s };
    open.set(thing, fresh);
    hits.push(fresh);
  }
  return hits;
}

type Box = readonly [number, number, number, number];

/** The part of a picture to show around a box: of the frame's shape, inside the picture where it can be. */
export function cropAround(box: Box, [w, h]: readonly [number, number], aspect: number, mostZoom = 4): Box {
  const [x0, y0, x1, y1] = box;
  const whole = w / h > aspect ? h * aspect : w;
  const wanted = Math.max((x1 - x0) * 1.7, (y1 - y0) * 1.7 * aspect, Math.max(w, h) / mostZoom);
  // As wide as the picture is allowed to fill the frame at most, unless the box is larger than that.
  const width = Math.min(Math.max(wanted, 1), Math.max(whole, Math.min(wanted, Math.max(w, h * aspect))));
  const height = width / aspect;
  const place = (middle: number, length: number, all: number) =>
    length >= all ? (all - length) / 2 : Math.min(all - length, Math.max(0, middle - length / 2));
  const left = place((x0 + x1) / 2, width, w);
  const top = place((y0 + y1) / 2, height, h);
  return [left, top, left + width, top + height];
}
