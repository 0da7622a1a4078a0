import type { FrameFindings } from "~/api/types";
import type { ColourName } from "./tables";

/** What can be shown or hidden over a picture: the kinds of findings, and the mesh of faces. */
export type Layer = "faces" | "mesh" | "bodies" | "hands" | "people" | "text" | "objects";

export const LAYERS: readonly Layer[] = ["faces", "mesh", "bodies", "hands", "people", "text", "objects"];

export const LAYER_COLOURS: Readonly<Record<Layer, ColourName>> = {
  faces: "sky",
  mesh: "yellow",
  bodies: "green",
  hands: "orange",
  people: "purple",
  text: "vermillion",
  objects: "blue",
};

/** How many there are of each in one frame; null: it was not looked for. */
export function layerCounts(findings: FrameFindings | null): Record<Layer, number | null> {
  const count = (list: unknown[] | null | undefined) => list?.length ?? null;
  return {
    faces: count(findings?.faces),
    mesh: findings?.faces ? findings.faces.filter((face) => face.mesh_xyz).length : null,
    bodies: count(findings?.bodies),
    hands: count(findings?.hands),
    people: findings?.people ? (findings.people.box_xyxy ? 1 : 0) : null,
    text: count(findings?.text),
    objects: count(findings?.objects),
  };
}
