import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef, useState } from "react";
import { API } from "~/api/client";
import { ME } from "~/api/session";
import type { FrameFindings, Schemas } from "~/api/types";
import { Holder } from "./hold";
import { type LinkState, LiveLink, socketUrl } from "./link";
import { Counter } from "./stats";
import { show } from "./useWebcam";

interface Feed {
  link: LinkState;
  findings: FrameFindings | null;
  size: readonly [number, number] | null;
  problem: string | null;
  /** Whether pictures come from the camera to the server. */
  status: Schemas["LiveStatus"] | null;
  counter: Counter;
  retry: () => void;
}

type Now = Omit<Feed, "counter" | "retry">;

const NOTHING: Now = { link: { phase: "closed" }, findings: null, size: null, problem: null, status: null };

/** A camera that the server reads: its pictures are drawn onto the canvas, with what is in them beside. */
export function useCameraFeed(on: boolean, sourceId: number | null, canvas: RefObject<HTMLCanvasElement | null>): Feed {
  const [counter] = useState(() => new Counter());
  const [now, setNow] = useState<Now>(NOTHING);
  const queries = useQueryClient();
  const link = useRef<LiveLink | null>(null);

  useEffect(() => {
    if (!on || sourceId === null) return;
    let wanted = true;
    let picture: Blob | null = null;
    let drawing = false;
    counter.clear();
    const patch = (change: Partial<Now>) => setNow((before) => ({ ...before, ...change }));
    const draw = async (jpeg: Blob, findings: FrameFindings | null) => {
      // One is drawn at a time; those that come meanwhile are passed over.
      if (drawing) return;
      drawing = true;
      try {
        const bitmap = await createImageBitmap(jpeg);
        if (wanted) {
          show(canvas.current, bitmap);
          patch({ findings, size: [bitmap.width, bitmap.height] });
        }
        bitmap.close();
      } catch {
        patch({ findings: null });
      } finally {
        drawing = false;
      }
    };
    const holder = new Holder();
    const live = new LiveLink({
      url: socketUrl(`${API}/live/cameras/${sourceId}`),
      hello: null,
      onState: (state) => {
        patch({ link: state });
        if (state.phase !== "open") counter.clear();
      },
      onPicture: (jpeg) => {
        picture = jpeg;
      },
      onMessage: (message) => {
        if (message.type === "status") patch({ status: message });
        if (message.type !== "frame" && message.type !== "problem") return;
        const jpeg = picture;
        picture = null;
        if (message.type === "frame") {
          counter.answered(performance.now(), message.latency_ms, message.dropped);
          patch({ problem: null });
        } else patch({ problem: message.detail });
        if (jpeg) void draw(jpeg, message.type === "frame" ? holder.fill(message.findings, performance.now()) : null);
      },
      onUnopened: () => void queries.invalidateQueries({ queryKey: ME }),
    });
    link.current = live;
    live.start();
    return () => {
      wanted = false;
      live.stop();
      link.current = null;
      setNow(NOTHING);
    };
  }, [on, sourceId, canvas, counter, queries]);

  return { ...now, counter, retry: () => link.current?.retryNow() };
}
