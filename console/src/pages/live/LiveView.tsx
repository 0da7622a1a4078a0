import { Button, Loader, Text } from "@mantine/core";
import { IconAlertTriangle, IconCamera, IconCameraOff, IconPlugConnectedX } from "@tabler/icons-react";
import { type RefObject, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { KINDS } from "~/api/types";
import { LayerSwitches } from "~/components/overlay/LayerSwitches";
import { LAYER_COLOURS, layerCounts } from "~/components/overlay/layers";
import { Overlay } from "~/components/overlay/Overlay";
import { COLOURS } from "~/components/overlay/tables";
import { useLayers } from "~/components/overlay/useLayers";
import type { Chosen } from "./Controls";
import classes from "./live.module.css";
import { MetersBar } from "./MetersBar";
import { mirrored } from "./mirror";
import type { Wishes } from "./options";
import { type Seen, seenIn } from "./seen";
import type { useCameraFeed } from "./useCameraFeed";
import { useMeters } from "./useMeters";
import { useSlowly } from "./useSlowly";
import type { useWebcam } from "./useWebcam";

interface Props {
  on: boolean;
  chosen: Chosen;
  webcam: ReturnType<typeof useWebcam>;
  feed: ReturnType<typeof useCameraFeed>;
  options: Wishes;
  video: RefObject<HTMLVideoElement | null>;
  canvas: RefObject<HTMLCanvasElement | null>;
}

/** The picture, what is drawn over it, and how fast it goes. */
export function LiveView({ on, chosen, webcam, feed, options, video, canvas }: Props) {
  const { t } = useTranslation("live");
  const isWebcam = chosen.kind === "webcam";
  const now = isWebcam ? webcam : feed;
  const [layers, setLayers] = useLayers();
  const meters = useMeters(now.counter, on && now.link.phase === "open");
  const mirror = isWebcam && options.mirror && !webcam.outward;
  const size = now.size ?? [16, 9];
  const width = now.size?.[0];
  const findings = useMemo(
    () => (mirror && now.findings && width ? mirrored(now.findings, width) : now.findings),
    [mirror, now.findings, width],
  );
  const counts = useSlowly(layerCounts(now.findings), 400);
  const seen = useSlowly(seenIn(now.findings), 700);
  const held = isWebcam && options.inStep && now.findings !== null;
  const pictures = isWebcam ? webcam.running : now.size !== null;
  return (
    <div className={classes.view}>
      <div className={classes.stage} data-mirror={mirror}>
        <video
          ref={video}
          className={classes.picture}
          hidden={!isWebcam || !webcam.running || held}
          muted
          playsInline
          aria-label={t("picture")}
        />
        <canvas
          ref={canvas}
          className={classes.picture}
          hidden={isWebcam ? !held : !now.size}
          role="img"
          aria-label={t("picture")}
        />
        {on && pictures && <Overlay findings={findings} sizeWh={size} layers={layers} />}
        <Veil on={on} isWebcam={isWebcam} webcam={webcam} feed={feed} />
      </div>
      <MetersBar meters={meters} link={on ? now.link : { phase: "closed" }} problem={now.problem} />
      <div className={classes.below}>
        {now.findings && <LayerSwitches counts={counts} shown={layers} onChange={setLayers} />}
        {on && pictures && <SeenNow seen={seen} />}
      </div>
    </div>
  );
}

/** What lies over the stage when there is nothing to see, or no connection. */
function Veil({ on, isWebcam, webcam, feed }: Pick<Props, "on" | "webcam" | "feed"> & { isWebcam: boolean }) {
  const { t } = useTranslation("live");
  const now = isWebcam ? webcam : feed;
  const { link } = now;
  if (!on) return <Note icon={IconCamera} title={t("idle")} text={isWebcam ? t("idleText") : t("idleCamera")} />;
  if (isWebcam && webcam.trouble)
    return (
      <Note
        icon={IconCameraOff}
        title={t(`trouble.${webcam.trouble}`)}
        text={t(`troubleText.${webcam.trouble}`)}
        alert
      />
    );
  if (isWebcam && !webcam.running) return <Note title={t("asking")} text={t("askingText")} />;
  if (link.phase === "refused")
    return <Note icon={IconAlertTriangle} title={t("refused")} text={link.detail || t("refusedText")} alert />;
  const away = link.phase === "waiting" ? link.why : link.phase === "connecting" ? link.after : null;
  if (away)
    return (
      <Note icon={IconPlugConnectedX} title={t(away)} text={away === "full" ? t("fullText") : t("lostText")} alert>
        <Button size="xs" variant="default" loading={link.phase === "connecting"} onClick={now.retry}>
          {t("tryNow")}
        </Button>
      </Note>
    );
  if (!isWebcam && feed.status?.state === "lost")
    return (
      <Note icon={IconPlugConnectedX} title={t("cameraLost")} text={feed.status.detail ?? t("cameraLostText")} alert />
    );
  if (!isWebcam && !feed.size) return <Note title={t("waitingForCamera")} text={t("waitingForCameraText")} />;
  return null;
}

interface NoteProps {
  icon?: typeof IconCamera;
  title: string;
  text: string;
  alert?: boolean;
  children?: React.ReactNode;
}

function Note({ icon: Icon, title, text, alert, children }: NoteProps) {
  return (
    <div className={classes.veil} role={alert ? "alert" : "status"}>
      <div className={classes.note}>
        {Icon ? <Icon size={34} stroke={1.4} aria-hidden /> : <Loader size={26} />}
        <Text fw={650}>{title}</Text>
        <Text size="sm" c="dimmed">
          {text}
        </Text>
        {children}
      </div>
    </div>
  );
}

function SeenNow({ seen }: { seen: readonly Seen[] }) {
  const { t } = useTranslation(["live", "app"]);
  return (
    <section className={classes.seen} aria-label={t("seen")}>
      <h2 className={classes.seenTitle}>{t("seen")}</h2>
      {seen.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("nothing")}
        </Text>
      ) : (
        <dl className={classes.seenList}>
          {KINDS.filter((kind) => seen.some((one) => one.kind === kind)).map((kind) => (
            <div key={kind}>
              <dt>
                <span className={classes.dot} style={{ background: COLOURS[LAYER_COLOURS[kind]] }} />
                {t(`app:kind.${kind}`)}
              </dt>
              <dd className="numbers">
                {seen
                  .filter((one) => one.kind === kind)
                  .map(({ label, count }) =>
                    label === null ? String(count) : count > 1 ? `${label} × ${count}` : label,
                  )
                  .join(", ")}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
