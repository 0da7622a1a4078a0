import type { FrameFindings, Kind } from "~/api/types";
import { KINDS } from "~/api/types";

/** Findings of a kind are shown no longer than this after the frame in which it was looked for. */
const HOLD_MS = 1_500;

/** Fills in the kinds that a frame was not looked at for: the server looks for slow ones in some frames only. */
export class Holder {
  private readonly known = new Map<Kind, { atMs: number; value: unknown }>();

  clear(): void {
    this.known.clear();
  }

  /** The frame, with what was found last of kinds that are absent from it. */
  fill(findings: FrameFindings, nowMs: number): FrameFindings {
    const filled: Record<string, unknown> = { ...findings };
    for (const kind of KINDS) {
      const value = findings[kind];
      if (value != null) this.known.set(kind, { atMs: nowMs, value });
      else {
        const before = this.known.get(kind);
        if (before && nowMs - before.atMs <= HOLD_MS) filled[kind] = before.value;
      }
    }
    return filled as unknown as FrameFindings;
  }
}
