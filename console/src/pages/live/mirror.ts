import type { FrameFindings } from "~/api/types";

type Box = [number, number, number, number];

/** The same findings in the mirrored picture; left and right stay the subject's own. */
export function mirrored(findings: FrameFindings, width: number): FrameFindings {
  const box = ([x0, y0, x1, y1]: readonly number[]): Box => [width - (x1 ?? 0), y0 ?? 0, width - (x0 ?? 0), y1 ?? 0];
  const point = <P extends readonly number[]>(p: P): P => [width - (p[0] ?? 0), ...p.slice(1)] as unknown as P;
  const points = <P extends readonly number[]>(list: readonly P[] | null | undefined): P[] | null =>
    list ? list.map(point) : null;
  return {
    ...findings,
    faces: findings.faces?.map((face) => ({
      ...face,
      box_xyxy: box(face.box_xyxy),
      points_xy: points(face.points_xy),
      mesh_xyz: points(face.mesh_xyz),
    })),
    bodies: findings.bodies?.map((body) => ({
      ...body,
      box_xyxy: box(body.box_xyxy),
      points_xyz: points(body.points_xyz),
    })),
    hands: findings.hands?.map((hand) => ({
      ...hand,
      box_xyxy: box(hand.box_xyxy),
      points_xyz: points(hand.points_xyz),
    })),
    people: findings.people?.box_xyxy
      ? { ...findings.people, box_xyxy: box(findings.people.box_xyxy) }
      : findings.people,
    text: findings.text?.map((line) => {
      const [a, b, c, d] = line.quad_xy;
      return { ...line, box_xyxy: box(line.box_xyxy), quad_xy: [point(a), point(b), point(c), point(d)] };
    }),
    objects: findings.objects?.map((object) => ({ ...object, box_xyxy: box(object.box_xyxy) })),
  };
}
