import { Anchor, Chip, Group, Select, Stack, Switch, Text } from "@mantine/core";
import { IconEyeOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useMay } from "~/api/session";
import { KINDS, type Kind, type Source } from "~/api/types";
import classes from "./live.module.css";
import { QUALITIES, SIDES, type Wishes } from "./options";

/** Whose pictures are shown. */
export type Chosen = { kind: "webcam"; deviceId: string | null } | { kind: "camera"; sourceId: number };

/** What an address asks for, among what there is. */
export function chosenFrom(
  params: URLSearchParams,
  devices: readonly Pick<MediaDeviceInfo, "deviceId">[],
  sources: readonly Pick<Source, "id">[],
): Chosen {
  const camera = sources.find(({ id }) => String(id) === params.get("camera"));
  if (camera) return { kind: "camera", sourceId: camera.id };
  const device = devices.find(({ deviceId }) => deviceId !== "" && deviceId === params.get("device"));
  return { kind: "webcam", deviceId: device?.deviceId ?? null };
}

interface Props {
  chosen: Chosen;
  onChoose: (chosen: Chosen) => void;
  devices: readonly MediaDeviceInfo[];
  sources: readonly Source[];
  options: Wishes;
  onOptions: (options: Wishes) => void;
}

/** Which camera, what to look for, and how much is sent. */
export function Controls({ chosen, onChoose, devices, sources, options, onOptions }: Props) {
  const { t } = useTranslation(["live", "app"]);
  const isWebcam = chosen.kind === "webcam";
  return (
    <div className={classes.controls}>
      <CameraSelect chosen={chosen} onChoose={onChoose} devices={devices} sources={sources} />
      {isWebcam ? (
        <WebcamOptions options={options} onOptions={onOptions} />
      ) : (
        <CameraFacts source={sources.find(({ id }) => id === chosen.sourceId)} />
      )}
      <Text size="xs" c="dimmed" className={classes.privacy}>
        <IconEyeOff size={16} aria-hidden />
        <span>{isWebcam ? t("privacy") : t("privacyCamera")}</span>
      </Text>
    </div>
  );
}

function CameraSelect({ chosen, onChoose, devices, sources }: Omit<Props, "options" | "onOptions">) {
  const { t } = useTranslation("live");
  const named = devices.filter(({ deviceId }) => deviceId !== "");
  const own = [
    { value: "webcam", label: t("anyWebcam") },
    ...named.map(({ deviceId, label }, i) => ({
      value: `device ${deviceId}`,
      label: label || t("webcamNumber", { number: i + 1 }),
    })),
  ];
  const watched = sources.map(({ id, name }) => ({ value: `camera ${id}`, label: name }));
  const value =
    chosen.kind === "camera" ? `camera ${chosen.sourceId}` : chosen.deviceId ? `device ${chosen.deviceId}` : "webcam";
  const take = (wanted: string | null) => {
    const [kind = "", ...rest] = (wanted ?? "webcam").split(" ");
    const id = rest.join(" ");
    onChoose(kind === "camera" ? { kind, sourceId: Number(id) } : { kind: "webcam", deviceId: id || null });
  };
  return (
    <Select
      label={t("camera")}
      data={[
        { group: t("thisDevice"), items: named.length === 1 ? own.slice(1) : own },
        ...(watched.length > 0 ? [{ group: t("serverCameras"), items: watched }] : []),
      ]}
      value={named.length === 1 && value === "webcam" ? `device ${named[0]?.deviceId}` : value}
      onChange={take}
      allowDeselect={false}
    />
  );
}

function WebcamOptions({ options, onOptions }: Pick<Props, "options" | "onOptions">) {
  const { t } = useTranslation(["live", "app"]);
  const change = (part: Partial<Wishes>) => onOptions({ ...options, ...part });
  return (
    <>
      <div>
        <Text size="sm" fw={600} mb={6} id="live-kinds">
          {t("lookFor")}
        </Text>
        <Chip.Group
          multiple
          value={[...options.only]}
          onChange={(kinds) =>
            kinds.length > 0 && change({ only: KINDS.filter((kind) => kinds.includes(kind)) as Kind[] })
          }
        >
          <Group gap={6} role="group" aria-labelledby="live-kinds">
            {KINDS.map((kind) => (
              <Chip
                key={kind}
                value={kind}
                size="sm"
                variant="outline"
                disabled={options.only.length === 1 && options.only[0] === kind}
              >
                {t(`app:kind.${kind}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        {options.only.includes("text") && (
          <Text size="xs" c="dimmed" mt={6}>
            {t("textSlow")}
          </Text>
        )}
      </div>
      <Stack gap="xs">
        <Switch
          label={t("mirror")}
          checked={options.mirror}
          onChange={(event) => change({ mirror: event.currentTarget.checked })}
        />
        <Switch
          label={t("inStep")}
          description={t("inStepHint")}
          checked={options.inStep}
          onChange={(event) => change({ inStep: event.currentTarget.checked })}
        />
        {options.only.includes("faces") && (
          <Switch
            label={t("landmarks")}
            description={t("landmarksHint")}
            checked={options.landmarks}
            onChange={(event) => change({ landmarks: event.currentTarget.checked })}
          />
        )}
      </Stack>
      <Group grow gap="sm" align="flex-end">
        <Select
          label={t("side")}
          data={SIDES.map((side) => ({ value: String(side), label: t("pixels", { count: side }) }))}
          value={String(options.longest)}
          onChange={(value) => change({ longest: Number(value) })}
          allowDeselect={false}
        />
        <Select
          label={t("quality")}
          data={QUALITIES.map((quality, i) => ({ value: String(quality), label: t(`qualities.${i}`) }))}
          value={String(options.quality)}
          onChange={(value) => change({ quality: Number(value) })}
          allowDeselect={false}
        />
      </Group>
    </>
  );
}

function CameraFacts({ source }: { source: Source | undefined }) {
  const { t } = useTranslation(["live", "app"]);
  const may = useMay("sources:write");
  if (!source) return null;
  return (
    <Stack gap={6}>
      <Text size="sm">
        {t("looksFor", { kinds: (source.only ?? []).map((kind) => t(`app:kind.${kind}`)).join(", ") })}
      </Text>
      {may && (
        <Anchor component={Link} to="/settings/sources" size="sm">
          {t("changeCamera")}
        </Anchor>
      )}
    </Stack>
  );
}
