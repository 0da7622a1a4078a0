import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useMay } from "~/api/session";
import { DropTarget } from "./DropTarget";
import { isFinished } from "./machine";
import { onKept, uploads, useTransfers } from "./store";
import { UploadTray } from "./UploadTray";

/** Uploads on every page: the window as a drop target, and the tray. */
export function UploadLayer() {
  const may = useMay("media:write");
  const transfers = useTransfers();
  const queries = useQueryClient();
  const busy = transfers.some((transfer) => !isFinished(transfer));

  useEffect(() => onKept(() => void queries.invalidateQueries({ queryKey: ["media"] })), [queries]);

  useEffect(() => {
    const online = () => uploads.wake();
    window.addEventListener("online", online);
    return () => window.removeEventListener("online", online);
  }, []);

  useEffect(() => {
    if (!busy) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [busy]);

  if (!may) return null;
  return (
    <>
      <DropTarget />
      {transfers.length > 0 && <UploadTray transfers={transfers} />}
    </>
  );
}
