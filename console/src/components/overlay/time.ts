import type { FrameFindings, Kind } from "~/api/types";
import { KINDS } from "~/api/types";

/** Length of the stretches in which a video's findings are loaded, seconds. */
export const WINDOW_S = 5;

/** Numbers of the stretches that playback at a time needs: the one before, this one, and the next. */
export function windowsAt(timeS: number, durationS: number): number[] {
  const at = Math.floor(timeS / WINDOW_S);
  const last = Math.max(0, Math.ceil(durationS / WINDOW_S) - 1);
  return [at - 1, at, at + 1].filter((k) => k >= 0 && k <= last);
}

/**
 * What was found in the frame that is shown at a time: the newest at or before it.
 *
 * `slackS` allows for the rounding of times, `holdS` is how long findings stay when later frames were not looked at.
 */
export function frameAt(
  frames: readonly FrameFindings[],
  timeS: number,
  holdS: number,
  slackS = 0.004,
): FrameFindings | null {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((frames[middle]?.time_s ?? Number.POSITIVE_INFINITY) <= timeS + slackS) low = middle + 1;
    else high = middle;
  }
  const found = frames[low - 1];
  return found && timeS - found.time_s <= holdS ? found : null;
}

/** How many of a kind are in one frame; null: it was not looked for. */
export function countOf(frame: FrameFindings, kind: Kind): number | null {
  if (kind === "people") return frame.people ? (frame.people.box_xyxy ? 1 : 0) : null;
  return frame[kind]?.length ?? null;
}

/** One lane of a timeline: the most of a kind at once in each of its equal stretches. */
export interface Lane {
  kind: Kind;
  most: number;
  values: (number | null)[];
}

/** As many stretches as frames were looked at, for a stretch without a frame would show a gap that is none. */
function stretchesFor(frames: readonly FrameFindings[], durationS: number, most: number): number {
  const [first, last] = [frames[0], frames[frames.length - 1]];
  if (!first || !last || last.time_s <= first.time_s) return 1;
  const gapS = (last.time_s - first.time_s) / (frames.length - 1);
  return Math.max(1, Math.min(most, Math.floor(durationS / gapS + 0.01)));
}

/** Lanes over a video from its frames; kinds that were never found have none. */
export function lanesFromFrames(frames: readonly FrameFindings[], durationS: number, mostStretches: number): Lane[] {
  const stretches = stretchesFor(frames, durationS, mostStretches);
  return KINDS.flatMap((kind) => {
    const values: (number | null)[] = Array(stretches).fill(null);
    for (const frame of frames) {
      const count = countOf(frame, kind);
      const at = Math.min(stretches - 1, Math.floor((frame.time_s / Math.max(durationS, 1e-6)) * stretches));
      if (count !== null) values[at] = Math.max(values[at] ?? 0, count);
    }
    const most = Math.max(0, ...values.map((value) => value ?? 0));
    return most > 0 ? [{ kind, most, values }] : [];
  });
}
