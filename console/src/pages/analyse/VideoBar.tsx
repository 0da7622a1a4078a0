import { ActionIcon, Group, Select, Text } from "@mantine/core";
import {
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBack,
  IconPlayerSkipForward,
  IconVolume,
  IconVolumeOff,
} from "@tabler/icons-react";
import { type RefObject, useState } from "react";
import { useTranslation } from "react-i18next";
import { formatClock } from "~/lib/format";

interface Props {
  video: RefObject<HTMLVideoElement | null>;
  timeS: number;
  durationS: number;
  playing: boolean;
  onToggle: () => void;
  onStep: (frames: number) => void;
}

/** Play, step by frames, speed, sound. */
export function VideoBar({ video, timeS, durationS, playing, onToggle, onStep }: Props) {
  const { t } = useTranslation("analyse");
  const [muted, setMuted] = useState(false);
  const [speed, setSpeed] = useState("1");
  const mute = () => {
    if (video.current) video.current.muted = !muted;
    setMuted(!muted);
  };
  const play = playing ? t("video.pause") : t("video.play");
  return (
    <Group gap={6} wrap="nowrap" justify="space-between">
      <Group gap={4} wrap="nowrap">
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={t("video.back")}
          title={t("video.back")}
          onClick={() => onStep(-1)}
        >
          <IconPlayerSkipBack size={18} aria-hidden />
        </ActionIcon>
        <ActionIcon size={40} radius="xl" aria-label={play} title={play} onClick={onToggle}>
          {playing ? <IconPlayerPauseFilled size={19} aria-hidden /> : <IconPlayerPlayFilled size={19} aria-hidden />}
        </ActionIcon>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={t("video.forward")}
          title={t("video.forward")}
          onClick={() => onStep(1)}
        >
          <IconPlayerSkipForward size={18} aria-hidden />
        </ActionIcon>
        <Text size="sm" className="numbers" ml={6}>
          {formatClock(timeS, 2)}
          <Text span size="sm" c="dimmed">
            {" / "}
            {formatClock(durationS)}
          </Text>
        </Text>
      </Group>
      <Group gap={4} wrap="nowrap">
        <Select
          size="xs"
          w={78}
          value={speed}
          data={["0.1", "0.25", "0.5", "1", "2", "4"].map((value) => ({ value, label: `${value}×` }))}
          allowDeselect={false}
          aria-label={t("video.speed")}
          onChange={(value) => {
            setSpeed(value ?? "1");
            if (video.current) video.current.playbackRate = Number(value ?? "1");
          }}
        />
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-pressed={muted}
          aria-label={t("video.mute")}
          title={t("video.mute")}
          onClick={mute}
        >
          {muted ? <IconVolumeOff size={18} aria-hidden /> : <IconVolume size={18} aria-hidden />}
        </ActionIcon>
      </Group>
    </Group>
  );
}
