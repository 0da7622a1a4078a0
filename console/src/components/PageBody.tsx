import { Box, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./PageBody.module.css";

interface Props {
  title: ReactNode;
  text?: ReactNode;
  /** Buttons at the right of the title. */
  actions?: ReactNode;
  /** "wide": all of the window; "reading": lists and forms that would be hard to read across a wide window. */
  width?: "wide" | "reading";
  children: ReactNode;
}

/** Title, one line of explanation, buttons, and the page below. */
export function PageBody({ title, text, actions, width = "wide", children }: Props) {
  return (
    <Box className={classes.body} data-width={width}>
      <Group justify="space-between" align="flex-end" gap="md" mb="lg">
        <Stack gap={2} className={classes.head}>
          <Title order={1}>{title}</Title>
          {text && <Text c="dimmed">{text}</Text>}
        </Stack>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Box>
  );
}
