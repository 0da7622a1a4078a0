import type { Schemas } from "~/api/types";

export type LiveHello = Schemas["LiveHello"];

type Told<Message extends { type?: string }> = Message & { type: NonNullable<Message["type"]> };
export type LiveAnswer = Told<Schemas["LiveAnswer"]>;
export type LiveDown =
  | LiveAnswer
  | Told<Schemas["LiveReady"]>
  | Told<Schemas["LiveProblem"]>
  | Told<Schemas["LiveStatus"]>;

/** A message up: 8 bytes, the time in milliseconds as a little-endian float64, then the JPEG. */
export function packFrame(sentMs: number, jpeg: ArrayBuffer): ArrayBuffer {
  const packed = new Uint8Array(8 + jpeg.byteLength);
  new DataView(packed.buffer).setFloat64(0, sentMs, true);
  packed.set(new Uint8Array(jpeg), 8);
  return packed.buffer;
}

/** A message down; null: one that this console does not know. */
export function parseDown(text: string): LiveDown | null {
  try {
    const message = JSON.parse(text) as { type?: unknown };
    const known = ["ready", "frame", "problem", "status"];
    return typeof message.type === "string" && known.includes(message.type) ? (message as LiveDown) : null;
  } catch {
    return null;
  }
}

/** What follows from the end of a socket. */
export type Ending = { again: true; why: "lost" | "full"; waitS: number } | { again: false };

const MOST_S = 15;

/** Seconds until the next attempt: doubled each time, and spread so that not all come back at once. */
export function backOff(failures: number, random: number = Math.random()): number {
  return Math.min(MOST_S, 0.5 * 2 ** failures) * (0.8 + 0.4 * random);
}

/** What to do after a socket closed with a code (RFC 6455, section 7.4.1), after so many failures in a row. */
export function endingOf(code: number, failures: number, random: number = Math.random()): Ending {
  // 1013: no place free. 1003, 1007, 1008: what was sent cannot be used, or is not allowed; the same again would not help.
  if (code === 1013) return { again: true, why: "full", waitS: Math.max(5, backOff(failures, random)) };
  if (code === 1003 || code === 1007 || code === 1008) return { again: false };
  return { again: true, why: "lost", waitS: backOff(failures, random) };
}

/** Width and height of the picture to send: as the camera's, with the long side at most so long; even numbers. */
export function sendSize(width: number, height: number, longest: number): [number, number] {
  const scale = Math.min(1, longest / Math.max(width, height, 1));
  const even = (length: number) => Math.max(2, 2 * Math.round((length * scale) / 2));
  return [even(width), even(height)];
}
