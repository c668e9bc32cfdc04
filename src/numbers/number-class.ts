// The classes of called numbers (glossary: number class).

export const NUMBER_CLASSES = [
  'mobile',
  'landline',
  'internet',
  'representative',
  'premium',
  'special',
  'emergency',
  'international',
] as const;

export type NumberClass = (typeof NUMBER_CLASSES)[number];
