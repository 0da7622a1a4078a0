import type { FrameFindings, Kind } from "~/api/types";

/** Something that is in the picture now, and how often. */
export interface Seen {
  kind: Kind;
  /** Class of an object, gesture of a hand, recognised text; null: none. */
  label: string | null;
  count: number;
}

function tally(kind: Kind, labels: readonly (string | null)[]): Seen[] {
  const counts = new Map<string | null, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .map(([label, count]) => ({ kind, label, count }))
    .sort((a, b) => b.count - a.count || (a.label ?? "").localeCompare(b.label ?? ""));
}

/** What is in a frame, in words: the same things under one head. */
export function seenIn(findings: FrameFindings | null): Seen[] {
  if (!findings) return [];
  return [
    ...tally(
      "faces",
      (findings.faces ?? []).map(() => null),
    ),
    ...tally(
      "bodies",
      (findings.bodies ?? []).map(() => null),
    ),
    ...tally(
      "hands",
      (findings.hands ?? []).map(({ gesture, number }) => gesture ?? (number ? String(number) : null)),
    ),
    ...(findings.people?.box_xyxy ? [{ kind: "people" as const, label: null, count: 1 }] : []),
    ...tally(
      "objects",
      (findings.objects ?? []).map(({ label }) => label),
    ),
    ...tally(
      "text",
      (findings.text ?? []).map(({ text }) => text),
    ),
  ];
}
