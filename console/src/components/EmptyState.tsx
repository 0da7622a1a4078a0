import { Stack, Text, ThemeIcon, Title } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";

interface Props {
  icon: Icon;
  title: string;
  text?: ReactNode;
  children?: ReactNode;
  /** 1 where it is all that the page has. */
  level?: 1 | 2;
}

/** Nothing here (yet): why, and what to do. */
export function EmptyState({ icon: Icon, title, text, children, level = 2 }: Props) {
  return (
    <Stack align="center" gap="sm" py={64} px="md" mx="auto" maw={560} ta="center">
      <ThemeIcon size={56} radius="xl" variant="light">
        <Icon size={28} stroke={1.6} aria-hidden />
      </ThemeIcon>
      <Title order={level} size="h2">
        {title}
      </Title>
      {text && <Text c="dimmed">{text}</Text>}
      {children}
    </Stack>
  );
}
