import { useEffect, useMemo, useState } from "react";
import type { FrameFindings } from "~/api/types";
import { type Layer, layerCounts } from "~/components/overlay/layers";
import { type Shape, shapesOf } from "~/components/overlay/shapes";
import { useLayers } from "~/components/overlay/useLayers";

export interface Inspection {
  shapes: readonly Shape[];
  chosen: string | null;
  pointed: string | null;
  counts: Record<Layer, number | null>;
  layers: ReadonlySet<Layer>;
  setLayers: (layers: ReadonlySet<Layer>) => void;
  choose: (key: string | null) => void;
  point: (key: string | null) => void;
  /** What a stage needs of it. */
  stage: {
    shapes: readonly Shape[];
    chosen: string | null;
    pointed: string | null;
    onChoose: (key: string | null) => void;
    onPoint: (key: string | null) => void;
  };
}

/** The box of a hit, as the address carries it: its corners, rounded to pixels. */
export function boxKey(box: readonly number[]): string {
  return box.map(Math.round).join("_");
}

/** Layers, the chosen observation, and the one under the pointer. `at`: choose the one with this box at first. */
export function useInspection(findings: FrameFindings | null, at: string | null = null): Inspection {
  const [layers, setLayers] = useLayers();
  const [chosen, choose] = useState<string | null>(null);
  const [pointed, point] = useState<string | null>(null);
  const shapes = useMemo(() => shapesOf(findings, layers), [findings, layers]);
  const [wanted, setWanted] = useState(at);

  useEffect(() => setWanted(at), [at]);
  useEffect(() => {
    const hit = wanted && shapes.find((shape) => boxKey(shape.box) === wanted);
    if (!hit) return;
    choose(hit.key);
    setWanted(null);
  }, [shapes, wanted]);

  return {
    shapes,
    chosen,
    pointed,
    counts: useMemo(() => layerCounts(findings), [findings]),
    layers,
    setLayers,
    choose,
    point,
    stage: { shapes, chosen, pointed, onChoose: choose, onPoint: point },
  };
}
