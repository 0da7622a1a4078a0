import { packFrame, sendSize } from "./protocol";

interface Options {
  video: HTMLVideoElement;
  /** Whether anything can be sent now; until then nothing is encoded. */
  ready: () => boolean;
  send: (data: ArrayBuffer) => boolean;
  /** Long side of what is sent, pixels. */
  longest: number;
  /** JPEG quality, 0..1. */
  quality: number;
  /** Keep the picture that is looked at, so that it can be shown with what is in it. */
  keep: boolean;
}

/** An answer that does not come is waited for no longer than this. */
const PATIENCE_MS = 8_000;

/** Sends a video's newest picture whenever the one before was answered: one is under way, older ones are passed over. */
export class FramePump {
  /** Pictures of the camera that were not sent. */
  passed = 0;
  /** The picture under way, where it is kept. */
  kept: ImageBitmap | null = null;
  private busySince: number | null = null;
  private fresh = false;
  private stopped = false;
  private handle = 0;
  private readonly canvas = new OffscreenCanvas(2, 2);

  constructor(private options: Options) {
    this.listen();
  }

  change(options: Partial<Options>): void {
    this.options = { ...this.options, ...options };
  }

  /** The picture under way was answered. */
  answered(): void {
    this.busySince = null;
    if (this.fresh) void this.shoot();
  }

  /** The connection is new: nothing is under way. */
  restart(): void {
    this.busySince = null;
    this.passed = 0;
    if (this.fresh) void this.shoot();
  }

  stop(): void {
    this.stopped = true;
    this.options.video.cancelVideoFrameCallback(this.handle);
    this.kept?.close();
    this.kept = null;
  }

  private listen(): void {
    if (this.stopped) return;
    this.handle = this.options.video.requestVideoFrameCallback(() => {
      if (this.fresh) this.passed += 1;
      this.fresh = true;
      const waits = this.busySince !== null && performance.now() - this.busySince < PATIENCE_MS;
      if (!waits) void this.shoot();
      this.listen();
    });
  }

  private async shoot(): Promise<void> {
    const { video, longest, quality, keep, ready, send } = this.options;
    const pen = this.canvas.getContext("2d", { alpha: false });
    if (this.stopped || !pen || !ready() || video.videoWidth === 0) return;
    this.fresh = false;
    const takenMs = performance.now();
    this.busySince = takenMs;
    const [width, height] = sendSize(video.videoWidth, video.videoHeight, longest);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    pen.drawImage(video, 0, 0, width, height);
    const jpeg = await (await this.canvas.convertToBlob({ type: "image/jpeg", quality })).arrayBuffer();
    if (this.stopped) return;
    this.kept?.close();
    this.kept = keep ? this.canvas.transferToImageBitmap() : null;
    if (!send(packFrame(takenMs, jpeg))) this.busySince = null;
  }
}
