import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { contentUrl, thumbnailUrl, useDocument } from "~/api/media";
import type { Analysis, Media } from "~/api/types";
import { ProblemNotice } from "~/components/ProblemNotice";
import { Stage } from "~/components/stage/Stage";
import { ResultLayout } from "./ResultLayout";
import { useInspection } from "./useInspection";

/** Formats that browsers show by themselves. */
const SHOWN: ReadonlySet<string> = new Set([
  "image/jpeg",
  "image/png",
  "image/webp",
  "image/gif",
  "image/avif",
  "image/bmp",
]);

/** A picture with what was found in it. */
export function PictureStage({ analysis, media }: { analysis: Analysis; media: Media }) {
  const { t } = useTranslation("analyse");
  const [params] = useSearchParams();
  const document = useDocument(analysis, true);
  const findings = document.data?.frames[0] ?? null;
  const inspection = useInspection(findings, params.get("at"));
  const [broken, setBroken] = useState(false);
  const plain = SHOWN.has(media.content_type) && !broken;
  return (
    <ResultLayout
      analysis={analysis}
      media={media}
      inspection={inspection}
      raw={document.data ?? null}
      stage={
        <Stage size={media.size_wh} label={t("pictureOf", { name: media.name })} {...inspection.stage}>
          <img
            // What a browser cannot show (HEIC, TIFF) the server shows as a large preview.
            src={plain ? contentUrl(media.id) : thumbnailUrl(media.id, 1024)}
            alt={media.name}
            draggable={false}
            onError={() => setBroken(true)}
          />
        </Stage>
      }
      below={document.isError && <ProblemNotice error={document.error} onRetry={() => void document.refetch()} />}
    />
  );
}
