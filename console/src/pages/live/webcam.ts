/** Why a camera of this device cannot be used. */
export type CameraTrouble = "insecure" | "denied" | "none" | "busy" | "gone" | "other";

/** What a failed request for a camera means, from the name of its DOMException. */
export function troubleOf(name: string): CameraTrouble {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "DevicesNotFoundError":
      return "none";
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError":
      return "busy";
    case "OverconstrainedError":
      return "gone";
    default:
      return "other";
  }
}

/** Cameras of this device; without names until the browser was allowed to use one. */
export async function cameras(): Promise<MediaDeviceInfo[]> {
  if (!navigator.mediaDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput");
}

/** Ask for a camera's pictures; throws a DOMException when they are not to be had. */
export function openCamera(deviceId: string | null): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new DOMException("cameras need https or localhost", "InsecureContext");
  return navigator.mediaDevices.getUserMedia({
    audio: false,
    video: {
      ...(deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" }),
      width: { ideal: 1280 },
      height: { ideal: 720 },
      frameRate: { ideal: 30 },
    },
  });
}

/** Let go of a camera. */
export function closeCamera(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
