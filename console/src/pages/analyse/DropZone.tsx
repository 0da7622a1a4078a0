import { Button, Group, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconCamera, IconFolderOpen, IconPhotoUp } from "@tabler/icons-react";
import { type ChangeEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import { uploadFiles } from "~/uploads/store";
import classes from "./analyse.module.css";

const TAKES = "image/*,video/*,.heic,.heif,.avif,.dng,.tif,.tiff,.mkv,.mts,.m2ts";

/** Where files are dropped, chosen, or taken with a phone's camera. */
export function DropZone() {
  const { t } = useTranslation("analyse");
  const phone = useMediaQuery("(pointer: coarse)") ?? false;
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    uploadFiles([...(event.currentTarget.files ?? [])].filter((file) => !file.name.startsWith(".")));
    // The same file may be chosen again.
    event.currentTarget.value = "";
  };
  return (
    <div className={classes.zone}>
      <IconPhotoUp size={34} stroke={1.5} className={classes.zoneIcon} aria-hidden />
      <div className={classes.zoneText}>
        <Text fw={600}>{phone ? t("zone.titlePhone") : t("zone.title")}</Text>
        <Text size="sm" c="dimmed">
          {t("zone.text")}
        </Text>
      </div>
      <Group gap="xs" className={classes.zoneButtons}>
        {phone && (
          <Button leftSection={<IconCamera size={17} aria-hidden />} onClick={() => camera.current?.click()}>
            {t("zone.camera")}
          </Button>
        )}
        <Button
          variant={phone ? "default" : "filled"}
          leftSection={<IconPhotoUp size={17} aria-hidden />}
          onClick={() => files.current?.click()}
        >
          {t("zone.files")}
        </Button>
        {!phone && (
          <Button
            variant="default"
            leftSection={<IconFolderOpen size={17} aria-hidden />}
            onClick={() => folder.current?.click()}
          >
            {t("zone.folder")}
          </Button>
        )}
      </Group>
      <input ref={files} type="file" multiple hidden accept={TAKES} onChange={chosen} aria-label={t("zone.files")} />
      <input
        ref={(element) => {
          folder.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        onChange={chosen}
        aria-label={t("zone.folder")}
      />
      <input
        ref={camera}
        type="file"
        hidden
        accept="image/*"
        capture="environment"
        onChange={chosen}
        aria-label={t("zone.camera")}
      />
    </div>
  );
}
