import { Button, Group } from "@mantine/core";
import { IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useMay } from "~/api/session";
import { useSources } from "~/api/sources";
import { PageBody } from "~/components/PageBody";
import { type Chosen, Controls, chosenFrom } from "./Controls";
import { LiveView } from "./LiveView";
import classes from "./live.module.css";
import { useLiveOptions } from "./options";
import { useCameraFeed } from "./useCameraFeed";
import { useWebcam } from "./useWebcam";
import { cameras } from "./webcam";

/** A camera, with what is in its picture now. */
export function LivePage() {
  const { t } = useTranslation("live");
  const [params, setParams] = useSearchParams();
  const [options, setOptions] = useLiveOptions();
  const [on, setOn] = useState(false);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const sources = useSources(useMay("sources:read"));
  const watched = (sources.data ?? []).filter((source) => source.kind === "camera");
  const chosen = chosenFrom(params, devices, watched);

  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const isWebcam = chosen.kind === "webcam";
  const webcam = useWebcam(on && isWebcam, isWebcam ? chosen.deviceId : null, options, video, canvas);
  const feed = useCameraFeed(on && !isWebcam, isWebcam ? null : chosen.sourceId, canvas);

  // The browser tells names of cameras only once it was allowed to use one.
  const { running } = webcam;
  useEffect(() => {
    let wanted = true;
    const list = () =>
      void cameras()
        .then((found) => wanted && setDevices(found))
        .catch(() => undefined);
    if (running || !on) list();
    navigator.mediaDevices?.addEventListener("devicechange", list);
    return () => {
      wanted = false;
      navigator.mediaDevices?.removeEventListener("devicechange", list);
    };
  }, [running, on]);

  const choose = (next: Chosen) => {
    const wanted = new URLSearchParams();
    if (next.kind === "camera") wanted.set("camera", String(next.sourceId));
    else if (next.deviceId) wanted.set("device", next.deviceId);
    setParams(wanted, { replace: true });
  };
  const stopped = !on || webcam.trouble !== null;
  return (
    <PageBody
      title={t("title")}
      text={t("lead")}
      actions={
        <Group gap="xs">
          {stopped ? (
            <Button
              leftSection={<IconPlayerPlay size={17} aria-hidden />}
              onClick={() => {
                setOn(false);
                // A second press after a refusal asks again.
                requestAnimationFrame(() => setOn(true));
              }}
            >
              {t("start")}
            </Button>
          ) : (
            <Button
              variant="default"
              leftSection={<IconPlayerStop size={17} aria-hidden />}
              onClick={() => setOn(false)}
            >
              {t("stop")}
            </Button>
          )}
        </Group>
      }
    >
      <div className={classes.layout}>
        <LiveView on={on} chosen={chosen} webcam={webcam} feed={feed} options={options} video={video} canvas={canvas} />
        <Controls
          chosen={chosen}
          onChoose={choose}
          devices={devices}
          sources={watched}
          options={options}
          onOptions={setOptions}
        />
      </div>
    </PageBody>
  );
}
