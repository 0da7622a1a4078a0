import { Button, Chip, Group, Input, Modal, SegmentedControl, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useBounds } from "~/api/settings";
import { useAddSource, useChangeSource, useWatchSource } from "~/api/sources";
import { KINDS, type Kind, type Source } from "~/api/types";
import { ProblemNotice } from "~/components/ProblemNotice";
import { QuantityInput } from "./QuantityInput";
import { SECONDS, wrongWith } from "./units";

/** Add a folder or camera, or change one. */
export function SourceModal({ source, onClose }: { source: Source | null; onClose: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  return (
    <Modal
      opened
      onClose={onClose}
      title={source ? t("sources.change", { name: source.name }) : t("sources.add")}
      size="lg"
      closeButtonProps={{ "aria-label": t("app:action.close") }}
    >
      <Form source={source} onClose={onClose} />
    </Modal>
  );
}

function Form({ source, onClose }: { source: Source | null; onClose: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const bounds = useBounds("NewSource");
  const [kind, setKind] = useState(source?.kind ?? "camera");
  const [name, setName] = useState(source?.name ?? "");
  const [address, setAddress] = useState("");
  const [only, setOnly] = useState<Kind[]>(source?.only ?? ["objects"]);
  const [limited, setLimited] = useState(source?.retention_days != null);
  const [days, setDays] = useState<number | null>(source?.retention_days ?? 30);
  const [video, setVideo] = useState(source?.keep_video ?? true);
  const [segment, setSegment] = useState<number | null>(source?.segment_s ?? 60);
  const add = useAddSource();
  const change = useChangeSource();
  const watch = useWatchSource();
  const camera = kind === "camera";
  const wrong =
    name.trim() === "" ||
    (!source && address.trim() === "") ||
    (limited && wrongWith(days, bounds.retention_days ?? {}) !== null) ||
    (camera && wrongWith(segment, bounds.segment_s ?? {}) !== null);
  const retention = limited ? days : null;
  const submit = () => {
    const common = { name: name.trim(), only, retention_days: retention };
    if (source) {
      const body = {
        ...common,
        ...(camera ? { keep_video: video } : {}),
        ...(address.trim() ? { address: address.trim() } : {}),
      };
      change.mutate({ id: source.id, body }, { onSuccess: onClose });
      return;
    }
    const made = { ...common, kind, address: address.trim(), keep_video: video, segment_s: segment ?? 60 };
    add.mutate(made, {
      onSuccess: ({ id }) => {
        watch.mutate({ id, on: true });
        onClose();
      },
    });
  };
  const error = add.error ?? change.error;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) submit();
      }}
    >
      <Stack gap="md">
        {!source && (
          <SegmentedControl
            aria-label={t("sources.what")}
            value={kind}
            onChange={(value) => setKind(value as Source["kind"])}
            data={(["camera", "folder"] as const).map((value) => ({ value, label: t(`sources.kind.${value}`) }))}
          />
        )}
        <TextInput
          label={t("sources.name")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={200}
          autoComplete="off"
          data-autofocus
          required
          withAsterisk={false}
        />
        {(camera || !source) && (
          <TextInput
            label={camera ? t("sources.address") : t("sources.folder")}
            description={
              source ? t("sources.addressKept", { address: source.address }) : t(`sources.addressHint.${kind}`)
            }
            placeholder={camera ? "rtsp://user:password@camera.local/stream1" : "/srv/pictures/door"}
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
            maxLength={1000}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            required={!source}
            withAsterisk={false}
          />
        )}
        <Input.Wrapper label={t("sources.only")} labelElement="div">
          <Chip.Group
            multiple
            value={only}
            onChange={(kinds) => kinds.length > 0 && setOnly(KINDS.filter((one) => kinds.includes(one)) as Kind[])}
          >
            <Group gap={6} mt={6} role="group" aria-label={t("sources.only")}>
              {KINDS.map((one) => (
                <Chip key={one} value={one} size="sm" variant="outline" disabled={only.length === 1 && only[0] === one}>
                  {t(`app:kind.${one}`)}
                </Chip>
              ))}
            </Group>
          </Chip.Group>
        </Input.Wrapper>
        {camera && (
          <Switch
            label={t("sources.keepVideo")}
            description={t("sources.keepVideoHint")}
            checked={video}
            onChange={(event) => setVideo(event.currentTarget.checked)}
          />
        )}
        {camera && !source && (
          <QuantityInput
            label={t("sources.segment")}
            description={t("sources.segmentHint")}
            value={segment}
            onChange={setSegment}
            bounds={bounds.segment_s}
            units={SECONDS.slice(0, 2)}
          />
        )}
        <Switch
          label={t("sources.limited")}
          description={t("sources.limitedHint")}
          checked={limited}
          onChange={(event) => setLimited(event.currentTarget.checked)}
        />
        {limited && (
          <QuantityInput label={t("limits.days")} value={days} onChange={setDays} bounds={bounds.retention_days} />
        )}
        {source && retention !== (source.retention_days ?? null) && <Text size="sm">{t("sources.existing")}</Text>}
        {error && <ProblemNotice error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("app:action.cancel")}
          </Button>
          <Button type="submit" disabled={wrong} loading={add.isPending || change.isPending}>
            {source ? t("save") : t("sources.addAndStart")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
