import { useEffect, useRef, useState } from "react";

/** A value that changes with every frame, taken only so often, so that words stay readable. */
export function useSlowly<T>(value: T, everyMs: number): T {
  const latest = useRef(value);
  const [shown, setShown] = useState(value);
  useEffect(() => {
    latest.current = value;
  });
  useEffect(() => {
    const timer = setInterval(() => setShown(latest.current), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return shown;
}
