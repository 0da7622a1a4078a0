import { Center, Loader } from "@mantine/core";

/** While the console finds out what to show. */
export function Opening() {
  return (
    <Center h="100dvh">
      <Loader />
    </Center>
  );
}
