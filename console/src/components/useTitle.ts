import { useDocumentTitle } from "@mantine/hooks";

/** Name the page in the browser's tab. */
export function useTitle(title: string): void {
  useDocumentTitle(title ? `${title} · Sightline` : "Sightline");
}
