import { endingOf, type LiveDown, type LiveHello, parseDown } from "./protocol";

export type LinkState =
  | { phase: "closed" }
  /** `after`: why the one before ended; null for the first. */
  | { phase: "connecting"; after: "lost" | "full" | null }
  | { phase: "open" }
  | { phase: "waiting"; why: "lost" | "full"; detail: string; retryAtMs: number }
  | { phase: "refused"; detail: string };

interface Options {
  url: string;
  /** Sent first; null for sockets that only listen. */
  hello: LiveHello | null;
  onState: (state: LinkState) => void;
  onMessage: (message: LiveDown) => void;
  onPicture?: (jpeg: Blob) => void;
  /** The server did not even open the socket: it is away, or does not know who asks any longer. */
  onUnopened?: () => void;
}

/** A live socket that comes back by itself. */
export class LiveLink {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wanted = false;
  private after: "lost" | "full" | null = null;

  constructor(
    private readonly options: Options,
    private readonly open: (url: string) => WebSocket = (url) => new WebSocket(url),
  ) {}

  start(): void {
    this.wanted = true;
    this.failures = 0;
    this.after = null;
    this.connect();
  }

  stop(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    this.drop();
    this.options.onState({ phase: "closed" });
  }

  /** Try at once instead of when the wait is over. */
  retryNow(): void {
    if (!this.wanted) return;
    clearTimeout(this.timer);
    this.drop();
    this.connect();
  }

  get isOpen(): boolean {
    return this.socket?.readyState === 1;
  }

  /** Send something, if the socket is open and what was sent before is on its way. */
  send(data: ArrayBuffer): boolean {
    const socket = this.socket;
    if (socket?.readyState !== 1 || socket.bufferedAmount > 1 << 20) return false;
    socket.send(data);
    return true;
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private connect(): void {
    const { hello, onState, onMessage, onPicture, url } = this.options;
    onState({ phase: "connecting", after: this.after });
    const socket = this.open(url);
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (hello) socket.send(JSON.stringify(hello));
    };
    socket.onmessage = ({ data }: MessageEvent<string | Blob>) => {
      if (typeof data !== "string") {
        onPicture?.(data);
        return;
      }
      const message = parseDown(data);
      if (!message) return;
      if (message.type === "ready" || message.type === "status") {
        this.failures = 0;
        this.after = null;
        onState({ phase: "open" });
      }
      onMessage(message);
    };
    socket.onclose = ({ code, reason }) => {
      this.socket = null;
      if (!opened) this.options.onUnopened?.();
      this.ended(code, reason);
    };
  }

  private ended(code: number, detail: string): void {
    if (!this.wanted) return;
    const ending = endingOf(code, this.failures);
    this.failures += 1;
    if (!ending.again) {
      this.wanted = false;
      this.options.onState({ phase: "refused", detail });
      return;
    }
    this.after = ending.why;
    const waitMs = ending.waitS * 1000;
    this.options.onState({ phase: "waiting", why: ending.why, detail, retryAtMs: Date.now() + waitMs });
    this.timer = setTimeout(() => this.whenSeen(), waitMs);
  }

  /** Connect, in a tab that nobody looks at only once somebody does. */
  private whenSeen(): void {
    if (typeof document === "undefined" || !document.hidden) {
      this.connect();
      return;
    }
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      if (this.wanted && !this.socket) this.connect();
    };
    document.addEventListener("visibilitychange", look);
  }
}

/** The address of a live socket of this server. */
export function socketUrl(
  path: string,
  { protocol, host }: { protocol: string; host: string } = window.location,
): string {
  return `${protocol === "https:" ? "wss" : "ws"}://${host}${path}`;
}
