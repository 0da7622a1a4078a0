import { useElementSize } from "@mantine/hooks";
import { useMemo } from "react";
import type { FrameFindings } from "~/api/types";
import type { Layer } from "./layers";
import { OverlayCanvas } from "./OverlayCanvas";
import classes from "./overlay.module.css";
import { shapesOf } from "./shapes";
import { fitInto } from "./view";

interface Props {
  findings: FrameFindings | null;
  /** Of the picture that the findings are about; the overlay lies over it as `object-fit: contain` shows it. */
  sizeWh: readonly [number, number];
  layers: ReadonlySet<Layer>;
  labels?: boolean;
}

/** Findings over whatever fills the parent (which must be positioned): a camera's picture, a <video>, an <img>. */
export function Overlay({ findings, sizeWh, layers, labels = true }: Props) {
  const { ref, width, height } = useElementSize();
  const shapes = useMemo(() => shapesOf(findings, layers), [findings, layers]);
  const stage = [width, height] as const;
  return (
    <div ref={ref} className={classes.cover}>
      <OverlayCanvas
        shapes={shapes}
        view={fitInto(sizeWh, stage, Number.POSITIVE_INFINITY)}
        size={sizeWh}
        stage={stage}
        labels={labels}
      />
    </div>
  );
}
