/** Drop target and tray. */
export function UploadLayer() {
  return null;
}
