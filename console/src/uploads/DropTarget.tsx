import { Portal, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconUpload } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { carriesFiles, droppedFiles } from "./dropped";
import { uploadFiles } from "./store";
import classes from "./uploads.module.css";

/** The whole window takes files, dropped or pasted. */
export function DropTarget() {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);

  useEffect(() => {
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const move = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    };
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const drop = async (event: DragEvent) => {
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      const files = await droppedFiles(event.dataTransfer);
      if (files.length > 0) uploadFiles(files);
      else notifications.show({ title: t("drop.nothing"), message: t("drop.nothingDetail"), color: "yellow" });
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) uploadFiles(files);
    };
    const listeners = { paste, dragenter: enter, dragover: move, dragleave: leave, drop } as const;
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        window.removeEventListener(name, listener as EventListener);
    };
  }, [t]);

  if (!over) return null;
  return (
    <Portal>
      <div className={classes.veil}>
        <Stack align="center" gap="xs" className={classes.veilCard}>
          <IconUpload size={44} stroke={1.5} aria-hidden />
          <Title order={2}>{t("drop.title")}</Title>
          <Text c="dimmed">{t("drop.text")}</Text>
        </Stack>
      </div>
    </Portal>
  );
}
