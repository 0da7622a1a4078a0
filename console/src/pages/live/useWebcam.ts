import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef, useState } from "react";
import { API } from "~/api/client";
import { ME } from "~/api/session";
import type { FrameFindings, Kind } from "~/api/types";
import { Holder } from "./hold";
import { type LinkState, LiveLink, socketUrl } from "./link";
import { FramePump } from "./pump";
import { Counter } from "./stats";
import { type CameraTrouble, closeCamera, openCamera, troubleOf } from "./webcam";

export interface LiveOptions {
  only: readonly Kind[];
  landmarks: boolean;
  longest: number;
  quality: number;
  /** Show the picture that was looked at rather than the newest. */
  inStep: boolean;
}

export interface LiveNow {
  link: LinkState;
  findings: FrameFindings | null;
  /** Of the pictures that are looked at. */
  size: readonly [number, number] | null;
  /** What the server could not use of late. */
  problem: string | null;
}

const NOTHING: LiveNow = { link: { phase: "closed" }, findings: null, size: null, problem: null };

interface Webcam extends LiveNow {
  trouble: CameraTrouble | null;
  /** The camera is on. */
  running: boolean;
  /** Whether it looks away from who holds the device; such pictures are not mirrored. */
  outward: boolean;
  counter: Counter;
  retry: () => void;
}

/** A camera of this device, whose pictures the server looks at while `on`. */
export function useWebcam(
  on: boolean,
  deviceId: string | null,
  options: LiveOptions,
  video: RefObject<HTMLVideoElement | null>,
  canvas: RefObject<HTMLCanvasElement | null>,
): Webcam {
  const [counter] = useState(() => new Counter());
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [trouble, setTrouble] = useState<CameraTrouble | null>(null);
  const [now, setNow] = useState<LiveNow>(NOTHING);
  const queries = useQueryClient();
  const pump = useRef<FramePump | null>(null);
  const link = useRef<LiveLink | null>(null);

  useEffect(() => {
    if (!on) return;
    let wanted = true;
    let mine: MediaStream | null = null;
    setTrouble(null);
    const open = async () => {
      try {
        mine = await openCamera(deviceId);
        if (!wanted) return closeCamera(mine);
        mine.getVideoTracks()[0]?.addEventListener("ended", () => setTrouble("gone"));
        setStream(mine);
      } catch (error) {
        const name = error instanceof DOMException ? error.name : "";
        if (wanted) setTrouble(window.isSecureContext ? troubleOf(name) : "insecure");
      }
    };
    void open();
    return () => {
      wanted = false;
      closeCamera(mine);
      setStream(null);
    };
  }, [on, deviceId]);

  const { longest, quality, inStep, landmarks } = options;
  const kinds = options.only.join();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
    pump.current?.change({ longest, quality, keep: inStep });
  });

  useEffect(() => {
    const element = video.current;
    if (!stream || !element) return;
    element.srcObject = stream;
    void element.play().catch(() => undefined);
    counter.clear();
    const patch = (change: Partial<LiveNow>) => setNow((before) => ({ ...before, ...change }));
    const holder = new Holder();
    const live = new LiveLink({
      url: socketUrl(`${API}/live`),
      hello: { only: kinds.split(",") as Kind[], landmarks },
      onState: (state) => {
        patch(state.phase === "open" ? { link: state, problem: null } : { link: state, findings: null });
        if (state.phase === "open") pump.current?.restart();
        else {
          counter.clear();
          holder.clear();
        }
      },
      onMessage: (message) => {
        if (message.type === "frame") {
          const at = performance.now();
          counter.answered(at, at - message.sent_ms, (pump.current?.passed ?? 0) + message.dropped);
          show(canvas.current, pump.current?.kept ?? null);
          const [width, height] = message.size_wh;
          patch({ findings: holder.fill(message.findings, at), size: [width, height], problem: null });
        }
        if (message.type === "problem") patch({ problem: message.detail });
        if (message.type === "frame" || message.type === "problem") pump.current?.answered();
      },
      onUnopened: () => void queries.invalidateQueries({ queryKey: ME }),
    });
    link.current = live;
    pump.current = new FramePump({
      video: element,
      ready: () => live.isOpen,
      send: (data) => live.send(data),
      longest: latest.current.longest,
      quality: latest.current.quality,
      keep: latest.current.inStep,
    });
    live.start();
    return () => {
      pump.current?.stop();
      pump.current = null;
      live.stop();
      link.current = null;
      element.srcObject = null;
      setNow(NOTHING);
    };
  }, [stream, kinds, landmarks, video, canvas, counter, queries]);

  const facing = stream?.getVideoTracks()[0]?.getSettings().facingMode;
  return {
    ...now,
    trouble,
    running: stream !== null,
    outward: facing === "environment",
    counter,
    retry: () => link.current?.retryNow(),
  };
}

/** Draw a picture onto a canvas of its size. */
export function show(canvas: HTMLCanvasElement | null, picture: ImageBitmap | null): void {
  const pen = canvas?.getContext("2d");
  if (!canvas || !pen || !picture) return;
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  pen.drawImage(picture, 0, 0);
}
