import type { Body, Face, FoundObject, Hand, Kind, People, TextLine } from "~/api/types";
import type { Finding } from "~/components/overlay/shapes";
import { formatNumber, formatShare } from "~/lib/format";

/** Words by key, as `useTranslation().t` gives them. */
export type Words = (key: string, values?: Record<string, unknown>) => string;

export interface Fact {
  label: string;
  value: string;
}

/** Name of one finding: its class, its text, or its kind. */
export function nameOf(kind: Kind, finding: Finding, t: Words): string {
  if (kind === "objects") return (finding as FoundObject).label;
  if (kind === "text") return (finding as TextLine).text;
  if (kind === "hands") return t(`finding.${(finding as Hand).side}`);
  return t(`finding.${kind}`);
}

/** Everything that was measured of one finding, in words; points and movements are shown elsewhere. */
export function factsOf(kind: Kind, finding: Finding, t: Words, language: string): Fact[] {
  const share = (value: number) => formatShare(value, language, 1);
  const number = (value: number, decimals = 0) => formatNumber(value, language, decimals);
  const facts: Fact[] = [];
  const add = (key: string, value: string | null | undefined) => {
    if (value != null && value !== "") facts.push({ label: t(`fact.${key}`), value });
  };
  if ("id" in finding && finding.id != null) add("id", `#${finding.id}`);
  if ("score" in finding) add("score", share(finding.score));
  if (kind === "faces") faceFacts(finding as Face, add, t, share, number);
  if (kind === "bodies") bodyFacts(finding as Body, add, t);
  if (kind === "hands") handFacts(finding as Hand, add, t, share);
  if (kind === "text") {
    const { text, rotation_deg } = finding as TextLine;
    add("text", text);
    add("rotation", rotation_deg == null ? null : `${number(rotation_deg, 1)}°`);
  }
  if (kind === "objects") add("label", (finding as FoundObject).label);
  if (kind === "people") add("coverage", share((finding as People).coverage));
  const box = finding.box_xyxy;
  if (box) {
    add("box", box.map((value) => number(value)).join("  "));
    add("size", `${number(box[2] - box[0])} × ${number(box[3] - box[1])}`);
  }
  return facts;
}

type Add = (key: string, value: string | null | undefined) => void;

function faceFacts(
  face: Face,
  add: Add,
  t: Words,
  share: (v: number) => string,
  number: (v: number, d?: number) => string,
): void {
  const { head_pose_deg: pose, gaze_deg: gaze, eye_openness: eyes } = face;
  add(
    "pose",
    pose && t("fact.poseValue", { yaw: number(pose.yaw), pitch: number(pose.pitch), roll: number(pose.roll) }),
  );
  add("gaze", gaze && t("fact.gazeValue", { yaw: number(gaze.yaw), pitch: number(gaze.pitch) }));
  add("eyes", eyes && t("fact.eyesValue", { left: number(eyes.left, 2), right: number(eyes.right, 2) }));
  add("mouth", face.mouth_openness == null ? null : number(face.mouth_openness, 2));
  add("mesh", face.mesh_xyz && String(face.mesh_xyz.length));
  add("meshScore", face.mesh_score == null ? null : share(face.mesh_score));
}

function bodyFacts(body: Body, add: Add, t: Words): void {
  const seen = body.visibility?.filter((value) => value >= 0.5).length;
  add("skeleton", body.skeleton);
  if (seen !== undefined) add("visible", t("fact.of", { seen, all: body.visibility?.length ?? 0 }));
  add("world", body.world_xyz_m && t("fact.worldValue", { count: body.world_xyz_m.length }));
}

function handFacts(hand: Hand, add: Add, t: Words, share: (v: number) => string): void {
  add("side", t(`fact.${hand.side}`));
  add("sideScore", share(hand.side_score));
  add("gesture", hand.gesture);
  add("gestureScore", hand.gesture_score == null ? null : share(hand.gesture_score));
  add("number", hand.number == null ? null : String(hand.number));
  add("landmarks", hand.points_xyz && String(hand.points_xyz.length));
}

/** Movements of a face, strongest first; those that hardly show are left out. */
export function movements(finding: Finding, least = 0.02): { name: string; value: number }[] {
  const actions = "actions" in finding ? finding.actions : null;
  return Object.entries(actions ?? {})
    .map(([name, value]) => ({
      name: name
        .replace(/([a-z])([A-Z])/g, "$1 $2")
        .replaceAll("_", " ")
        .toLowerCase(),
      value,
    }))
    .filter(({ value }) => value >= least)
    .sort((a, b) => b.value - a.value);
}
