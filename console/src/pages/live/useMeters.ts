import { useEffect, useState } from "react";
import { type Counter, type Meters, NO_METERS } from "./stats";

/** What a counter says, twice a second: numbers that change with every frame cannot be read. */
export function useMeters(counter: Counter, on: boolean): Meters {
  const [meters, setMeters] = useState(NO_METERS);
  useEffect(() => {
    if (!on) {
      setMeters(NO_METERS);
      return;
    }
    const timer = setInterval(() => setMeters(counter.read(performance.now())), 500);
    return () => clearInterval(timer);
  }, [counter, on]);
  return meters;
}
