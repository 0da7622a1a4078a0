/** Files in what was dropped, folders searched to their depths; hidden files are left out. */
export async function droppedFiles(data: DataTransfer): Promise<File[]> {
  // Entries must be taken before the first await: the browser empties the list after the event.
  const entries = [...data.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...data.files];
  if (entries.length === 0 || entries.some((entry) => entry === null)) return plain.filter(wanted);
  const found: File[] = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found.filter(wanted);
}

const wanted = (file: File): boolean => !file.name.startsWith(".") && file.name !== "Thumbs.db";

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (entry.isFile) {
    found.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // One call gives at most a hundred entries; the last one gives none.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const inner of part) await walk(inner, found);
  }
}

/** Whether a drag carries files, rather than text or a picture of this page. */
export function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
