import { type RefObject, useEffect, useState } from "react";

/** The time of the frame that a video shows, exact to the frame; whether it plays; and how long it is. */
export function useVideoTime(video: RefObject<HTMLVideoElement | null>, knownDurationS: number) {
  const [timeS, setTimeS] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [durationS, setDurationS] = useState(knownDurationS);

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    let handle = 0;
    const frame = (_now: number, { mediaTime }: VideoFrameCallbackMetadata) => {
      setTimeS(mediaTime);
      handle = element.requestVideoFrameCallback(frame);
    };
    const coarse = () => setTimeS(element.currentTime);
    const state = () => setPlaying(!element.paused && !element.ended);
    const duration = () => {
      if (Number.isFinite(element.duration)) setDurationS(element.duration);
    };
    const exact = typeof element.requestVideoFrameCallback === "function";
    if (exact) handle = element.requestVideoFrameCallback(frame);
    else for (const name of ["timeupdate", "seeked"]) element.addEventListener(name, coarse);
    for (const name of ["play", "pause", "ended"]) element.addEventListener(name, state);
    element.addEventListener("durationchange", duration);
    duration();
    return () => {
      if (exact) element.cancelVideoFrameCallback(handle);
      for (const name of ["timeupdate", "seeked"]) element.removeEventListener(name, coarse);
      for (const name of ["play", "pause", "ended"]) element.removeEventListener(name, state);
      element.removeEventListener("durationchange", duration);
    };
  }, [video]);

  return { timeS, playing, durationS };
}
