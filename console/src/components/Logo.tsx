/** The product's mark: an eye in a viewfinder. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-lake-7)" />
      <g fill="none" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round">
        <path d="M7 12V9a2 2 0 0 1 2-2h3M20 7h3a2 2 0 0 1 2 2v3M25 20v3a2 2 0 0 1-2 2h-3M12 25H9a2 2 0 0 1-2-2v-3" />
        <path d="M9.5 16c3.600-4.800 9.400-4.800 13 0-3.600 4.800-9.400 4.800-13 0z" />
      </g>
      <circle cx="16" cy="16" r="2.1" fill="#fff" />
    </svg>
  );
}
