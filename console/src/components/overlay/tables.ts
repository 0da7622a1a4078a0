import contours from "@drawing/face_contours.json";
import palette from "@drawing/palette.json";
import skeletons from "@drawing/skeletons.json";

/** Pairs of landmarks to join, with the subject's side that they belong to. */
export interface Edge {
  a: number;
  b: number;
  side: "left" | "right" | "centre";
}

function pairs(chains: number[][], side: Edge["side"]): Edge[] {
  return chains.flatMap((chain) => chain.slice(1).map((b, i) => ({ a: chain[i] ?? b, b, side })));
}

const body = ({ right, left, centre }: { right: number[][]; left: number[][]; centre: number[][] }): Edge[] => [
  ...pairs(right, "right"),
  ...pairs(left, "left"),
  ...pairs(centre, "centre"),
];

/** Lines of the skeletons, from the same tables that the server draws with. */
export const BODY_EDGES = { blazepose33: body(skeletons.blazepose33), coco17: body(skeletons.coco17) } as const;
/** Landmarks before this one are the head's, which a face shows better. */
export const HEAD_POINTS = {
  blazepose33: skeletons.blazepose33.head_points,
  coco17: skeletons.coco17.head_points,
} as const;
export const HAND_EDGES: readonly Edge[] = pairs(skeletons.hand21.fingers, "centre");

/** Chains of the face mesh: outline and nose, lips, and the eyes and brows of either side. */
export const FACE_CHAINS = {
  light: [...contours.contours.oval, ...contours.contours.nose],
  lips: contours.contours.lips,
  right: [...contours.contours.right_eye, ...contours.contours.right_brow],
  left: [...contours.contours.left_eye, ...contours.contours.left_brow],
} as const;
export const IRISES: readonly (readonly number[])[] = [contours.irises.right, contours.irises.left];

const rgb = (colour: number[]): string => `rgb(${colour.join(" ")})`;

/** Colours that people with any kind of colour vision can tell apart. */
export const COLOURS = {
  sky: rgb(palette.colours.sky),
  orange: rgb(palette.colours.orange),
  green: rgb(palette.colours.green),
  yellow: rgb(palette.colours.yellow),
  vermillion: rgb(palette.colours.vermillion),
  purple: rgb(palette.colours.purple),
  blue: rgb(palette.colours.blue),
  dark: rgb(palette.dark),
  light: rgb(palette.light),
} as const;
export type ColourName = keyof typeof COLOURS;
